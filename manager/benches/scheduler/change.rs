//! The fourth table: what one change costs each loop of the leader, and sessions of nodes, in clusters that run more and more tasks.
//!
//! The change is the smallest there is, and the most frequent: the status of one task. The task has failed, so that something follows from it. The last rows
//! are of another change: the node of that task goes down, with all that it runs. Services, networks
//! and what runs on them stay as large; only their number grows. Whatever grows with it looks at what has not changed.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use swarmlite_manager::dispatcher::assignment::networks_of;
use swarmlite_manager::dispatcher::assignment::news::News;
use swarmlite_manager::dispatcher::assignment::news::Turn;
use swarmlite_manager::dispatcher::assignment::news::all_news;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::fixture;
use swarmlite_manager::testing::Leader;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::object::VirtualIp;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::task_state::TaskState;

use crate::cluster;
use crate::cluster::Load;
use crate::format;
use crate::work;

const NODES: usize = 1000;
/// How many tasks run. The last takes long.
const TASKS: [usize; 4] = [1000, 10_000, 100_000, 1_000_000];
/// How many tasks a service has, and how many services are on one network.
const REPLICAS: usize = 10;
const SERVICES: usize = 10;

/// Measures and prints it.
pub(crate) fn print(all: bool) {
    let sizes = if all { &TASKS[..] } else { &TASKS[..TASKS.len() - 1] };
    let mut widths = vec![27];
    widths.extend(sizes.iter().map(|_| 10));
    println!("Change: the status of one task changes, on {} nodes.", format::count(NODES));
    let columns: Vec<Vec<(&str, Duration)>> = sizes.iter().map(|tasks| column(*tasks)).collect();
    let mut head = vec!["tasks".to_owned()];
    head.extend(sizes.iter().map(|tasks| format::count(*tasks)));
    println!("{}", format::line(&widths, &head));
    let names = columns.iter().flatten().map(|(name, _)| *name).take(columns[0].len());
    for (row, name) in names.enumerate() {
        let mut cells = vec![name.to_owned()];
        cells.extend(columns.iter().map(|column| format::time(column[row].1)));
        println!("{}", format::line(&widths, &cells));
    }
    println!();
}

/// What everything takes with so many tasks.
fn column(tasks: usize) -> Vec<(&'static str, Duration)> {
    let state = quiet(tasks);
    let mut leader = Leader::new(&state, cluster::now());
    assert_eq!(leader.rest(), [""; 0], "there is something to do");
    let task = state.tasks().values().nth(tasks / 2).expect("so many").as_ref();
    let mut changed = state.clone();
    let mut rows = vec![("the change", work::median(|| changed = with_failed(&state, task)))];
    leader.observe(&changed);
    let passes = Leader::loops().map(|name| {
        let pass = || drop(leader.pass(name).expect("is a loop"));
        (name, work::median(pass))
    });
    rows.extend(passes);
    let loops = rows.iter().map(|(_, time)| *time).sum();
    rows.push(("all of these", loops));
    for (name, node) in nodes_around(&state, task) {
        rows.push((name, work::median(|| drop(hear(&state, &changed, &node)))));
    }
    let [(_, own), (_, beside), (_, far)] = nodes_around(&state, task);
    let lost = without(&state, &own);
    for (name, node) in [("node down, a session beside", beside), ("node down, another one", far)] {
        rows.push((name, work::median(|| drop(hear(&state, &lost, &node)))));
    }
    rows
}

