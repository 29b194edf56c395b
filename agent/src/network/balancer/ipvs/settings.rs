//! What holds for IPVS in a whole namespace: settings under `/proc/sys/net/ipv4/vs`, and timeouts.

use std::fs;
use std::io;

use super::message;
use super::message::Timeouts;
use super::socket::Ipvs;
use super::socket::refused;
use crate::network::error::KernelError;
use crate::network::netns::Netns;

/// Settings, each with its reason (`Documentation/networking/ipvs-sysctl.rst`).
const SETTINGS: [(&str, &str); 6] = [
    // Connection tracking sees balanced connections: marks lead replies back to the node that a client came in by, and a
    // container that reaches itself is translated.
    ("conntrack", "1"),
    // A new connection from a port that was used before is a new connection. It would go where the old one went
    // otherwise, even if that task drains.
    ("conn_reuse_mode", "1"),
    // What is still sent to a task that is gone ends its connection: streams are reset and flows of datagrams find
    // another task. Otherwise packets would vanish until the connection times out.
    ("expire_nodest_conn", "1"),
    // A client that sticks to a task that drains finds another with its next connection.
    ("expire_quiescent_template", "1"),
    // Only the packet that opens a stream is balanced. One from the middle of a stream that is not known is refused, so
    // that its client opens another, rather than sent to a task that does not know it either.
    ("sloppy_tcp", "0"),
    // Nothing is dropped to defend against floods: that would be felt by every service of the network.
    ("drop_entry", "0"),
];

/// An idle stream is remembered for as long as connection tracking does by default (`nf_conntrack_tcp_timeout_established`),
/// five days, instead of the 15 minutes after which connection pools would find theirs dead. Ends of streams as there
/// (`..._fin_wait`). Flows of datagrams for longer than there (`nf_conntrack_udp_timeout_stream`, 120 s): a flow that is
/// balanced anew while its old translation is remembered would not find its way back.
const TIMEOUTS: Timeouts = Timeouts { tcp: 5 * 24 * 3600, tcp_fin: 120, udp: 300 };

/// Whether everything is as [`settle`] leaves it.
pub(super) fn settled(ipvs: &Ipvs) -> io::Result<bool> {
    for (name, value) in SETTINGS {
        if fs::read_to_string(path(name))?.trim() != value {
            return Ok(false);
        }
    }
    Ok(timeouts(ipvs)? == Some(TIMEOUTS))
}

/// Makes everything as it should be.
pub(super) fn settle(ipvs: &Ipvs, netns: &Netns) -> Result<(), KernelError> {
    for (name, value) in SETTINGS {
        fs::write(path(name), value)
            .map_err(|source| KernelError::Sysctl { key: format!("ipv4/vs/{name}"), source })?;
    }
    ipvs.change(message::SET_CONFIG, &message::timeouts(TIMEOUTS))
        .map_err(refused(netns, "set the timeouts"))
}

/// The timeouts as they are.
fn timeouts(ipvs: &Ipvs) -> io::Result<Option<Timeouts>> {
    let mut found = None;
    ipvs.get(message::GET_CONFIG, |answer| found = message::read_timeouts(answer))?;
    Ok(found)
}

fn path(name: &str) -> String {
    format!("/proc/sys/net/ipv4/vs/{name}")
}
