//! The part of a node's kernel that belongs to the data plane, as plain values.
//!
//! The same types describe what should be there ([`super::desired`]) and what is there ([`super::kernel`]);
//! [`super::plan`] turns the difference into operations. Nothing here touches the kernel.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use swarmlite_proto::id::NetworkId;

use super::balancer::VirtualServices;
use super::endpoint::Endpoint;
use super::ruleset::Ruleset;

/// The node's side of the link between the node and its ingress sandbox.
pub const HOST_LINK: &str = "swarmlite0";

/// The ingress sandbox's side of that link.
pub const UPLINK: &str = "uplink0";

/// The node's address on the link to the ingress sandbox. Connections of the node to itself come from it.
pub const HOST_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 255, 1);

/// The ingress sandbox's address on that link, to which published ports are translated.
pub const INGRESS_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 255, 2);

/// The prefix length of that link.
pub const UPLINK_PREFIX: u8 = 30;

/// The routing table that every namespace starts with (`RT_TABLE_MAIN`).
pub const MAIN_TABLE: u32 = 254;

/// The file name of a network's namespace: the first characters of the network's id, as Docker shortens ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxName(String);

impl SandboxName {
    /// How many characters of the network's id the name has.
    pub const LEN: usize = 12;

    /// The sandbox of this network.
    #[must_use]
    pub fn of(network: &NetworkId) -> Self {
        Self(network.as_str().chars().take(Self::LEN).collect())
    }

    /// The sandbox with this file name, if it is one that this project gives.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        let ours = name.len() == Self::LEN && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ours.then(|| Self(name.to_owned()))
    }

    /// The file name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SandboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The node's own, in which its addresses and Docker Engine are.
    Host,
    /// The one of a network.
    Sandbox(SandboxName),
    /// The one of a running process: a container.
    Process(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the node"),
            Self::Sandbox(name) => write!(f, "sandbox {name}"),
            Self::Process(pid) => write!(f, "process {pid}"),
        }
    }
}

/// Everything of the data plane on one node. [`Place::Host`] is always present.
pub type NodeState = BTreeMap<Place, Namespace>;

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

/// What a namespace holds of something that can only be replaced as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Held<T> {
    /// Nothing.
    #[default]
    Absent,
    /// Something, but not necessarily what was put there: another wrote to it, or this process has not.
    Unknown,
    /// Exactly this.
    Exactly(T),
}

impl<T> Held<T> {
    /// What it holds, where that is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Exactly(value) => Some(value),
            Self::Absent | Self::Unknown => None,
        }
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
pub fn namespace_sysctls(place: &Place) -> &'static [(&'static str, &'static str)] {
    match place {
        Place::Host => &[("ipv4/ip_forward", "1")],
        // Replies may leave by another link than the one they are expected on, and a container that reaches itself
        // through a virtual address must not be told of a shorter way.
        Place::Sandbox(_) => &[
            ("ipv4/ip_forward", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
            ("ipv4/conf/all/send_redirects", "0"),
            ("ipv4/conf/default/send_redirects", "0"),
        ],
        Place::Process(_) => &[],
    }
}
