//! Jobs.

use std::collections::BTreeSet;
use std::time::Duration;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::task_state::TaskState;

use crate::loops::LOOPS;
use crate::loops::tests::world::World;

const fn job(max_concurrent: u64, total_completions: u64) -> ServiceMode {
    ServiceMode::ReplicatedJob(ReplicatedJob { max_concurrent, total_completions })
}

fn in_state(world: &World, service: &ServiceId, state: TaskState) -> Vec<Task> {
    let mut tasks = world.tasks(service);
    tasks.retain(|task| task.status.state == state);
    tasks.sort_by_key(|task| (task.slot, task.node_id.clone()));
    tasks
}

fn completed(world: &World, service: &ServiceId) -> Vec<u64> {
    in_state(world, service, TaskState::Complete).iter().map(|task| task.slot).collect()
}

/// Lets loops and agents do what they do, until every task of the job runs that may run now.
fn start(world: &mut World, service: &ServiceId, count: usize) -> Vec<Task> {
    for _ in 0..30 {
        for step in &LOOPS {
            world.pass(step);
        }
        let running = in_state(world, service, TaskState::Running);
        if running.len() == count {
            return running;
        }
        world.agents();
    }
    panic!("never are there {count} tasks that run: {:#?}", world.tasks(service));
}

#[test]
fn slots_are_numbered_from_zero_and_each_completes_once() {
    let mut world = World::new(2);
    let batch = world.add_service("batch", job(2, 5), |_| {});
    let first = start(&mut world, &batch, 2);
    assert_eq!(first.iter().map(|task| task.slot).collect::<Vec<_>>(), [0, 1]);
    assert!(first.iter().all(|task| task.desired_state == TaskState::Complete));
    assert!(first.iter().all(|task| task.job_iteration == Some(0)));
    assert_eq!(world.tasks(&batch).len(), 2, "no more than two at a time");
    world.settle();
    assert_eq!(completed(&world, &batch), [0, 1, 2, 3, 4]);
    assert_eq!(world.tasks(&batch).len(), 5, "each ran once");
}

#[test]
fn every_change_runs_the_job_once_more() {
    let mut world = World::new(2);
    let batch = world.add_service("batch", job(1, 2), |_| {});
    world.settle();
    let before: BTreeSet<_> = world.tasks(&batch).into_iter().map(|task| task.id).collect();
    world.edit_service(&batch, |_| {});
    world.settle();
    let after = world.tasks(&batch);
    assert!(after.iter().all(|task| !before.contains(&task.id) && task.job_iteration == Some(1)));
    assert_eq!(completed(&world, &batch), [0, 1]);
}

#[test]
fn a_new_iteration_starts_a_slot_only_when_the_last_has_left_it() {
    let mut world = World::new(1);
    let batch = world.add_service("batch", job(1, 1), |_| {});
    let old = start(&mut world, &batch, 1).remove(0);
    world.edit_service(&batch, |_| {});
    for _ in 0..3 {
        for step in &LOOPS {
            world.pass(step);
        }
    }
    let tasks = world.tasks(&batch);
    let old = tasks.iter().find(|task| task.id == old.id).expect("it still runs");
    let new = tasks.iter().find(|task| task.id != old.id).expect("is made at once");
    assert_eq!((old.desired_state, new.desired_state), (TaskState::Remove, TaskState::Ready));
    world.settle();
    assert_eq!((completed(&world, &batch), world.tasks(&batch).len()), (vec![0], 1));
}

#[test]
fn a_failed_task_is_tried_again_in_its_slot_after_the_delay() {
    let mut world = World::new(2);
    let batch = world.add_service("batch", job(1, 2), |_| {});
    let failing = start(&mut world, &batch, 1).remove(0);
    let before = world.now;
    world.report(&failing, TaskState::Failed);
    let wake = world.settle_now().expect("the delay is waited for");
    assert_eq!(wake.since(before), Duration::from_secs(5));
    assert!(completed(&world, &batch).is_empty(), "the slot counts while it waits");
    world.settle();
    assert_eq!(completed(&world, &batch), [0, 1]);
}

#[test]
fn the_restart_policy_can_leave_a_slot_undone_but_not_the_others() {
    let policy = RestartPolicy { condition: RestartCondition::None, ..RestartPolicy::default() };
    let mut world = World::new(2);
    let batch = world.add_service("batch", job(1, 3), |service| {
        service.spec.task_template.restart_policy = Some(policy);
    });
    let failing = start(&mut world, &batch, 1).remove(0);
    world.report(&failing, TaskState::Failed);
    world.settle();
    assert_eq!(completed(&world, &batch), [1, 2]);
    world.edit_service(&batch, |_| {});
    world.settle();
    assert_eq!(completed(&world, &batch), [0, 1, 2]);
}

