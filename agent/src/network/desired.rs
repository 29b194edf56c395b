//! From what the manager assigned to what the kernel should hold. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::NodeIndex;

use super::assignments::NetworkAssignments;
use super::balancer::service::Backend;
use super::balancer::service::Frontend;
use super::balancer::service::Service;
use super::balancer::service::VirtualServices;
use super::endpoint::Endpoint;
use super::held::Held;
use super::kernel::Observed;
use super::mac::Mac;
use super::netns::Netns;
use super::netns::SandboxName;
use super::ruleset::Marks;
use super::ruleset::Ruleset;
use super::state::Link;
use super::state::LinkKind;
use super::state::MAIN_TABLE;
use super::state::Namespace;
use super::state::NodeState;
use super::state::Route;
use super::state::Rule;
use super::state::Selector;
use super::state::Vxlan;
use super::state::link_sysctls;
use super::state::namespace_sysctls;
use super::uplink::HOST_ADDRESS;
use super::uplink::HOST_LINK;
use super::uplink::INGRESS_ADDRESS;
use super::uplink::UPLINK;
use super::uplink::UPLINK_PREFIX;

/// What VXLAN over IPv4 adds to a packet, in bytes: the inner Ethernet header, VXLAN, UDP and IP (RFC 7348).
const OVERHEAD_V4: u32 = 50;

/// The same over IPv6.
const OVERHEAD_V6: u32 = 70;

/// The MTU to assume where no link has the node's underlay address.
const ETHERNET_MTU: u32 = 1500;

/// The routing table of a node is this plus its index, which leaves the tables that every system has alone.
const NODE_TABLES: u32 = 0x1_0000;

/// The priority of the rules that send replies back: after `local` (0), before `main` (32766).
const MARK_PRIORITY: u32 = 1000;

/// The node itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    /// Its underlay address.
    pub(crate) data_path_addr: IpAddr,
}

/// The assignments do not say which index this node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manager has not yet given this node its number in the data plane")]
pub struct NoIndex;

/// What the kernel of `node` should hold. The links of containers are taken from what was observed: they come and go with
/// the engine, not with assignments.
///
/// # Errors
/// If there are networks, and no index of this node.
pub(crate) fn desired(
    node: &Node,
    assignments: &NetworkAssignments,
    observed: &Observed,
) -> Result<NodeState, NoIndex> {
    let mut state = NodeState::from([(Netns::Host, Namespace::default())]);
    if assignments.networks.is_empty() {
        return Ok(state);
    }
    let own = assignments.peers.get(&node.id).ok_or(NoIndex)?;
    let mtu = container_mtu(node, observed.underlay_mtu);
    for network in assignments.networks.values() {
        let name = SandboxName::of(&network.id);
        let netns = Netns::Sandbox(name.clone());
        let seen = observed.state.get(&netns);
        let mut sandbox = Sandbox {
            node,
            own: own.index,
            mtu,
            network,
            assignments,
            namespace: Namespace::default(),
        };
        sandbox.links(seen);
        sandbox.peers();
        sandbox.services();
        if network.ingress {
            sandbox.ingress();
            state.insert(Netns::Host, host(name, mtu, assignments, network, observed.firewall));
        }
        let mut namespace = sandbox.namespace;
        settle(&netns, &mut namespace);
        state.insert(netns, namespace);
    }
    Ok(state)
}

/// The MTU in bytes that a container's link gets.
#[must_use]
pub(crate) fn container_mtu(node: &Node, underlay_mtu: Option<u32>) -> u32 {
    let overhead = if node.data_path_addr.is_ipv4() { OVERHEAD_V4 } else { OVERHEAD_V6 };
    underlay_mtu.unwrap_or(ETHERNET_MTU).saturating_sub(overhead)
}

/// The name of a network's tunnel.
pub(super) fn tunnel(network: &NetworkAssignment) -> String {
    format!("vx{}", network.vni)
}

/// Adds the settings that follow from the place and the links.
fn settle(netns: &Netns, namespace: &mut Namespace) {
    for (key, value) in namespace_sysctls(netns) {
        namespace.sysctls.insert((*key).to_owned(), (*value).to_owned());
    }
    for (name, link) in &namespace.links {
        for (key, value) in link_sysctls(name, &link.kind) {
            namespace.sysctls.insert(key, value.to_owned());
        }
    }
}

/// The node's side of the routing mesh.
fn host(
    peer: SandboxName,
    mtu: u32,
    assignments: &NetworkAssignments,
    ingress: &NetworkAssignment,
    firewall: bool,
) -> Namespace {
    let published = assignments
        .on(&ingress.id)
        .flat_map(|endpoint| &endpoint.ports)
        .map(|port| (port.protocol, port.published))
        .collect();
    let mut namespace =
        Namespace { ruleset: Held::Exactly(Ruleset::Host { published }), ..Namespace::default() };
    let kind = LinkKind::HostLink { peer: Some(peer), mtu };
    namespace.links.insert(HOST_LINK.to_owned(), Link { kind, up: true });
    namespace
        .addresses
        .extend(prefix(HOST_ADDRESS, UPLINK_PREFIX).map(|net| (HOST_LINK.to_owned(), net)));
    if firewall {
        namespace.passed.insert(HOST_LINK.to_owned());
    }
    settle(&Netns::Host, &mut namespace);
    namespace
}

/// The sandbox of one network, as it is put together.
struct Sandbox<'a> {
    node: &'a Node,
    own: NodeIndex,
    mtu: u32,
    network: &'a NetworkAssignment,
    assignments: &'a NetworkAssignments,
    namespace: Namespace,
}

