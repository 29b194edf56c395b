//! What the kernel should hold, for assignments one can check by hand; and any assignments, for the tests of plans.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::EndpointTask;
use swarmlite_proto::agent::IngressPort;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::balance::Balancer;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::version::Generation;

use super::*;
use crate::network::assignments::Substitute;
use crate::network::kernel::fake::FakeKernel;

/// Nodes that the generated assignments are about. The first is this one.
const NODES: u8 = 3;

pub(crate) fn node_id(at: u8) -> NodeId {
    NodeId::random(&mut StdRng::seed_from_u64(u64::from(at)))
}

pub(crate) fn network_id(at: u8) -> NetworkId {
    NetworkId::random(&mut StdRng::seed_from_u64(100 + u64::from(at)))
}

pub(crate) fn this_node() -> Node {
    Node { id: node_id(0), data_path_addr: underlay(0) }
}

fn underlay(at: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 168, 77, at + 1))
}

fn peer(at: u8) -> PeerAssignment {
    let index = NodeIndex(u16::from(at) + 1);
    PeerAssignment { node_id: node_id(at), index, data_path_addr: underlay(at) }
}

/// Network 0 is the ingress network.
fn network(at: u8) -> NetworkAssignment {
    NetworkAssignment {
        id: network_id(at),
        name: format!("net{at}"),
        vni: 4096 + u32::from(at),
        data_path_port: 4789,
        subnet: Ipv4Net::new(Ipv4Addr::new(10, 0, at, 0), 24).expect("subnet"),
        gateway: Ipv4Addr::new(10, 0, at, 1),
        ingress: at == 0,
        internal: false,
        attachable: false,
        labels: Default::default(),
        options: Default::default(),
    }
}

/// A service with address `.10 * (at + 1)` and its tasks above it, on the nodes given, serving or not.
fn endpoint(net: u8, at: u8, tasks: &[(u8, bool)]) -> EndpointAssignment {
    let base = 10 * (at + 1);
    let address = |offset: u8| Ipv4Addr::new(10, 0, net, base + offset);
    let port =
        IngressPort { protocol: PortProtocol::Udp, published: 8000 + u16::from(at), target: 80 };
    EndpointAssignment {
        network_id: network_id(net),
        service_id: ServiceId::random(&mut StdRng::seed_from_u64(200 + u64::from(at))),
        name: format!("service{at}"),
        aliases: Vec::new(),
        mode: EndpointMode::Vip,
        vip: (net != 0).then(|| address(0)),
        balancing: Balancing::default(),
        http: Vec::new(),
        ports: if net == 0 { vec![port] } else { Vec::new() },
        tasks: (1_u8..)
            .zip(tasks)
            .map(|(slot, (node, serving))| EndpointTask {
                task_id: TaskId::random(&mut StdRng::seed_from_u64(300 + u64::from(slot))),
                addr: address(slot),
                node_id: node_id(*node),
                serving: *serving,
            })
            .collect(),
    }
}

fn assignments(
    peers: &[u8],
    networks: &[u8],
    endpoints: Vec<EndpointAssignment>,
) -> NetworkAssignments {
    let all: Vec<Assignment> = peers
        .iter()
        .map(|at| Assignment::Peer(peer(*at)))
        .chain(networks.iter().map(|at| Assignment::Network(network(*at))))
        .chain(endpoints.into_iter().map(Assignment::Endpoint))
        .collect();
    NetworkAssignments::new(Generation(1), &all)
}

/// A node on network 1, with another and a service of a task on each.
pub(crate) fn settled_assignments(generation: u64) -> NetworkAssignments {
    let mut all = assignments(&[0, 1], &[1], vec![endpoint(1, 0, &[(0, true), (1, true)])]);
    all.generation = Generation(generation);
    all
}

/// Any assignments with this node in them.
pub(crate) fn any_assignments() -> impl Strategy<Value = NetworkAssignments> {
    let peers = prop::collection::vec(any::<bool>(), usize::from(NODES) - 1);
    let tasks = || prop::collection::vec((0..NODES, any::<bool>()), 0..4);
    let networks = prop::collection::vec(prop::option::of(prop::collection::vec(tasks(), 0..3)), 3);
    (peers, networks).prop_map(|(others, networks)| {
        let mut peers = vec![0];
        peers.extend((1..NODES).zip(others).filter(|(_, known)| *known).map(|(at, _)| at));
        let mut on = Vec::new();
        let mut endpoints = Vec::new();
        for (net, services) in (0_u8..).zip(networks) {
            let Some(services) = services else { continue };
            on.push(net);
            endpoints.extend((0_u8..).zip(services).map(|(at, tasks)| endpoint(net, at, &tasks)));
        }
        assignments(&peers, &on, endpoints)
    })
}

