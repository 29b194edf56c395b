//! What is shown and waited for while a node is drained. The node is node2, the others are node1 and node10, which is down.

use super::*;
use crate::fixtures::nodes;
use crate::fixtures::services;
use crate::fixtures::task;

/// The drain of node2, on which these tasks ran before.
fn drain(before: &[Task]) -> Drain {
    let mut drain = Drain::new([nodes()[1].id.clone()].into());
    drain.take_in(before);
    drain
}

/// What is shown, and what is left, as text.
fn see(drain: &Drain, tasks: &[Task]) -> String {
    let nodes = nodes();
    let on_nodes: Vec<Task> =
        tasks.iter().filter(|task| task.node_id.as_ref() == Some(&nodes[1].id)).cloned().collect();
    let services = services();
    let seen = Observation { on_nodes: &on_nodes, services: &services, tasks, nodes: &nodes };
    let step = drain.observe(seen);
    let lines = step.lines.iter().map(|line| format!("{}: {}", line.id, line.text));
    let left = step.left.iter().map(|left| format!("LEFT {left}"));
    lines.chain(left).collect::<Vec<_>>().join("\n")
}

fn agent(node: u32, state: &str, desired: &str) -> Task {
    let mut task = task(0, node, state, desired);
    task.service_id = services()[1].id.clone();
    task
}

fn routed_as(mut task: Task, routing: &str) -> Task {
    routing.clone_into(&mut task.routing);
    task
}

#[test]
fn a_replica_has_moved_when_its_replacement_has_traffic_and_the_old_task_has_ended() {
    let old = task(1, 2, "running", "running");
    let drain = drain(std::slice::from_ref(&old));
    insta::assert_snapshot!(see(&drain, &[old]), @r"
    overall progress: 1 tasks left, 0 of 1 replicas moved
    web.1: running on node2
    LEFT web.1: running on node2
    ");
    let draining = routed_as(task(1, 2, "running", "shutdown"), "draining");
    insta::assert_snapshot!(see(&drain, &[draining.clone(), task(1, 1, "ready", "ready")]), @r"
    overall progress: 1 tasks left, 0 of 1 replicas moved
    web.1: draining on node2; replacement: ready on node1
    LEFT web.1: draining on node2; replacement: ready on node1
    ");
    let ended = task(1, 2, "shutdown", "shutdown");
    let unrouted = routed_as(task(1, 1, "running", "running"), "unrouted");
    insta::assert_snapshot!(see(&drain, &[ended.clone(), unrouted]), @r"
    overall progress: 0 tasks left, 0 of 1 replicas moved
    web.1: routing on node1
    LEFT web.1: routing on node1
    ");
    insta::assert_snapshot!(see(&drain, &[ended, task(1, 1, "running", "running")]), @r"
    overall progress: 0 tasks left, 1 of 1 replicas moved
    web.1: running on node1
    ");
    // Start-first: the replacement is there before the old task has gone.
    assert!(see(&drain, &[draining, task(1, 1, "running", "running")]).contains("LEFT"));
}

#[test]
fn what_has_no_place_elsewhere_is_named_with_the_reason() {
    let drain = drain(&[task(1, 2, "running", "running"), task(2, 1, "running", "running")]);
    let mut pending = task(1, 1, "pending", "running");
    pending.node_id = None;
    pending.status.err = "no suitable node (insufficient resources on 1 node)".to_owned();
    let ended = task(1, 2, "shutdown", "shutdown");
    assert!(
        see(&drain, &[ended, pending])
            .ends_with("LEFT web.1: no suitable node (insufficient resources on 1 node)")
    );
}

#[test]
fn the_task_of_a_global_service_just_ends() {
    let drain = drain(&[agent(2, "running", "running")]);
    let elsewhere = agent(1, "running", "running");
    insta::assert_snapshot!(see(&drain, &[elsewhere.clone(), routed_as(agent(2, "running", "shutdown"), "drained")]), @r"
    overall progress: 1 tasks left, 0 of 0 replicas moved
    agent.node2: stopping on node2
    LEFT agent.node2: stopping on node2
    ");
    assert_eq!(
        see(&drain, &[elsewhere, agent(2, "shutdown", "shutdown")]),
        "overall progress: 0 tasks left, 0 of 0 replicas moved"
    );
}

#[test]
fn what_is_not_to_be_replaced_is_not_waited_for() {
    let drain = drain(&[task(1, 2, "running", "running")]);
    let told = see(&drain, &[task(1, 2, "shutdown", "shutdown"), task(2, 1, "new", "running")]);
    assert_eq!(told, "overall progress: 0 tasks left, 1 of 1 replicas moved\nweb.1: ended");
    // Its service is gone.
    let seen = Observation { on_nodes: &[], services: &[], tasks: &[], nodes: &nodes() };
    assert_eq!(drain.observe(seen).left, Vec::<String>::new());
}

#[test]
fn nobody_waits_for_tasks_of_a_node_that_is_down() {
    let on_nodes = [task(1, 3, "running", "shutdown")];
    let mut drain = Drain::new([nodes()[2].id.clone()].into());
    drain.take_in(&on_nodes);
    let tasks = [on_nodes[0].clone(), task(1, 1, "running", "running")];
    let (services, nodes) = (services(), nodes());
    let seen =
        Observation { on_nodes: &on_nodes, services: &services, tasks: &tasks, nodes: &nodes };
    assert_eq!(drain.observe(seen).left, Vec::<String>::new());
}

#[test]
fn a_replacement_on_a_node_that_is_drained_too_has_not_moved() {
    let mut drain = Drain::new([nodes()[0].id.clone(), nodes()[1].id.clone()].into());
    drain.take_in(&[task(1, 2, "running", "running")]);
    let tasks = [task(1, 2, "shutdown", "shutdown"), task(1, 1, "running", "running")];
    let (services, nodes) = (services(), nodes());
    let seen = Observation { on_nodes: &tasks, services: &services, tasks: &tasks, nodes: &nodes };
    assert_eq!(drain.observe(seen).left, ["web.1: running on node1"]);
}

/// What a second drain of node2 has left, where these are all tasks of the service.
fn second(tasks: &[Task]) -> String {
    let on_node: Vec<Task> = tasks
        .iter()
        .filter(|task| task.node_id.as_ref() == Some(&nodes()[1].id))
        .cloned()
        .collect();
    see(&drain(&on_node), tasks)
}

#[test]
fn a_second_drain_waits_for_what_the_first_has_not_moved_yet_and_for_nothing_else() {
    let left = task(1, 2, "shutdown", "shutdown");
    insta::assert_snapshot!(second(&[left.clone(), task(1, 1, "preparing", "running")]), @r"
    overall progress: 0 tasks left, 0 of 1 replicas moved
    web.1: preparing on node1
    LEFT web.1: preparing on node1
    ");
    assert!(!second(&[left.clone(), task(1, 1, "running", "running")]).contains("LEFT"));
    // What has become of it since is not the drain's.
    let mut failed = task(1, 1, "failed", "shutdown");
    failed.created_at = left.created_at + std::time::Duration::from_secs(1);
    assert!(!second(&[left, failed, task(1, 1, "preparing", "running")]).contains("LEFT"));
    assert!(
        !second(&[task(1, 2, "failed", "shutdown"), task(1, 1, "ready", "running")])
            .contains("LEFT")
    );
}
