//! The nftables table that counts what is balanced: per frontend and backend, in sets that the packets themselves fill.
//!
//! It lives beside the balancer's table, which is replaced with every change, so that counting goes on. Elements that nothing was
//! counted for during a day are forgotten.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;

use serde::Deserialize;
use swarmlite_proto::spec::PortProtocol;

use crate::network::balancer::service::Backend;
use crate::network::balancer::service::Frontend;
use crate::network::balancer::service::Service;
use crate::network::balancer::service::VirtualServices;
use crate::network::balancer::statistics::Counters;
use crate::network::balancer::statistics::Statistics;
use crate::network::balancer::tables::TRAFFIC as TABLE;
use crate::network::error::KernelError;
use crate::network::nft;
use crate::network::uplink::INGRESS_ADDRESS;

const PROTOCOLS: [PortProtocol; 3] = [PortProtocol::Tcp, PortProtocol::Udp, PortProtocol::Sctp];

/// What is counted. Each is a chain, and the end of the names of its sets.
const KINDS: [Kind; 3] = [Kind::Connections, Kind::In, Kind::Out];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Connections,
    In,
    Out,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// The table in the language of `nft -f`: makes it, or leaves its counters as they are.
pub(super) fn table() -> String {
    let mut sets = String::new();
    let mut chains = String::new();
    let mut flushed = String::new();
    for kind in KINDS.map(Kind::as_str) {
        let mut set = |name: &str, of: &str| {
            // Writing to a string cannot fail.
            let _ = write!(
                sets,
                "\tset {name}_{kind} {{
\t\ttype {of}
\t\tsize 65535
\t\tflags dynamic,timeout
\t\ttimeout 1d
\t\tcounter
\t}}
"
            );
        };
        set("address", "ipv4_addr . ipv4_addr");
        let mut rules = format!(
            "\t\tct original ip daddr != {INGRESS_ADDRESS} update @address_{kind} {{ ct original ip daddr . ct reply ip saddr }} return\n"
        );
        for protocol in PROTOCOLS.map(PortProtocol::as_str) {
            set(protocol, "inet_service . ipv4_addr");
            let _ = writeln!(
                rules,
                "\t\tmeta l4proto {protocol} update @{protocol}_{kind} {{ ct original proto-dst . ct reply ip saddr }} return"
            );
        }
        let _ = write!(chains, "\tchain count_{kind} {{\n{rules}\t}}\n");
        let _ = write!(
            flushed,
            "add chain ip {TABLE} count_{kind}\nflush chain ip {TABLE} count_{kind}\n"
        );
    }
    // Chains for translation see the first packet of a connection and no other; here after its backend was chosen.
    format!(
        "add table ip {TABLE}
{flushed}add chain ip {TABLE} postrouting {{ type nat hook postrouting priority srcnat - 1; policy accept; }}
flush chain ip {TABLE} postrouting
add chain ip {TABLE} forward {{ type filter hook forward priority filter; policy accept; }}
flush chain ip {TABLE} forward
table ip {TABLE} {{
{sets}{chains}\tchain postrouting {{
\t\ttype nat hook postrouting priority srcnat - 1; policy accept;
\t\tct status dnat jump count_connections
\t}}
\tchain forward {{
\t\ttype filter hook forward priority filter; policy accept;
\t\tct status dnat ct direction original jump count_in
\t\tct status dnat ct direction reply jump count_out
\t}}
}}
"
    )
}

/// What `nft --json list table` says.
#[derive(Deserialize)]
struct Listed {
    nftables: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    set: Option<Set>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    #[serde(default)]
    elem: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    elem: Counted,
}

#[derive(Deserialize)]
struct Counted {
    val: Concatenation,
    counter: Option<Counter>,
}

#[derive(Deserialize)]
struct Concatenation {
    concat: (Part, Ipv4Addr),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Port(u16),
    Address(Ipv4Addr),
}

#[derive(Deserialize)]
struct Counter {
    packets: u64,
    bytes: u64,
}

