//! The part of a node's kernel that belongs to the data plane, as plain values.
//!
//! The same types describe what should be there ([`super::desired`]) and what is there ([`super::kernel`]);
//! [`super::plan`] turns the difference into operations. Nothing here touches the kernel.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::balancer::service::VirtualServices;
use super::endpoint::Endpoint;
use super::held::Held;
use super::mac::Mac;
use super::netns::Netns;
use super::netns::SandboxName;
use super::ruleset::Ruleset;

/// The routing table that every namespace starts with (`RT_TABLE_MAIN`).
pub const MAIN_TABLE: u32 = 254;

/// Everything of the data plane on one node. [`Netns::Host`] is always present.
pub type NodeState = BTreeMap<Netns, Namespace>;

/// Everything of the data plane in one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Links by name.
    pub links: BTreeMap<String, Link>,
    /// Addresses by link. Those that the kernel gives by itself (`127.0.0.1`) are left out.
    pub addresses: BTreeSet<(String, Ipv4Net)>,
    /// Permanent neighbours.
    pub neighbours: BTreeMap<(String, Ipv4Addr), Mac>,
    /// Forwarding entries of VXLAN links: behind which underlay address a hardware address is.
    pub forwarding: BTreeMap<(String, Mac), IpAddr>,
    /// Static routes by table and destination.
    pub routes: BTreeMap<(u32, Ipv4Net), Route>,
    /// Rules that choose a routing table.
    pub rules: BTreeSet<Rule>,
    /// Settings under `/proc/sys/net`, by path below it.
    pub sysctls: BTreeMap<String, String>,
    /// The table of everything but balancing.
    pub ruleset: Held<Ruleset>,
    /// What the balancer balances.
    pub services: Held<VirtualServices>,
    /// Links whose traffic the engine's firewall lets pass (chain `DOCKER-USER`).
    pub passed: BTreeSet<String>,
}

impl Namespace {
    /// Takes out a link and all that goes with it when the kernel removes it.
    pub fn lose_link(&mut self, name: &str) {
        self.links.remove(name);
        self.addresses.retain(|(link, _)| link != name);
        self.neighbours.retain(|(link, _), _| link != name);
        self.forwarding.retain(|(link, _), _| link != name);
        self.routes.retain(|_, route| match route {
            Route::Link(link) | Route::Via { link, .. } => link != name,
            Route::Unreachable => true,
        });
        let setting = format!("/{name}/");
        self.sysctls.retain(|key, _| !key.contains(&setting));
    }
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is.
    pub kind: LinkKind,
    /// Whether it is up.
    pub up: bool,
}

/// What a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// `lo`.
    Loopback,
    /// The tunnel to the other nodes.
    Vxlan(Vxlan),
    /// A container's link, on our side.
    Endpoint(Endpoint),
    /// The node's side of the link to the ingress sandbox.
    HostLink {
        /// In which sandbox the other side is. The kernel does not tell, so observations have `None`.
        peer: Option<SandboxName>,
        /// Its MTU in bytes.
        mtu: u32,
    },
    /// The ingress sandbox's side of that link.
    Uplink,
    /// A link that looks like one of ours and is not whole. It is always removed.
    Broken,
}

/// A VXLAN device without learning (`struct vxlan_config`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// The number of the network in packet headers.
    pub vni: u32,
    /// The UDP port on both ends.
    pub port: u16,
    /// The node's underlay address.
    pub local: IpAddr,
    /// The node's hardware address in the tunnel.
    pub mac: Mac,
    /// MTU in bytes.
    pub mtu: u32,
}

/// Where packets for a destination go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the neighbours on a link.
    Link(String),
    /// To a neighbour on a link, whether or not its address is in a subnet of the link.
    Via {
        /// The neighbour.
        gateway: Ipv4Addr,
        /// The link.
        link: String,
    },
    /// Nowhere: the sender is told so.
    Unreachable,
}

/// A rule that chooses a routing table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The smaller, the earlier.
    pub priority: u32,
    /// Which packets.
    pub selector: Selector,
    /// Which table.
    pub table: u32,
}

/// Which packets a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector {
    /// Those with this mark.
    Mark(u32),
    /// Those from this address.
    From(Ipv4Addr),
}

/// The settings that matter for a link, by name of the setting: `ipv4/conf/LINK/...`.
#[must_use]
pub fn link_sysctls(name: &str, kind: &LinkKind) -> Vec<(String, &'static str)> {
    match kind {
        // The container believes that its whole subnet is on this link, so this side answers for every address that
        // it has a route for; at once, as the default waits up to 0.8 s before the first answer.
        LinkKind::Endpoint(_) => vec![
            (format!("ipv4/conf/{name}/proxy_arp"), "1"),
            (format!("ipv4/neigh/{name}/proxy_delay"), "0"),
        ],
        // Lets connections of the node to 127.0.0.1 be translated into the ingress sandbox.
        LinkKind::HostLink { .. } => vec![(format!("ipv4/conf/{name}/route_localnet"), "1")],
        _ => Vec::new(),
    }
}

/// The settings that matter for a whole namespace.
#[must_use]
pub fn namespace_sysctls(netns: &Netns) -> &'static [(&'static str, &'static str)] {
    match netns {
        Netns::Host => &[("ipv4/ip_forward", "1")],
        // Replies may leave by another link than the one they are expected on, and a container that reaches itself
        // through a virtual address must not be told of a shorter way.
        Netns::Sandbox(_) => &[
            ("ipv4/ip_forward", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
            ("ipv4/conf/all/send_redirects", "0"),
            ("ipv4/conf/default/send_redirects", "0"),
        ],
        Netns::Process(_) => &[],
    }
}
