//! The nftables table `swarmlite`: everything but balancing.
//!
//! A [`Ruleset`] is what the rules have to know; [`Ruleset::table`] is the text. Pure; [`super::nft`] hands it to the kernel.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use swarmlite_proto::spec::PortProtocol;

use super::endpoint::ENDPOINT_PREFIX;
use super::mac::Mac;
use super::nft::elements;
use super::nft::hook;
use super::nft::hook::Hook;
use super::nft::hook::priority;
use super::uplink::HOST_ADDRESS;
use super::uplink::HOST_LINK;
use super::uplink::INGRESS_ADDRESS;
use super::uplink::UPLINK;

/// The name of the table.
pub const TABLE: &str = "swarmlite";

/// The mark that a container puts on replies to what came in by the ingress network.
pub const CONTAINER_MARK: u32 = 0x5357;

/// What the rules of one namespace have to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruleset {
    /// On the node: published ports go to the ingress sandbox.
    Host {
        /// The published ports.
        published: BTreeSet<(PortProtocol, u16)>,
    },
    /// In the sandbox of a network.
    Sandbox {
        /// The network's gateway.
        gateway: Ipv4Addr,
        /// The addresses of local containers that balancing may lead back to themselves.
        hairpin: BTreeSet<Ipv4Addr>,
        /// On the ingress network: how to find the way back.
        marks: Option<Marks>,
    },
    /// In a container on the ingress network.
    Container {
        /// The container's link to the ingress network.
        link: String,
        /// The container's address there.
        address: Ipv4Addr,
        /// The address that a socket bound to no address answers from.
        default_source: Option<Ipv4Addr>,
    },
    /// In a container that was made without the name service of the cluster.
    Names {
        /// Where the name service answers.
        gateway: Ipv4Addr,
    },
}

/// Which node a connection came in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The tunnel.
    pub tunnel: String,
    /// The mark of each node, by its hardware address in the tunnel.
    pub nodes: BTreeMap<Mac, u32>,
}

impl Ruleset {
    /// The rules in the language of `nft -f`.
    #[must_use]
    pub fn table(&self) -> String {
        match self {
            Self::Host { published } => host(published),
            Self::Sandbox { gateway, hairpin, marks } => sandbox(*gateway, hairpin, marks.as_ref()),
            Self::Container { link, address, default_source } => {
                container(link, *address, *default_source)
            }
            Self::Names { gateway } => names(*gateway),
        }
    }
}

fn host(published: &BTreeSet<(PortProtocol, u16)>) -> String {
    let ports: Vec<String> = published
        .iter()
        .map(|(protocol, port)| format!("{} . {port}", protocol.as_str()))
        .collect();
    // Both calls come before Docker's own translation, so that a port of the cluster is the cluster's.
    let nat = |at, priority| Hook { kind: "nat", at, priority };
    let publish = format!(
        "\t\tfib daddr type local meta l4proto . th dport @published dnat to {INGRESS_ADDRESS}\n"
    );
    let prerouting = hook::chain("prerouting", nat("prerouting", priority::NAT_DST - 2), &publish);
    let output = hook::chain("output", nat("output", priority::NAT_DST - 2), &publish);
    let postrouting = hook::chain(
        "postrouting",
        nat("postrouting", priority::NAT_SRC - 2),
        &format!("\t\toifname \"{HOST_LINK}\" ip saddr 127.0.0.0/8 snat to {HOST_ADDRESS}\n"),
    );
    format!(
        "table ip {TABLE} {{
\tset published {{
\t\ttype inet_proto . inet_service{}
\t}}
{prerouting}{output}{postrouting}}}
",
        elements(&ports)
    )
}

/// A packet of a container to itself comes here only after balancing led it back. Whether that was done by translation
/// (`ct status dnat`) is not asked, as IPVS does not leave that trace.
fn sandbox(gateway: Ipv4Addr, hairpin: &BTreeSet<Ipv4Addr>, marks: Option<&Marks>) -> String {
    let hairpin: Vec<String> =
        hairpin.iter().map(|address| format!("{address} . {address}")).collect();
    let marks = marks.map(mark_rules).unwrap_or_default();
    let postrouting = hook::chain(
        "postrouting",
        Hook { kind: "nat", at: "postrouting", priority: priority::NAT_SRC },
        &format!("\t\tip saddr . ip daddr @hairpin snat to {gateway}\n"),
    );
    format!(
        "table ip {TABLE} {{
{marks}\tset hairpin {{
\t\ttype ipv4_addr . ipv4_addr{}
\t}}
{postrouting}}}
",
        elements(&hairpin)
    )
}