/// The node that runs a task, one that runs another of the same service, and one that has nothing to do with it.
fn nodes_around(state: &State, task: &Task) -> [(&'static str, NodeId); 3] {
    let own = task.node_id.clone().expect("it runs");
    let mut others = state.tasks_of_service(&task.service_id).filter_map(|it| it.node_id.clone());
    let beside = others.find(|node| *node != own).expect("there are several");
    let network = task.attachments.first().expect("has an address").network_id.clone();
    let is_far = |node: &&NodeId| networks_of(state, node).iter().all(|known| known.id != network);
    let far = state.nodes().keys().find(is_far).expect("the network is small").clone();
    [("session of its node", own), ("session beside it", beside), ("any other session", far)]
}

/// What the session of a node does when it is the first to see another state.
fn hear(seen: &State, state: &State, node: &NodeId) -> News {
    let turn = Turn::between(seen, state);
    match turn.audience(node) {
        Some(audience) => turn.news(node, &audience),
        None => all_news(Some(seen), state, node),
    }
}

/// The same with a task that has just failed, as its node has said.
fn with_failed(state: &State, task: &Task) -> State {
    let mut changed = state.clone();
    let status = TaskStatus {
        timestamp: cluster::now(),
        state: TaskState::Failed,
        message: "started".to_owned(),
        err: "task: non-zero exit (1)".to_owned(),
        ..TaskStatus::default()
    };
    let node_id = task.node_id.clone().expect("it runs");
    let report = Op::ReportTask { node_id, task_id: task.id.clone(), status: Box::new(status) };
    cluster::commit(&mut changed, [report]);
    changed
}

/// The same with this node down.
fn without(state: &State, node: &NodeId) -> State {
    let mut changed = state.clone();
    let mut node = state.nodes()[node].as_ref().clone();
    node.status.state = NodeState::Down;
    cluster::commit(&mut changed, [Op::PutNode(Box::new(node))]);
    changed
}

/// A cluster in which so many tasks run, all as they should be.
fn quiet(tasks: usize) -> State {
    let mut state = cluster::of(NODES);
    let nodes: Vec<NodeId> = state.nodes().keys().cloned().collect();
    let services = tasks / REPLICAS;
    let networks: Vec<Network> = (0..services.div_ceil(SERVICES)).map(network).collect();
    let puts = networks.iter().cloned().map(|network| Op::PutNetwork(Box::new(network)));
    cluster::commit(&mut state, puts);
    let mut known = Vec::new();
    let load = Load { name: "running", services, replicas: REPLICAS };
    load.add(
        &mut state,
        |at, service| {
            let target = networks[at / SERVICES].id.to_string();
            let config = NetworkAttachmentConfig { target, ..NetworkAttachmentConfig::default() };
            service.spec.task_template.networks = vec![config];
            known.push(service.id.clone());
        },
        |of, number, task| {
            let network = &networks[of / SERVICES];
            let addr = addr(network, of, number + 1);
            let network_id = network.id.clone();
            task.attachments = vec![NetworkAttachment { network_id, addr, aliases: Vec::new() }];
            cluster::run(task, &nodes[(of * REPLICAS + number) % nodes.len()]);
        },
    );
    // As the allocator leaves them.
    let services: Vec<Arc<Service>> =
        known.iter().map(|id| Arc::clone(&state.services()[id])).collect();
    let puts = services.iter().enumerate().map(|(at, service)| {
        let mut service = Service::clone(service);
        let network = &networks[at / SERVICES];
        let vip = VirtualIp { network_id: network.id.clone(), addr: addr(network, at, 0) };
        service.endpoint.virtual_ips = vec![vip];
        service.endpoint.spec_version = Some(service.spec_version);
        Op::PutService(Box::new(service))
    });
    cluster::commit(&mut state, puts);
    state
}

/// The network of this number. The first subnet is that of the routing mesh.
fn network(at: usize) -> Network {
    let number = u32::try_from(at + 1).expect("not that many");
    let subnet = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + (number << 8));
    let (name, subnet) = (format!("network-{at}"), format!("{subnet}/24"));
    fixture::network(number.into(), &name, 100_000 + number, &subnet)
}

/// The address of a service on its network, and those of its tasks after it.
fn addr(network: &Network, service: usize, number: usize) -> Ipv4Net {
    let allocation = network.allocation.expect("has addresses");
    let offset = service % SERVICES * (REPLICAS + 1) + number + 1;
    let offset = u32::try_from(offset).expect("few");
    let addr = Ipv4Addr::from(u32::from(allocation.gateway) + offset);
    Ipv4Net::new(addr, allocation.subnet.prefix_len()).expect("a length")
}
