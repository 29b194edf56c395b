//! What nftables does around IPVS, as a table of rules. Pure.
//!
//! - It marks packets to virtual addresses, as IPVS has services for all ports of an address only by mark. That is done after
//!   routing has chosen the local stack, and taken off behind IPVS, so that no route of the node that follows marks is taken by
//!   accident.
//! - It refuses new connections to ports that nobody serves. IPVS has such a port for as long as connections drain, and would
//!   refuse with ICMP errors, of which the kernel sends one per second and client.
//! - It hides from IPVS the replies that are none of its business. IPVS knows a reply by its two ends alone, and would give the
//!   virtual address to what a task answers the same port of a client about another connection: one to the task itself, or one
//!   that another node balanced and sent here by the tunnel. Connection tracking knows them apart, by where they were first sent
//!   to. IPVS leaves alone what is of a protocol that it does not know, so that is what these replies are while they pass its
//!   hook on the forwarding path, and before anyone else sees them they are what they were.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;

use swarmlite_proto::spec::PortProtocol;

use super::table::DATAGRAMS;
use crate::network::balancer::service::Frontend;
use crate::network::balancer::service::VirtualServices;
use crate::network::balancer::tables::TABLE;
use crate::network::nft::elements;
use crate::network::nft::hook;
use crate::network::nft::hook::Hook;
use crate::network::nft::hook::priority;
use crate::network::uplink::INGRESS_ADDRESS;

/// Protocols that IPVS knows, and numbers that are no protocol (IANA has 148 to 252 unassigned).
const HIDDEN: [(u8, u8); 4] = [(1, 249), (6, 250), (17, 251), (132, 252)];

/// The priorities of the first and the last that IPVS does with what is forwarded (`net/netfilter/ipvs/ip_vs_core.c`, `ip_vs_ops4`).
const IPVS_FIRST: i32 = 99;
const IPVS_LAST: i32 = 100;

/// What the rules of one namespace have to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// The virtual addresses whose packets have to be marked. Where nobody serves there is no mark: connections that exist are
    /// found without, and new ones are refused by the local stack.
    pub(super) marked: BTreeSet<Ipv4Addr>,
    /// The published ports that nobody serves.
    pub(super) refused: BTreeSet<(PortProtocol, u16)>,
    /// Where the connections that IPVS balances are sent to.
    pub(super) balanced: BTreeSet<Ipv4Addr>,
}

impl Rules {
    /// What these services need.
    pub(super) fn of(services: &VirtualServices) -> Self {
        let mut rules = Self::default();
        for (frontend, service) in services {
            let served = service.serving().next().is_some();
            match *frontend {
                Frontend::Address(addr) => {
                    rules.balanced.insert(addr);
                    if served {
                        rules.marked.insert(addr);
                    }
                }
                Frontend::Port { protocol, port } => {
                    rules.balanced.insert(INGRESS_ADDRESS);
                    if !served {
                        rules.refused.insert((protocol, port));
                    }
                }
            }
        }
        rules
    }