/// What was counted of these services in the namespace of the calling thread.
///
/// # Errors
/// If nftables cannot be asked, or says what is not understood.
pub(super) fn counted(
    services: &VirtualServices,
) -> Result<BTreeMap<Frontend, Statistics>, KernelError> {
    match nft::nft(&["--json", "list", "table", "ip", TABLE], "") {
        Ok(json) => read(&json, services).map_err(|error| KernelError::Refused {
            program: nft::NFT,
            message: format!("unknown answer: {error}"),
        }),
        Err(KernelError::Absent) => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// Reads what was counted of these services from what nftables lists.
fn read(
    json: &str,
    services: &VirtualServices,
) -> serde_json::Result<BTreeMap<Frontend, Statistics>> {
    let listed: Listed = serde_json::from_str(json)?;
    let mut all: BTreeMap<Frontend, Statistics> =
        services.iter().map(|(frontend, service)| (*frontend, uncounted(service))).collect();
    for set in listed.nftables.into_iter().filter_map(|object| object.set) {
        for Element { elem } in set.elem {
            let Some((frontend, counters)) = element(&set.name, &elem) else { continue };
            let Some(statistics) = all.get_mut(&frontend) else { continue };
            statistics.total.add(counters);
            let Concatenation { concat: (_, addr) } = elem.val;
            let backend = statistics.backends.iter_mut().find(|(key, _)| *key.ip() == addr);
            if let Some((_, backend)) = backend {
                backend.add(counters);
            }
        }
    }
    Ok(all)
}

/// Zeroes for a service and its backends.
fn uncounted(service: &Service) -> Statistics {
    let zero = |backend: &Backend| {
        let backend = SocketAddrV4::new(backend.addr, backend.port.unwrap_or_default());
        (backend, Counters::default())
    };
    Statistics { total: Counters::default(), backends: service.backends.iter().map(zero).collect() }
}

/// What an element of the set of this name tells.
fn element(set: &str, element: &Counted) -> Option<(Frontend, Counters)> {
    let (of, kind) = set.split_once('_')?;
    let kind = KINDS.into_iter().find(|it| it.as_str() == kind)?;
    let frontend = match element.val.concat.0 {
        Part::Address(addr) => Frontend::Address(addr),
        Part::Port(port) => {
            let protocol = PROTOCOLS.into_iter().find(|it| it.as_str() == of)?;
            Frontend::Port { protocol, port }
        }
    };
    let Counter { packets, bytes } = *element.counter.as_ref()?;
    let none = Counters::default();
    let counters = match kind {
        Kind::Connections => Counters { connections: packets, ..none },
        Kind::In => Counters { packets_in: packets, bytes_in: bytes, ..none },
        Kind::Out => Counters { packets_out: packets, bytes_out: bytes, ..none },
    };
    Some((frontend, counters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_read_by_frontend_and_backend() {
        let vip = Frontend::Address(Ipv4Addr::new(10, 0, 0, 2));
        let port = Frontend::Port { protocol: PortProtocol::Udp, port: 8000 };
        let addr = Ipv4Addr::new(10, 0, 0, 3);
        let service = |port| Service {
            backends: vec![Backend { addr, port, weight: 1 }],
            ..Service::default()
        };
        let services = [(vip, service(None)), (port, service(Some(80)))].into();
        let json = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"set": {"name": "address_in", "elem": [
                {"elem": {"val": {"concat": ["10.0.0.2", "10.0.0.3"]}, "counter": {"packets": 3, "bytes": 180}}},
                {"elem": {"val": {"concat": ["10.0.0.2", "10.0.0.9"]}, "counter": {"packets": 1, "bytes": 60}}}]}},
            {"set": {"name": "udp_connections", "elem": [
                {"elem": {"val": {"concat": [8000, "10.0.0.3"]}, "counter": {"packets": 5, "bytes": 500}}}]}},
            {"set": {"name": "tcp_connections"}}]}"#;
        let counted = read(json, &services).expect("what nftables lists");
        // What went to a backend that is gone is part of the total.
        assert_eq!(counted[&vip].total.packets_in, 4);
        let of_backend = counted[&vip].backends[&SocketAddrV4::new(addr, 0)];
        assert_eq!((of_backend.packets_in, of_backend.bytes_in), (3, 180));
        assert_eq!(counted[&port].total, Counters { connections: 5, ..Counters::default() });
        assert_eq!(counted[&port].backends[&SocketAddrV4::new(addr, 80)].connections, 5);
    }
}
