//! What is shown, in Prometheus' text format.

use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use swarmlite_proto::version::Generation;

use super::*;
use crate::assignment::Assignments;

fn text(facts: &Facts) -> String {
    let mut text = String::new();
    encode(&mut text, &facts.registry()).expect("a text takes everything");
    text
}

fn facts() -> Facts {
    let identity = Identity {
        node_id: "a".repeat(25).parse().expect("an id"),
        cluster_id: "b".repeat(25).parse().expect("an id"),
        role: NodeRole::Worker,
        certificate: String::new(),
        key: String::new(),
        root_ca: String::new(),
    };
    Facts {
        identity,
        known: Some(Arc::new(Assignments { generation: Generation(9), ..Assignments::default() })),
        connected: true,
        waiting: 2,
        work: Some(work(TaskStates::default())),
    }
}

fn work(tasks: TaskStates) -> WorkFacts {
    WorkFacts {
        engine: false,
        progress: KernelProgress {
            generation: Generation(7),
            repaired: 3,
            ..KernelProgress::default()
        },
        reached: Reached {
            lost: ["c".repeat(25).parse().expect("an id")].into(),
            ..Reached::default()
        },
        tasks,
        proxy: None,
    }
}

#[test]
fn what_there_is_is_shown() {
    let text = text(&facts());
    let (node, swarm) = ("a".repeat(25), "b".repeat(25));
    for line in [
        format!("swarm_node_info{{node_id=\"{node}\",swarm_id=\"{swarm}\"}} 1"),
        "swarm_node_manager 0".to_owned(),
        "swarmlite_agent_session_connected 1".to_owned(),
        "swarmlite_agent_engine_up 0".to_owned(),
        "swarmlite_agent_assignments{kind=\"task\"} 0".to_owned(),
        "swarmlite_agent_statuses_waiting 2".to_owned(),
        "swarmlite_agent_told_generation 9".to_owned(),
        "swarmlite_agent_programmed_generation 7".to_owned(),
        "swarmlite_agent_kernel_repairs_total 3".to_owned(),
        "swarmlite_agent_tunnel_peers{state=\"lost\"} 1".to_owned(),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
}

#[test]
fn a_witness_has_no_numbers_of_tasks_and_tables() {
    let text = text(&Facts { work: None, ..facts() });
    assert!(text.contains("swarmlite_agent_session_connected 1"), "{text}");
    for name in ["engine_up", "tasks", "programmed_generation", "tunnel_peers"] {
        assert!(!text.contains(&format!("swarmlite_agent_{name}")), "{name}\n{text}");
    }
}

#[test]
fn a_task_is_counted_in_the_state_that_it_is_in() {
    let tasks = TaskStates::default();
    let facts = Facts { work: Some(work(tasks.clone())), ..facts() };
    let of = |state: &str| {
        let name = format!("swarmlite_agent_tasks{{state=\"{state}\"}} ");
        let text = text(&facts);
        let number = text.lines().find_map(|line| line.strip_prefix(&*name)).expect("is there");
        number.parse::<i64>().expect("a number")
    };
    let first = tasks.count(TaskState::Assigned);
    let mut second = tasks.count(TaskState::Assigned);
    assert_eq!(of("assigned"), 2);
    second.is(TaskState::Running);
    assert_eq!((of("assigned"), of("running")), (1, 1));
    drop((first, second));
    assert_eq!((of("assigned"), of("running")), (0, 0));
}