#[test]
fn attempts_are_counted_anew_in_each_iteration() {
    let policy = RestartPolicy { max_attempts: Some(1), ..RestartPolicy::default() };
    let mut world = World::new(1);
    let batch = world.add_service("batch", job(1, 1), |service| {
        service.spec.task_template.restart_policy = Some(policy);
    });
    for _ in 0..3 {
        let failing = start(&mut world, &batch, 1).remove(0);
        world.report(&failing, TaskState::Failed);
        world.settle();
        assert_eq!(completed(&world, &batch), [0], "one restart is allowed");
        world.edit_service(&batch, |_| {});
    }
}

#[test]
fn what_a_lost_node_had_runs_elsewhere_and_what_it_completed_counts() {
    let mut world = World::new(2);
    let batch = world.add_service("batch", job(2, 2), |_| {});
    let running = start(&mut world, &batch, 2);
    let lost = running[0].clone();
    let node = lost.node_id.clone().expect("runs");
    world.silent.insert(node.clone());
    world.settle();
    assert_eq!(completed(&world, &batch), [0, 1]);
    world.silent.remove(&node);
    world.settle();
    assert_eq!(world.tasks(&batch).len(), 3);
    let known = &world.state().tasks()[&lost.id];
    assert_eq!(known.status.state, TaskState::Shutdown, "its slot was done without it");
}

#[test]
fn a_global_job_completes_once_on_every_node_that_fits() {
    let mut world = World::new(3);
    let chosen: Vec<NodeId> = world.nodes().split_off(1);
    for node in &chosen {
        world.edit_node(node, |node| {
            node.spec.labels.insert("disk".to_owned(), "ssd".to_owned());
        });
    }
    world.edit_node(&chosen[1], |node| node.spec.availability = Availability::Drain);
    let sweep = world.add_service("sweep", ServiceMode::GlobalJob, |service| {
        let constraints = vec!["node.labels.disk==ssd".to_owned()];
        service.spec.task_template.placement =
            Some(Placement { constraints, ..Placement::default() });
    });
    let nodes = |world: &World| -> Vec<NodeId> {
        let done = in_state(world, &sweep, TaskState::Complete);
        done.into_iter().filter_map(|task| task.node_id).collect()
    };
    world.settle();
    assert_eq!(nodes(&world), chosen[..1]);
    world.edit_node(&chosen[1], |node| node.spec.availability = Availability::Active);
    world.settle();
    assert_eq!(nodes(&world), chosen);
    assert_eq!(world.tasks(&sweep).len(), 2, "each ran once");
    world.edit_service(&sweep, |_| {});
    world.settle();
    assert_eq!((nodes(&world), world.tasks(&sweep).len()), (chosen, 2));
}

#[test]
fn an_unfinished_task_of_a_global_job_leaves_a_drained_node() {
    let mut world = World::new(1);
    let node = world.nodes().remove(0);
    let sweep = world.add_service("sweep", ServiceMode::GlobalJob, |_| {});
    let task = start(&mut world, &sweep, 1).remove(0);
    world.edit_node(&node, |node| node.spec.availability = Availability::Drain);
    world.settle();
    assert_eq!(world.state().tasks()[&task.id].status.state, TaskState::Shutdown);
    world.edit_node(&node, |node| node.spec.availability = Availability::Active);
    world.settle();
    assert_eq!(in_state(&world, &sweep, TaskState::Complete).len(), 1);
}

#[test]
fn what_has_completed_is_no_history_that_could_be_forgotten() {
    let mut world = World::new(1);
    let batch = world.add_service("batch", job(3, 12), |_| {});
    world.settle();
    assert_eq!(completed(&world, &batch).len(), 12);
    world.remove_service(&batch);
    world.settle();
    assert!(world.tasks(&batch).is_empty());
}

#[test]
fn a_drained_node_is_left_at_once() {
    let mut world = World::new(2);
    let batch = world.add_service("batch", job(1, 1), |_| {});
    let task = start(&mut world, &batch, 1).remove(0);
    let (node, before) = (task.node_id.clone().expect("runs"), world.now);
    world.edit_node(&node, |node| node.spec.availability = Availability::Drain);
    world.settle();
    let done = in_state(&world, &batch, TaskState::Complete);
    assert_eq!((done.len(), world.now), (1, before));
    assert_ne!(done[0].node_id, Some(node));
    assert_eq!(world.state().tasks()[&task.id].status.state, TaskState::Shutdown);
}
