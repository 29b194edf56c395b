//! What every balancer has to do, on one sandbox with the balancer's own interface.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use futures_util::future::LocalBoxFuture;
use swarmlite_agent::network::balancer::Backend;
use swarmlite_agent::network::balancer::Frontend;
use swarmlite_agent::network::balancer::Service;
use swarmlite_agent::network::balancer::VirtualServices;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use crate::sandbox::OUTSIDE;
use crate::sandbox::Sandbox;
use crate::sandbox::VIP;
use crate::sandbox::container;
use crate::talk::Connection;

/// A test, on a sandbox that balances nothing. It panics if it fails.
pub(crate) type Case = fn(&Sandbox) -> LocalBoxFuture<'_, ()>;

/// What every balancer has to do.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("connections_go_round", |sandbox| Box::pin(connections_go_round(sandbox))),
    ("weights_share", |sandbox| Box::pin(weights_share(sandbox))),
    ("a_client_sticks_to_its_server", |sandbox| Box::pin(a_client_sticks_to_its_server(sandbox))),
    ("draining_keeps_what_is_open", |sandbox| Box::pin(draining_keeps_what_is_open(sandbox))),
    ("datagrams_go_round", |sandbox| Box::pin(datagrams_go_round(sandbox))),
    ("a_server_reaches_itself", |sandbox| Box::pin(a_server_reaches_itself(sandbox))),
    ("a_published_port_leads_to_another", |sandbox| {
        Box::pin(a_published_port_leads_to_another(sandbox))
    }),
    ("nobody_serving_refuses", |sandbox| Box::pin(nobody_serving_refuses(sandbox))),
    ("a_thousand_services", |sandbox| Box::pin(a_thousand_services(sandbox))),
    ("removal_leaves_nothing", |sandbox| Box::pin(removal_leaves_nothing(sandbox))),
];

/// Runs a test.
pub(crate) fn run(case: Case, sandbox: &Sandbox) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        sandbox.program(&VirtualServices::new()).await;
        case(sandbox).await;
    });
}

/// The servers of the sandbox are containers 1 and 2, and container 3 asks.
const SERVERS: [u8; 2] = [1, 2];
const CLIENT: &str = "c3";
const PORT: u16 = 80;
const PUBLISHED: u16 = 8000;

/// What the servers say to the client.
const ONE: &str = "c1 10.0.1.13";
const TWO: &str = "c2 10.0.1.13";

fn backend(number: u8, port: Option<u16>, weight: u16) -> Backend {
    Backend { addr: container(number), port, weight }
}

/// One service at the virtual address, with these weights.
fn at_address(weights: [u16; 2]) -> VirtualServices {
    let backends = SERVERS.into_iter().zip(weights).map(|(at, weight)| backend(at, None, weight));
    BTreeMap::from([(Frontend::Address(VIP), service(backends.collect()))])
}

/// One service at a published port.
fn at_port(protocol: PortProtocol) -> VirtualServices {
    let backends = SERVERS.into_iter().map(|at| backend(at, Some(PORT), 1)).collect();
    BTreeMap::from([(Frontend::Port { protocol, port: PUBLISHED }, service(backends))])
}

fn service(backends: Vec<Backend>) -> Service {
    Service { balancing: Balancing::default(), backends }
}

/// The service at the virtual address, spread like this.
fn spread(weights: [u16; 2], scheduler: Scheduler, sticky: Option<u32>) -> VirtualServices {
    let mut services = at_address(weights);
    for service in services.values_mut() {
        service.balancing = Balancing { scheduler, sticky };
    }
    services
}

fn count(answers: &[String], answer: &str) -> usize {
    answers.iter().filter(|given| *given == answer).count()
}

async fn connections_go_round(sandbox: &Sandbox) {
    sandbox.program(&at_address([1, 1])).await;
    let answers = sandbox.ask_often(6, CLIENT, VIP, PORT).await;
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (3, 3), "{answers:?}");
    assert!(answers.windows(2).all(|pair| pair[0] != pair[1]), "not in turn: {answers:?}");
    sandbox.show();
}

async fn weights_share(sandbox: &Sandbox) {
    sandbox.program(&spread([3, 1], Scheduler::Wrr, None)).await;
    let answers = sandbox.ask_often(8, CLIENT, VIP, PORT).await;
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (6, 2), "{answers:?}");
}

