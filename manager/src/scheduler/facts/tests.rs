//! That each fact is what it says.

use std::sync::Arc;

use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::task_state::TaskState;

use super::*;
use crate::scheduler::domain::Domains;
use crate::state::Op;
use crate::state::State;
use crate::state::fixture;

fn labels(name: &str, value: &str) -> Labels {
    Labels::from([(name.to_owned(), value.to_owned())])
}

fn node() -> Node {
    let mut node = fixture::node(1, 1);
    "10.0.0.7:2377".clone_into(&mut node.status.addr);
    node.role = NodeRole::Manager;
    node.spec.labels = labels("zone", "a");
    let mut description = NodeDescription { hostname: "one".to_owned(), ..Default::default() };
    description.platform = Platform { architecture: "x86_64".to_owned(), os: "linux".to_owned() };
    description.resources.nano_cpus = 4_000_000_000;
    description.resources.memory_bytes = 8 << 30;
    description.engine.labels = labels("disk", "ssd");
    node.description = Some(description);
    node
}

fn service(seed: u64, name: &str) -> Service {
    let mut service = fixture::service(seed, name);
    service.spec.labels = labels("tier", "front");
    let resources = service.spec.task_template.resources.get_or_insert_default();
    resources.reservations = Some(Reservations {
        nano_cpus: 500_000_000,
        memory_bytes: 1 << 30,
        ..Reservations::default()
    });
    service
}

/// A node with a task of the service, one of another service, and one of the service that has failed.
fn world() -> (State, Group) {
    let mut state = State::default();
    let (web, other) = (service(10, "web"), service(11, "other"));
    let ops = vec![
        Op::PutNode(Box::new(node())),
        Op::PutService(Box::new(web.clone())),
        Op::PutService(Box::new(other.clone())),
    ];
    fixture::commit(&mut state, ops).expect("all are new");
    let version = state.services()[&web.id].spec_version;
    let tasks = [
        (20, &web, TaskState::Running),
        (21, &other, TaskState::Running),
        (22, &web, TaskState::Failed),
    ];
    let tasks = tasks.map(|(seed, of, reached)| {
        let mut task = fixture::task(seed, &state.services()[&of.id], 1);
        task.node_id = Some(node().id);
        task.status.state = reached;
        task.desired_state =
            if reached.is_terminal() { TaskState::Shutdown } else { TaskState::Running };
        Op::PutTask(Box::new(task))
    });
    fixture::commit(&mut state, tasks.into()).expect("all are new");
    let revision = state.revision(&web.id, version).expect("is kept");
    let group = Group::new(&state, &web.id, version, Arc::clone(revision));
    (state, group)
}

#[test]
fn every_fact_is_what_it_says() {
    let (state, group) = world();
    let id = node().id;
    let load = NodeLoad { nano_cpus: 1_500_000_000, memory_bytes: 3 << 30, milli_tasks: 2000 };
    let candidate = Candidate {
        node: &state.nodes()[&id],
        usage: state.usage(&id),
        load: Some(&load),
        domains: &Domains::default(),
        now: state.tasks().values().map(|task| task.status.timestamp).max().expect("there are"),
    };
    let seen = Seen { group: &group, candidate: &candidate };
    let (zone, disk, tier) = (labels("zone", "a"), labels("disk", "ssd"), labels("tier", "front"));
    for fact in Fact::ALL {
        let expected = match fact {
            Fact::NodeId => text(id.as_str()),
            Fact::NodeHostname => text("one"),
            Fact::NodeRole => text("manager"),
            Fact::NodeAddress => text("10.0.0.7"),
            Fact::NodeOs => text("linux"),
            Fact::NodeArch => text("x86_64"),
            Fact::NodeLabels => Known::Labels(&zone),
            Fact::EngineLabels => Known::Labels(&disk),
            Fact::NodeCpus => Known::Number(4.0),
            Fact::NodeMemory => Known::Number(8.0 * 1024.0 * 1024.0 * 1024.0),
            Fact::FreeCpus => Known::Number(3.0),
            Fact::FreeMemory => Known::Number(6.0 * 1024.0 * 1024.0 * 1024.0),
            Fact::LoadCpus => Known::Number(1.5),
            Fact::LoadMemory => Known::Number(3.0 * 1024.0 * 1024.0 * 1024.0),
            Fact::NodeTasks => Known::Number(2.0),
            Fact::TasksOfService | Fact::NodeFailures => Known::Number(1.0),
            Fact::ServiceName => text("web"),
            Fact::ServiceLabels => Known::Labels(&tier),
            Fact::TaskCpus => Known::Number(0.5),
            Fact::TaskMemory => Known::Number(1024.0 * 1024.0 * 1024.0),
        };
        assert_eq!(seen.known(fact), expected, "{}", fact.name());
    }
}

#[test]
fn a_node_that_has_not_said_anything_has_nothing() {
    let (state, group) = world();
    let silent = Node { description: None, ..node() };
    let id = node().id;
    let now = state.tasks().values().next().expect("there are").status.timestamp;
    let domains = &Domains::default();
    let usage = state.usage(&id);
    let candidate = Candidate { node: &silent, usage, load: None, domains, now };
    let seen = Seen { group: &group, candidate: &candidate };
    assert_eq!(seen.known(Fact::NodeHostname), text(""));
    assert_eq!(seen.known(Fact::EngineLabels), Known::Labels(&Labels::new()));
    assert_eq!(seen.known(Fact::NodeMemory), Known::Number(0.0));
}
