//! What becomes of services and their tasks, event by event.

mod constraint_enforcer;
mod handover;
mod jobs;
mod restart;
mod update;

use std::collections::BTreeSet;
use std::time::Duration;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::task_state::TaskState;

use crate::loops::tests::world::World;

pub(super) const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

fn slots(world: &World, service: &ServiceId) -> Vec<u64> {
    world.running(service).iter().map(|task| task.slot).collect()
}

fn nodes_of(world: &World, service: &ServiceId) -> Vec<NodeId> {
    world.running(service).into_iter().filter_map(|task| task.node_id).collect()
}

fn scale(world: &mut World, service: &ServiceId, to: u64) {
    world.edit_service(service, |service| service.spec.mode = replicas(to));
    world.settle();
}

/// A world with a running service.
pub(super) fn running(nodes: u16, count: u64) -> (World, ServiceId) {
    let mut world = World::new(nodes);
    let web = world.add_service("web", replicas(count), |_| {});
    world.settle();
    assert_eq!(world.running(&web).len() as u64, count);
    (world, web)
}

#[test]
fn slots_are_numbered_from_one_and_free_numbers_are_used_again() {
    let (mut world, web) = running(3, 3);
    assert_eq!(slots(&world, &web), [1, 2, 3]);
    scale(&mut world, &web, 1);
    assert_eq!(slots(&world, &web).len(), 1);
    assert_eq!(world.tasks(&web).len(), 1, "what was removed is forgotten");
    scale(&mut world, &web, 4);
    assert_eq!(slots(&world, &web), [1, 2, 3, 4]);
    scale(&mut world, &web, 0);
    assert!(world.tasks(&web).is_empty());
}

#[test]
fn scaling_down_takes_what_does_not_run_and_then_the_fullest_nodes() {
    let (mut world, web) = running(3, 5);
    scale(&mut world, &web, 3);
    let nodes: BTreeSet<NodeId> = nodes_of(&world, &web).into_iter().collect();
    assert_eq!(nodes.len(), 3, "one task is left on each node");
    let victim = world.running(&web).remove(0);
    world.report(&victim, TaskState::Failed);
    world.settle_now();
    world.edit_service(&web, |service| service.spec.mode = replicas(2));
    world.settle_now();
    assert!(!slots(&world, &web).contains(&victim.slot));
    assert_eq!(slots(&world, &web).len(), 2);
}

#[test]
fn scaling_down_leaves_no_node_without_a_task_while_another_has_several() {
    let (mut world, web) = running(1, 3);
    let second = world.add_node(2);
    scale(&mut world, &web, 4);
    assert!(nodes_of(&world, &web).contains(&second));
    scale(&mut world, &web, 2);
    assert_eq!(slots(&world, &web), [1, 4]);
}

#[test]
fn a_task_that_no_agent_has_seen_ends_at_once() {
    let mut world = World::new(0);
    let web = world.add_service("web", replicas(1), |_| {});
    world.settle();
    let waiting = world.tasks(&web).remove(0);
    world.edit_service(&web, |service| service.spec.task_template.force_update = 1);
    world.settle_now();
    let ended = &world.state().tasks()[&waiting.id];
    assert_eq!(ended.status.state, TaskState::Shutdown);
    world.add_node(1);
    let before = world.now;
    world.settle_now();
    assert_eq!((world.running(&web).len(), world.now), (1, before), "nothing is waited for");
}

#[test]
fn a_lost_node_is_replaced_and_its_tasks_are_neither_waited_for_nor_forgotten() {
    let (mut world, web) = running(3, 3);
    let lost = world.running(&web).remove(0);
    let node = lost.node_id.clone().expect("runs");
    world.silent.insert(node.clone());
    world.settle();
    assert_eq!(world.state().nodes()[&node].status.state, NodeState::Down);
    assert_eq!(slots(&world, &web), [1, 2, 3]);
    assert!(!nodes_of(&world, &web).contains(&node));
    let known = &world.state().tasks()[&lost.id];
    assert_eq!(known.status.state, TaskState::Running, "nobody has said otherwise");
    assert_eq!(known.desired_state, TaskState::Shutdown);
    assert_replaced_at_once(&world, &web, &lost);

    world.silent.remove(&node);
    world.settle();
    assert_eq!(world.state().tasks()[&lost.id].status.state, TaskState::Shutdown);
    assert!(!nodes_of(&world, &web).contains(&node), "nothing moves back");
}

#[test]
fn tasks_of_a_lost_node_survive_the_removal_of_their_service_until_the_node_is_removed() {
    let (mut world, web) = running(2, 2);
    let lost = world.running(&web).remove(0);
    let node = lost.node_id.clone().expect("runs");
    world.silent.insert(node.clone());
    world.settle();
    world.remove_service(&web);
    world.settle();
    let left: Vec<Task> = world.tasks(&web);
    assert_eq!(left.iter().map(|task| &task.id).collect::<Vec<_>>(), [&lost.id]);
    world.remove_node(&node);
    world.settle();
    assert!(world.tasks(&web).is_empty());
}

#[test]
fn the_tasks_of_a_removed_node_are_orphaned_and_replaced() {
    let (mut world, web) = running(2, 2);
    let lost = world.running(&web).remove(0);
    world.remove_node(lost.node_id.as_ref().expect("runs"));
    world.settle();
    assert_eq!(slots(&world, &web), [1, 2]);
    let known = &world.state().tasks()[&lost.id].status;
    assert_eq!(known.state, TaskState::Orphaned);
    assert_eq!(known.message, "Task belonged to a node that has been deleted");
    assert_replaced_at_once(&world, &web, &lost);
}