async fn a_client_sticks_to_its_server(sandbox: &Sandbox) {
    for services in [spread([1, 1], Scheduler::Rr, Some(60)), spread([1, 1], Scheduler::Sh, None)] {
        sandbox.program(&services).await;
        let answers = sandbox.ask_often(4, CLIENT, VIP, PORT).await;
        assert!([4, 0].contains(&count(&answers, ONE)), "{answers:?}");
        assert!([4, 0].contains(&count(&answers, TWO)), "{answers:?}");
    }
}

async fn draining_keeps_what_is_open(sandbox: &Sandbox) {
    sandbox.program(&at_address([1, 1])).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(&sandbox.netns(CLIENT), VIP, PORT).await;
        let name = connection.ask();
        open.push((connection, name));
    }
    sandbox.program(&at_address([0, 1])).await;
    for (connection, name) in &mut open {
        assert_eq!(connection.ask(), *name);
    }
    let names: Vec<String> = open.iter().map(|(_, name)| name.clone()).collect();
    assert_eq!((count(&names, ONE), count(&names, TWO)), (1, 1), "{names:?}");
    let answers = sandbox.ask_often(4, CLIENT, VIP, PORT).await;
    assert_eq!(count(&answers, TWO), 4, "{answers:?}");
    // And back.
    sandbox.program(&at_address([1, 1])).await;
    let answers = sandbox.ask_often(4, CLIENT, VIP, PORT).await;
    assert_eq!(count(&answers, ONE), 2, "{answers:?}");
}

async fn datagrams_go_round(sandbox: &Sandbox) {
    sandbox.program(&at_address([1, 1])).await;
    let answers = sandbox.ask_udp_often(6, CLIENT, VIP, PORT).await;
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (3, 3), "{answers:?}");
}

async fn a_server_reaches_itself(sandbox: &Sandbox) {
    sandbox.program(&at_address([1, 1])).await;
    // Only its own connection comes from the gateway: a reply to itself would not pass the sandbox.
    let answers = sandbox.ask_often(4, "c1", VIP, PORT).await;
    assert_eq!(count(&answers, "c1 10.0.1.1"), 2, "{answers:?}");
    assert_eq!(count(&answers, "c2 10.0.1.11"), 2, "{answers:?}");
}

async fn a_published_port_leads_to_another(sandbox: &Sandbox) {
    let seen = |name: &str| format!("{name} {OUTSIDE}");
    let mut services = at_port(PortProtocol::Tcp);
    services.extend(at_port(PortProtocol::Udp));
    sandbox.program(&services).await;
    let uplink = swarmlite_agent::network::state::INGRESS_ADDRESS;
    let answers = sandbox.ask_often(4, "node", uplink, PUBLISHED).await;
    assert_eq!((count(&answers, &seen("c1")), count(&answers, &seen("c2"))), (2, 2), "{answers:?}");
    let answers = sandbox.ask_udp_often(4, "node", uplink, PUBLISHED).await;
    assert_eq!((count(&answers, &seen("c1")), count(&answers, &seen("c2"))), (2, 2), "{answers:?}");
}

async fn nobody_serving_refuses(sandbox: &Sandbox) {
    sandbox.program(&at_address([0, 0])).await;
    let answers = sandbox.ask_often(1, CLIENT, VIP, PORT).await;
    assert_eq!(answers, ["ConnectionRefused"]);
}

async fn a_thousand_services(sandbox: &Sandbox) {
    let mut services = VirtualServices::new();
    for at in 0..1000_u16 {
        let [high, low] = at.to_be_bytes();
        let vip = Frontend::Address(Ipv4Addr::new(10, 9, high, low));
        services
            .insert(vip, service((0..10).map(|number| backend(100 + number, None, 1)).collect()));
    }
    services.extend(at_address([1, 1]));
    sandbox.program(&services).await;
    let answers = sandbox.ask_often(2, CLIENT, VIP, PORT).await;
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (1, 1), "{answers:?}");
    services.extend(at_address([0, 1]));
    sandbox.program(&services).await;
    let answers = sandbox.ask_often(2, CLIENT, VIP, PORT).await;
    assert_eq!(count(&answers, TWO), 2, "{answers:?}");
}

async fn removal_leaves_nothing(sandbox: &Sandbox) {
    let mut services = at_address([1, 1]);
    services.extend(at_port(PortProtocol::Udp));
    sandbox.program(&services).await;
    sandbox.program(&VirtualServices::new()).await;
    let answers = sandbox.ask_often(1, CLIENT, VIP, PORT).await;
    assert_eq!(answers, ["ConnectionRefused"]);
    let left = sandbox.listed();
    assert!(!left.contains("10.0.1.1"), "{left}");
}