impl Sandbox<'_> {
    fn links(&mut self, seen: Option<&Namespace>) {
        let vxlan = Vxlan {
            vni: self.network.vni,
            port: self.network.data_path_port,
            local: self.node.data_path_addr,
            mac: Mac(self.own.tunnel_mac()),
            mtu: self.mtu,
        };
        self.link("lo", LinkKind::Loopback);
        self.link(&tunnel(self.network), LinkKind::Vxlan(vxlan));
        self.address("lo", self.network.gateway, 32);
        self.address(&tunnel(self.network), self.own.tunnel_address(), 32);
        // Addresses of the network that nobody has. Without this they would follow the default route of the ingress sandbox.
        self.namespace.routes.insert((MAIN_TABLE, self.network.subnet.trunc()), Route::Unreachable);
        for (name, link) in seen.into_iter().flat_map(|seen| &seen.links) {
            if let LinkKind::Endpoint(endpoint) = &link.kind {
                self.link(name, link.kind.clone());
                self.route(endpoint.address.addr(), Route::Link(name.clone()));
            }
        }
    }

    /// Every other node: where its tunnel ends, and which containers are behind it.
    fn peers(&mut self) {
        let tunnel = tunnel(self.network);
        for peer in self.assignments.peers.values().filter(|peer| peer.node_id != self.node.id) {
            let mac = Mac(peer.index.tunnel_mac());
            let address = peer.index.tunnel_address();
            self.namespace.neighbours.insert((tunnel.clone(), address), mac);
            self.namespace.forwarding.insert((tunnel.clone(), mac), peer.data_path_addr);
        }
        for (addr, node) in self.assignments.addresses(&self.network.id) {
            // What is assigned to another node is there, whatever an old local container believes.
            if *node != self.node.id
                && let Some(peer) = self.assignments.peers.get(node)
            {
                let gateway = peer.index.tunnel_address();
                self.route(addr, Route::Via { gateway, link: tunnel.clone() });
            }
        }
    }

    fn services(&mut self) {
        let mut services = VirtualServices::new();
        for endpoint in self.assignments.on(&self.network.id) {
            if let Some(vip) = endpoint.vip {
                self.address("lo", vip, 32);
                services.insert(Frontend::Address(vip), service(endpoint, None));
            }
            for port in &endpoint.ports {
                let frontend = Frontend::Port { protocol: port.protocol, port: port.published };
                services.insert(frontend, service(endpoint, Some(port.target)));
            }
        }
        let local: Vec<Ipv4Addr> = self
            .namespace
            .links
            .values()
            .filter_map(|link| match &link.kind {
                LinkKind::Endpoint(Endpoint { address, .. }) => Some(address.addr()),
                _ => None,
            })
            .collect();
        let hairpin = services
            .values()
            .flat_map(Service::serving)
            .map(|backend| backend.addr)
            .filter(|address| local.contains(address))
            .collect();
        self.namespace.ruleset =
            Held::Exactly(Ruleset::Sandbox { gateway: self.network.gateway, hairpin, marks: None });
        self.namespace.services = Held::Exactly(services);
    }

    /// The way in from the node, and the ways back to the nodes that connections came in by.
    fn ingress(&mut self) {
        let tunnel = tunnel(self.network);
        self.link(UPLINK, LinkKind::Uplink);
        self.address(UPLINK, INGRESS_ADDRESS, UPLINK_PREFIX);
        let out = Route::Via { gateway: HOST_ADDRESS, link: UPLINK.to_owned() };
        self.namespace.routes.insert((MAIN_TABLE, Ipv4Net::default()), out);
        let mut nodes = BTreeMap::new();
        for peer in self.assignments.peers.values().filter(|peer| peer.node_id != self.node.id) {
            let mark = u32::from(peer.index.0);
            let table = NODE_TABLES + mark;
            nodes.insert(Mac(peer.index.tunnel_mac()), mark);
            self.namespace.rules.insert(Rule {
                priority: MARK_PRIORITY,
                selector: Selector::Mark(mark),
                table,
            });
            let gateway = peer.index.tunnel_address();
            let back = Route::Via { gateway, link: tunnel.clone() };
            self.namespace.routes.insert((table, Ipv4Net::default()), back);
            // By this the kernel answers the node when that asks whether this one is there.
            self.route(gateway, Route::Link(tunnel.clone()));
        }
        if let Held::Exactly(Ruleset::Sandbox { marks, .. }) = &mut self.namespace.ruleset {
            *marks = Some(Marks { tunnel, nodes });
        }
    }

    fn link(&mut self, name: &str, kind: LinkKind) {
        self.namespace.links.insert(name.to_owned(), Link { kind, up: true });
    }

    fn address(&mut self, link: &str, address: Ipv4Addr, len: u8) {
        self.namespace.addresses.extend(prefix(address, len).map(|net| (link.to_owned(), net)));
    }

    fn route(&mut self, to: Ipv4Addr, route: Route) {
        self.namespace.routes.extend(prefix(to, 32).map(|to| ((MAIN_TABLE, to), route)));
    }
}

/// A prefix, as an option because its length is only known to be one of ours by reading the code.
fn prefix(address: Ipv4Addr, len: u8) -> Option<Ipv4Net> {
    Ipv4Net::new(address, len).ok()
}

fn service(endpoint: &EndpointAssignment, port: Option<u16>) -> Service {
    let backends = endpoint
        .tasks
        .iter()
        .map(|task| Backend { addr: task.addr, port, weight: u16::from(task.serving) })
        .collect();
    Service { balancing: endpoint.balancing, backends }
}

#[cfg(test)]
pub(crate) mod tests;