/// The successor of `lost` has not waited for the delay that the policy sets for tasks that end.
fn assert_replaced_at_once(world: &World, web: &ServiceId, lost: &Task) {
    let running = world.running(web);
    let successor = running.iter().find(|task| task.slot == lost.slot).expect("runs");
    assert_eq!(successor.status.timestamp, successor.meta.created_at);
}

#[test]
fn a_drained_node_is_emptied_without_delay() {
    let (mut world, web) = running(2, 2);
    let before = world.now;
    let node = world.running(&web)[0].node_id.clone().expect("runs");
    world.edit_node(&node, |node| node.spec.availability = Availability::Drain);
    world.settle();
    assert_eq!(world.now, before);
    assert_eq!(slots(&world, &web), [1, 2]);
    assert!(!nodes_of(&world, &web).contains(&node));
}

#[test]
fn a_paused_node_keeps_its_tasks_and_gets_no_more() {
    let (mut world, web) = running(2, 2);
    let node = world.nodes().remove(0);
    world.edit_node(&node, |node| node.spec.availability = Availability::Pause);
    scale(&mut world, &web, 4);
    let on_it = nodes_of(&world, &web).into_iter().filter(|other| *other == node);
    assert_eq!(on_it.count(), 1);
}

#[test]
fn a_removed_service_leaves_nothing() {
    let (mut world, web) = running(2, 3);
    world.remove_service(&web);
    world.settle();
    assert!(world.tasks(&web).is_empty());
    assert!(world.state().revision(&web, Default::default()).is_none());
}

#[test]
fn history_is_kept_up_to_the_limit() {
    let (mut world, web) = running(1, 1);
    let mut last = Vec::new();
    for _ in 0..8 {
        let task = world.running(&web).remove(0);
        world.report(&task, TaskState::Complete);
        world.settle();
        last.push(task.id);
    }
    let known: BTreeSet<_> = world.tasks(&web).into_iter().map(|task| task.id).collect();
    assert_eq!(known.len(), 5, "the task that runs and four before it");
    assert!(last[4..].iter().all(|task| known.contains(task)));
}

#[test]
fn after_a_day_the_tasks_of_a_lost_node_are_given_up() {
    let (mut world, web) = running(2, 2);
    let lost = world.running(&web).remove(0);
    let node = lost.node_id.clone().expect("runs");
    world.silent.insert(node.clone());
    world.settle();
    let state = |world: &World| world.state().tasks()[&lost.id].status.state;
    let down_since = world.state().nodes()[&node].meta.updated_at;
    world.now = down_since + Duration::from_secs(24 * 60 * 60 - 1);
    world.settle_now();
    assert_eq!(state(&world), TaskState::Running);
    world.now = down_since + Duration::from_secs(24 * 60 * 60);
    world.settle();
    assert_eq!(state(&world), TaskState::Orphaned);
    assert_eq!(slots(&world, &web), [1, 2], "it was replaced long ago");
    world.remove_service(&web);
    world.settle();
    assert!(world.tasks(&web).is_empty(), "nobody has to come back for an orphan to be forgotten");
}

#[test]
fn a_negative_limit_keeps_everything() {
    let (mut world, web) = running(1, 1);
    let mut cluster = world.state().cluster().expect("is there").as_ref().clone();
    cluster.spec.orchestration.task_history_retention_limit = Some(-1);
    world.commit(vec![crate::state::Op::PutCluster(Box::new(cluster))]);
    for _ in 0..8 {
        let task = world.running(&web).remove(0);
        world.report(&task, TaskState::Failed);
        world.settle();
    }
    assert_eq!(world.tasks(&web).len(), 9);
}

#[test]
fn a_global_service_follows_the_nodes() {
    let mut world = World::new(2);
    let agent = world.add_service("agent", ServiceMode::Global, |_| {});
    world.settle();
    assert_eq!(nodes_of(&world, &agent), world.nodes());
    let third = world.add_node(3);
    world.settle();
    assert_eq!(nodes_of(&world, &agent), world.nodes());
    world.edit_node(&third, |node| node.spec.availability = Availability::Drain);
    world.settle();
    assert!(!nodes_of(&world, &agent).contains(&third));
    world.edit_node(&third, |node| node.spec.availability = Availability::Active);
    world.settle();
    assert_eq!(nodes_of(&world, &agent), world.nodes());
    world.silent.insert(third.clone());
    world.settle();
    world.silent.remove(&third);
    world.settle();
    assert_eq!(nodes_of(&world, &agent), world.nodes());
    world.remove_node(&third);
    world.settle();
    assert_eq!(world.tasks(&agent).len(), 2);
}

#[test]
fn a_global_service_runs_only_where_its_constraints_are_met() {
    let mut world = World::new(3);
    let chosen = world.nodes().remove(1);
    world.edit_node(&chosen, |node| {
        node.spec.labels.insert("disk".to_owned(), "ssd".to_owned());
    });
    let agent = world.add_service("agent", ServiceMode::Global, |service| {
        let constraints = vec!["node.labels.disk==ssd".to_owned()];
        service.spec.task_template.placement =
            Some(Placement { constraints, ..Placement::default() });
    });
    world.settle();
    assert_eq!(nodes_of(&world, &agent), std::slice::from_ref(&chosen));
    world.edit_node(&chosen, |node| node.spec.labels.clear());
    world.settle();
    assert!(nodes_of(&world, &agent).is_empty());
}