/// A container of this node.
pub(crate) fn container(net: u8, last: u8) -> (Netns, Endpoint) {
    let address = Ipv4Net::new(Ipv4Addr::new(10, 0, net, last), 24).expect("address");
    let id = format!("{net:02x}{last:02x}").repeat(16);
    (Netns::Sandbox(SandboxName::of(&network_id(net))), Endpoint { id, address })
}

/// What is observed when these containers, and nothing else, are there.
fn with_containers(containers: &[(Netns, Endpoint)]) -> Observed {
    let mut observed = FakeKernel::new().lock().observed.clone();
    for (netns, endpoint) in containers {
        let link = Link { kind: LinkKind::Endpoint(endpoint.clone()), up: true };
        let namespace = observed.state.entry(netns.clone()).or_default();
        namespace.links.insert(endpoint.link_name(), link);
    }
    observed
}

fn sandbox(state: &NodeState, net: u8) -> &Namespace {
    &state[&Netns::Sandbox(SandboxName::of(&network_id(net)))]
}

fn route(namespace: &Namespace, to: [u8; 4]) -> Option<&Route> {
    namespace.routes.get(&(MAIN_TABLE, Ipv4Net::new(to.into(), 32).expect("prefix")))
}

#[test]
fn without_networks_there_is_nothing() {
    let nothing = desired(&this_node(), &assignments(&[], &[], vec![]), &Observed::default());
    assert_eq!(nothing, Ok(NodeState::from([(Netns::Host, Namespace::default())])));
}

#[test]
fn without_a_number_of_its_own_a_node_does_not_guess() {
    let unknown = desired(&this_node(), &assignments(&[1], &[1], vec![]), &Observed::default());
    assert_eq!(unknown, Err(NoIndex));
}

#[test]
fn every_task_has_a_route_and_only_serving_ones_get_connections() {
    let service = endpoint(1, 0, &[(0, true), (1, true), (1, false)]);
    let (netns, local) = container(1, 11);
    let state = desired(
        &this_node(),
        &assignments(&[0, 1], &[1], vec![service]),
        &with_containers(&[(netns, local.clone())]),
    )
    .expect("index");
    let namespace = sandbox(&state, 1);
    let remote = Route::Via { gateway: Ipv4Addr::new(169, 254, 0, 2), link: "vx4097".to_owned() };
    assert_eq!(route(namespace, [10, 0, 1, 11]), Some(&Route::Link(local.link_name())));
    assert_eq!(route(namespace, [10, 0, 1, 12]), Some(&remote));
    assert_eq!(route(namespace, [10, 0, 1, 13]), Some(&remote));
    let services = namespace.services.known().expect("known");
    let backends = &services[&Frontend::Address(Ipv4Addr::new(10, 0, 1, 10))].backends;
    let weights: Vec<u16> = backends.iter().map(|backend| backend.weight).collect();
    assert_eq!(weights, [1, 1, 0]);
    let Some(Ruleset::Sandbox { hairpin, .. }) = namespace.ruleset.known() else {
        panic!("no rules");
    };
    assert_eq!(hairpin.iter().collect::<Vec<_>>(), [&Ipv4Addr::new(10, 0, 1, 11)]);
}

#[test]
fn connections_are_spread_as_the_service_asks_by_address_and_by_port() {
    let balancing = Balancing { scheduler: Scheduler::Sh, sticky: Some(600) };
    let asking = |net| EndpointAssignment { balancing, ..endpoint(net, 0, &[(0, true)]) };
    let known = assignments(&[0], &[0, 1], vec![asking(0), asking(1), endpoint(1, 1, &[])]);
    let state = desired(&this_node(), &known, &Observed::default()).expect("index");
    let spread = |net| -> Vec<Balancing> {
        let services = sandbox(&state, net).services.known().expect("known");
        services.values().map(|service| service.balancing).collect()
    };
    assert_eq!(spread(0), [balancing]);
    assert_eq!(spread(1), [balancing, Balancing::default()]);
}

