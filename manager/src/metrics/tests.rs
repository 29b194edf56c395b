//! What is shown, in Prometheus' text format.

use prometheus_client::encoding::text::encode;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::NodeState as Liveness;

use super::*;
use crate::state::Op;
use crate::state::fixture::commit;
use crate::state::fixture::node;
use crate::state::fixture::service;
use crate::state::fixture::task;

/// The lines that begin with `prefix`, in order.
fn lines(registry: &Registry, prefix: &str) -> Vec<String> {
    let mut text = String::new();
    encode(&mut text, registry).expect("a text takes everything");
    let mut lines: Vec<_> =
        text.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn shown(facts: &Facts, prefix: &str) -> Vec<String> {
    let mut registry = Registry::default();
    facts.register(&mut registry);
    lines(&registry, prefix)
}

fn facts() -> Facts {
    let mut state = State::default();
    let mut boss = node(1, 1);
    boss.status.state = Liveness::Ready;
    boss.manager = Some(ManagerRecord { raft_id: 1, addr: ([192, 0, 2, 1], 2377).into() });
    let mut down = node(2, 2);
    down.status.state = Liveness::Down;
    let web = service(1, "web");
    let nodes = [boss, down].map(|node| Op::PutNode(Box::new(node)));
    commit(&mut state, nodes.into()).expect("are sound");
    commit(&mut state, vec![Op::PutService(Box::new(web.clone()))]).expect("is new");
    let web = state.services()[&web.id].clone();
    let tasks = (1..=3).map(|slot| Op::PutTask(Box::new(task(slot, &web, slot))));
    commit(&mut state, tasks.collect()).expect("are sound");
    let told = Generation(9);
    let programmed = Some(Generation(7));
    let sessions = BTreeMap::from([
        (node(1, 1).id, SessionProgress { told, programmed }),
        (node(2, 2).id, SessionProgress { told, programmed: None }),
    ]);
    let raft = RaftProgress { leads: true, term: 4, log_bytes: Some(4096), ..Default::default() };
    Facts { state, raft, quorum: Quorum::default(), sessions }
}

#[test]
fn the_state_is_counted_under_dockers_names() {
    let facts = facts();
    assert_eq!(
        shown(&facts, "swarm_manager_nodes"),
        [
            "swarm_manager_nodes{state=\"disconnected\"} 0",
            "swarm_manager_nodes{state=\"down\"} 1",
            "swarm_manager_nodes{state=\"ready\"} 1",
            "swarm_manager_nodes{state=\"unknown\"} 0",
        ]
    );
    let tasks = shown(&facts, "swarm_manager_tasks_total");
    assert_eq!(tasks.len(), TaskState::ALL.len());
    assert!(tasks.contains(&"swarm_manager_tasks_total{state=\"new\"} 3".to_owned()), "{tasks:?}");
    assert_eq!(shown(&facts, "swarm_manager_services_total"), ["swarm_manager_services_total 1"]);
    assert_eq!(shown(&facts, "swarm_manager_leader"), ["swarm_manager_leader 1"]);
}

#[test]
fn what_cannot_be_told_is_left_out() {
    let mut facts = facts();
    assert_eq!(shown(&facts, "swarmlite_raft_log_size"), ["swarmlite_raft_log_size_bytes 4096"]);
    facts.raft.log_bytes = None;
    assert_eq!(shown(&facts, "swarmlite_raft_log_size"), [""; 0]);
    // The second node has not said yet what its tables have reached.
    let (told, programmed) =
        ("swarmlite_dispatcher_told_generation", "swarmlite_dispatcher_programmed_generation");
    assert_eq!(shown(&facts, told).len(), 2);
    let first = node(1, 1).id;
    assert_eq!(shown(&facts, programmed), [format!("{programmed}{{node_id=\"{first}\"}} 7")]);
}

#[test]
fn managers_are_counted_by_whether_they_are_reached() {
    let shown = shown(&facts(), "swarmlite_raft_managers");
    assert_eq!(
        shown,
        [
            "swarmlite_raft_managers{reachability=\"reachable\"} 1",
            "swarmlite_raft_managers{reachability=\"unknown\"} 0",
            "swarmlite_raft_managers{reachability=\"unreachable\"} 0",
        ]
    );
}

#[test]
fn what_happens_is_counted() {
    let (raft, loops) = (RaftMetrics::default(), LoopMetrics::default());
    raft.proposed(Outcome::Accepted, Duration::from_millis(7));
    raft.proposed(Outcome::Failed, Duration::from_secs(9));
    let reaper = loops.of("reaper");
    reaper.passed(Duration::from_micros(50));
    reaper.proposed(3, 1);
    let mut registry = Registry::default();
    raft.register(&mut registry);
    loops.register(&mut registry);
    for line in [
        "swarmlite_raft_proposals_total{outcome=\"accepted\"} 1",
        "swarmlite_raft_proposals_total{outcome=\"failed\"} 1",
        // Nothing is known of how long one takes that has failed.
        "swarm_raft_transaction_latency_seconds_count 1",
        "swarm_raft_transaction_latency_seconds_bucket{le=\"0.01\"} 1",
        "swarm_raft_transaction_latency_seconds_bucket{le=\"0.005\"} 0",
        "swarmlite_loop_pass_duration_seconds_count{loop=\"reaper\"} 1",
        "swarmlite_loop_transactions_proposed_total{loop=\"reaper\"} 3",
        "swarmlite_loop_transactions_refused_total{loop=\"reaper\"} 1",
    ] {
        assert_eq!(lines(&registry, line), [line]);
    }
}