    /// The table in the language of `nft -f`.
    pub(super) fn table(&self) -> String {
        let map = |bit: u32| {
            let marks = self.marked.iter();
            list(marks.map(|addr| format!("{addr} : {:#010x}", u32::from(*addr) ^ bit)))
        };
        let (hide, show) = hiding();
        let filter = |at, priority| Hook { kind: "filter", at, priority };
        let input = hook::chain(
            "input",
            filter("input", priority::MANGLE),
            &format!(
                "\t\tmeta l4proto {{ tcp, sctp }} meta mark set ip daddr map @streams
\t\tmeta l4proto udp meta mark set ip daddr map @datagrams
\t\tip daddr {INGRESS_ADDRESS} ct state new meta l4proto . th dport @refused goto refuse
"
            ),
        );
        let output =
            hook::chain("output", filter("output", priority::MANGLE), "\t\tmeta mark set 0x0\n");
        let before_ipvs = hook::chain(
            "before_ipvs",
            filter("forward", IPVS_FIRST - 2),
            "\t\tct direction reply ct original ip daddr != @balanced goto hide\n",
        );
        let behind_ipvs = hook::chain("behind_ipvs", filter("forward", IPVS_LAST + 1), &show);
        format!(
            "table ip {TABLE} {{
\tmap streams {{
\t\ttype ipv4_addr : mark{}
\t}}
\tmap datagrams {{
\t\ttype ipv4_addr : mark{}
\t}}
\tset refused {{
\t\ttype inet_proto . inet_service{}
\t}}
\tset balanced {{
\t\ttype ipv4_addr{}
\t}}
\tchain refuse {{
\t\tmeta l4proto tcp reject with tcp reset
\t\treject
\t}}
{input}{output}\tchain hide {{
{hide}\t}}
{before_ipvs}{behind_ipvs}}}
",
            map(0),
            map(DATAGRAMS),
            list(
                self.refused
                    .iter()
                    .map(|(protocol, port)| format!("{} . {port}", protocol.as_str()))
            ),
            list(self.balanced.iter().map(Ipv4Addr::to_string)),
        )
    }
}

/// The `elements` clause of a set or map.
fn list(items: impl Iterator<Item = String>) -> String {
    elements(&items.collect::<Vec<_>>())
}

/// The rules that hide a packet, and those that undo it. The byte of the protocol is written as a raw one: by its name, nftables
/// would keep checksums right, and could not undo that for a protocol that it does not know. Untouched they are right again after.
fn hiding() -> (String, String) {
    let (mut hide, mut show) = (String::new(), String::new());
    for (protocol, hidden) in HIDDEN {
        // Writing to a string cannot fail.
        let _ = writeln!(hide, "\t\tip protocol {protocol} @nh,72,8 set {hidden}");
        let _ = writeln!(show, "\t\tip protocol {hidden} @nh,72,8 set {protocol}");
    }
    (hide, show)
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::balance::Balancing;

    use super::*;
    use crate::network::balancer::service::Backend;
    use crate::network::balancer::service::Service;

    const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn service(weight: u16) -> Service {
        let backends = vec![Backend { addr: Ipv4Addr::new(10, 0, 0, 3), port: None, weight }];
        Service { balancing: Balancing::default(), backends }
    }

    #[test]
    fn what_nobody_serves_is_neither_marked_nor_left_to_ipvs_but_its_replies_are() {
        let port = |port| Frontend::Port { protocol: PortProtocol::Tcp, port };
        let other = Ipv4Addr::new(10, 0, 0, 9);
        let rules = Rules::of(&VirtualServices::from([
            (Frontend::Address(VIP), service(1)),
            (Frontend::Address(other), service(0)),
            (port(80), service(1)),
            (port(81), service(0)),
        ]));
        assert_eq!(rules.marked, [VIP].into());
        assert_eq!(rules.refused, [(PortProtocol::Tcp, 81)].into());
        assert_eq!(rules.balanced, [VIP, other, INGRESS_ADDRESS].into());
    }

    #[test]
    fn an_address_has_a_mark_for_streams_and_one_for_datagrams() {
        let text = Rules::of(&[(Frontend::Address(VIP), service(1))].into()).table();
        assert!(text.contains("10.0.0.2 : 0x0a000002\n"), "{text}");
        assert!(text.contains("10.0.0.2 : 0x8a000002\n"), "{text}");
    }

    #[test]
    fn what_is_hidden_is_shown_again() {
        let (hide, show) = hiding();
        for (hide, show) in hide.lines().zip(show.lines()) {
            let hide: Vec<&str> = hide.split_whitespace().collect();
            let show: Vec<&str> = show.split_whitespace().collect();
            assert_eq!((hide[2], hide[5]), (show[5], show[2]));
        }
    }
}