#[test]
fn what_a_node_cannot_do_is_replaced_and_told() {
    let balancing = Balancing { scheduler: Scheduler::Lc, sticky: Some(600) };
    let asking = EndpointAssignment { balancing, ..endpoint(1, 0, &[(0, true)]) };
    let id = asking.service_id.clone();
    let known = assignments(&[0], &[1], vec![asking, endpoint(1, 1, &[])]);
    let mut adapted = known.clone();
    assert_eq!(adapted.adapt(Balancer::Ipvs), BTreeMap::new());
    assert_eq!(adapted, known);
    let instead = Balancing { scheduler: Scheduler::Rr, sticky: Some(600) };
    let told = Substitute { service: "service0".to_owned(), asked: balancing, instead };
    assert_eq!(adapted.adapt(Balancer::Nftables), BTreeMap::from([(id.clone(), told)]));
    assert_eq!(adapted.endpoints[&(network_id(1), id)].balancing, instead);
}

#[test]
fn an_address_that_moved_away_is_not_kept_by_its_old_container() {
    let service = endpoint(1, 0, &[(1, true)]);
    let state = desired(
        &this_node(),
        &assignments(&[0, 1], &[1], vec![service]),
        &with_containers(&[container(1, 11)]),
    )
    .expect("index");
    assert!(matches!(route(sandbox(&state, 1), [10, 0, 1, 11]), Some(Route::Via { .. })));
}

#[test]
fn a_service_without_virtual_address_is_not_balanced() {
    let mut service = endpoint(1, 0, &[(0, true)]);
    service.vip = None;
    let state =
        desired(&this_node(), &assignments(&[0], &[1], vec![service]), &Observed::default());
    let state = state.expect("index");
    assert_eq!(sandbox(&state, 1).services, Held::Exactly(VirtualServices::new()));
}

#[test]
fn the_underlay_decides_the_mtu() {
    let observed = Observed { underlay_mtu: Some(9000), ..Observed::default() };
    let state = desired(&this_node(), &assignments(&[0], &[1], vec![]), &observed).expect("index");
    let LinkKind::Vxlan(vxlan) = &sandbox(&state, 1).links["vx4097"].kind else {
        panic!("no tunnel")
    };
    assert_eq!(vxlan.mtu, 8950);
}

#[test]
fn the_node_passes_published_ports_on_and_the_firewall_lets_it() {
    let observed = Observed { firewall: true, ..Observed::default() };
    let service = endpoint(0, 0, &[(1, true)]);
    let state = desired(&this_node(), &assignments(&[0, 1], &[0], vec![service]), &observed);
    let state = state.expect("index");
    let host = &state[&Netns::Host];
    let published = [(PortProtocol::Udp, 8000)].into();
    assert_eq!(host.ruleset, Held::Exactly(Ruleset::Host { published }));
    assert!(host.passed.contains(HOST_LINK));
    let ingress = sandbox(&state, 0);
    let back =
        Rule { priority: MARK_PRIORITY, selector: Selector::Mark(2), table: NODE_TABLES + 2 };
    assert!(ingress.rules.contains(&back));
    assert!(ingress.routes.contains_key(&(back.table, Ipv4Net::default())));
    // The kernel finds the way back to a node that asks through the tunnel.
    let tunnel = ingress.routes.values().find_map(|route| match route {
        Route::Link(link) if link.starts_with("vx") => Some(link),
        _ => None,
    });
    assert!(tunnel.is_some(), "{:?}", ingress.routes);
}

proptest! {
    #[test]
    fn what_is_balanced_can_be_reached(assignments in any_assignments()) {
        let state = desired(&this_node(), &assignments, &Observed::default()).expect("index");
        for namespace in state.values() {
            for rule in &namespace.rules {
                prop_assert!(namespace.routes.contains_key(&(rule.table, Ipv4Net::default())));
            }
            for route in namespace.routes.values() {
                if let Route::Via { link, .. } | Route::Link(link) = route {
                    prop_assert!(namespace.links.contains_key(link));
                }
            }
            let services = namespace.services.known().into_iter().flat_map(|all| all.values());
            for backend in services.flat_map(|service| &service.backends) {
                let task = assignments.endpoints.values().flat_map(|endpoint| &endpoint.tasks)
                    .find(|task| task.addr == backend.addr).expect("a task");
                let known = assignments.peers.contains_key(&task.node_id);
                let routed = route(namespace, backend.addr.octets()).is_some();
                prop_assert_eq!(routed, known && task.node_id != node_id(0));
            }
        }
    }
}