/// Connections are marked with the node they came in by; replies carry the mark, and a rule per mark routes them there.
///
/// A client may use one port for connections through several nodes, and all of them may lead to the same container: they would be one
/// connection here, and each would break the other. So requests are tracked apart, in a zone per node. Replies are not, which
/// makes the kernel see that two connections have the same ends, and give the later one another source port.
fn mark_rules(marks: &Marks) -> String {
    let nodes: Vec<String> =
        marks.nodes.iter().map(|(mac, mark)| format!("{mac} : {mark:#x}")).collect();
    let zones: Vec<String> =
        marks.nodes.iter().map(|(mac, mark)| format!("{mac} : {mark}")).collect();
    let tunnel = &marks.tunnel;
    // A map must not be empty where it is written into a rule, and one of zones cannot be declared.
    let zone_rule = match zones.is_empty() {
        true => String::new(),
        false => format!(
            "\t\tiifname \"{tunnel}\" ct original zone set ether saddr map {{ {} }}\n",
            zones.join(", ")
        ),
    };
    let prerouting = |priority| Hook { kind: "filter", at: "prerouting", priority };
    let zone_in = hook::chain("zone_in", prerouting(priority::RAW), &zone_rule);
    let mark_in = hook::chain(
        "mark_in",
        prerouting(priority::MANGLE),
        &format!(
            "\t\tiifname \"{UPLINK}\" ct direction original ct mark set 0x0
\t\tiifname \"{tunnel}\" ct direction original ct mark set ether saddr map @node_mark
\t\tiifname \"{ENDPOINT_PREFIX}*\" meta mark set ct mark
"
        ),
    );
    format!(
        "\tmap node_mark {{
\t\ttype ether_addr : mark{}
\t}}
{zone_in}{mark_in}",
        elements(&nodes),
    )
}

/// Questions that the engine's own resolver does not know the answer to, and passes on from inside the container, go to the name service
/// of the cluster instead, which passes on what it does not know. They come from the container's address on its network, as that is
/// how the name service knows whose names are to be seen.
fn names(gateway: Ipv4Addr) -> String {
    format!(
        "table ip {TABLE} {{
\tchain output {{
\t\ttype nat hook output priority -101; policy accept;
\t\tip daddr != 127.0.0.0/8 meta l4proto {{ tcp, udp }} th dport 53 dnat to {gateway}
\t}}
\tchain postrouting {{
\t\ttype nat hook postrouting priority srcnat - 1; policy accept;
\t\tip daddr {gateway} meta l4proto {{ tcp, udp }} th dport 53 masquerade
\t}}
}}
"
    )
}

/// A UDP server that is bound to no address answers from the address of the default route, which is not the one that was
/// asked. Its requests are therefore translated to that address, and its replies back: so they match the connection, and
/// the mark leads them out where the request came in. Rules on the source address do that for TCP.
fn container(link: &str, address: Ipv4Addr, default_source: Option<Ipv4Addr>) -> String {
    let translate = default_source
        .map(|source| {
            format!("\t\tiifname \"{link}\" meta l4proto udp ip daddr {address} dnat to {source}\n")
        })
        .unwrap_or_default();
    format!(
        "table ip {TABLE} {{
\tchain mark_in {{
\t\ttype filter hook prerouting priority mangle; policy accept;
\t\tiifname \"{link}\" ct state new ct mark set {CONTAINER_MARK:#x}
\t}}
\tchain prerouting {{
\t\ttype nat hook prerouting priority dstnat; policy accept;
{translate}\t}}
\tchain output {{
\t\ttype route hook output priority mangle; policy accept;
\t\tct direction reply ct mark {CONTAINER_MARK:#x} meta mark set ct mark
\t}}
}}
"
    )
}

#[cfg(test)]
mod tests;
