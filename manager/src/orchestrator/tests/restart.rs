//! The restart policy.

use std::time::Duration;

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Nanoseconds;

use super::replicas;
use super::running;
use crate::loops::tests::world::World;

fn with_policy(policy: RestartPolicy) -> (World, ServiceId) {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(1), |service| {
        service.spec.task_template.restart_policy = Some(policy);
    });
    world.settle();
    (world, web)
}

/// Ends the only task that runs, and says whether another runs in the end.
fn comes_back_after(world: &mut World, web: &ServiceId, state: TaskState) -> bool {
    let task = world.running(web).remove(0);
    world.report(&task, state);
    world.settle();
    let running = world.running(web);
    assert!(running.iter().all(|other| other.id != task.id && other.slot == task.slot));
    !running.is_empty()
}

#[test]
fn a_failed_task_is_replaced_in_its_slot_after_the_delay() {
    let (mut world, web) = running(1, 1);
    let failed = world.running(&web).remove(0);
    let start = world.now;
    world.report(&failed, TaskState::Failed);
    let wake = world.settle_now().expect("the delay is waited for");
    assert_eq!(wake.since(start), Duration::from_secs(5));
    let tasks = world.tasks(&web);
    let successor = tasks.iter().find(|task| task.id != failed.id).expect("is made at once");
    assert_eq!(successor.slot, failed.slot);
    let states = (successor.desired_state, successor.status.state);
    assert_eq!(states, (TaskState::Ready, TaskState::Ready), "prepared, but not started");
    world.now = wake;
    world.settle();
    assert_eq!(world.running(&web)[0].id, successor.id);
}

#[test]
fn the_delay_is_waited_for_after_an_update_that_was_rolled_back() {
    let (mut world, web) = running(1, 1);
    let old = world.running(&web).remove(0);
    world.edit_service(&web, |service| {
        service.spec.task_template.force_update = 1;
        let config = service.spec.update_config.get_or_insert_default();
        config.failure_action = FailureAction::Rollback;
    });
    pass_some(&mut world);
    let new = world.tasks(&web).into_iter().find(|task| task.id != old.id).expect("is made");
    world.report(&new, TaskState::Rejected);
    world.settle();
    assert_eq!(world.running(&web)[0].id, old.id, "it was not even stopped");
    let start = world.now;
    world.report(&old, TaskState::Failed);
    let wake = world.settle_now().expect("the delay is waited for");
    assert_eq!(wake.since(start), Duration::from_secs(5));
}

#[test]
fn the_condition_decides() {
    let table = [
        (RestartCondition::Any, TaskState::Complete, true),
        (RestartCondition::Any, TaskState::Failed, true),
        (RestartCondition::OnFailure, TaskState::Complete, false),
        (RestartCondition::OnFailure, TaskState::Failed, true),
        (RestartCondition::OnFailure, TaskState::Rejected, true),
        (RestartCondition::None, TaskState::Failed, false),
    ];
    for (condition, state, expected) in table {
        let (mut world, web) = with_policy(RestartPolicy { condition, ..RestartPolicy::default() });
        let back = comes_back_after(&mut world, &web, state);
        assert_eq!(back, expected, "{condition:?} after {state}");
    }
}

#[test]
fn attempts_are_limited_and_a_new_spec_starts_over() {
    let policy = RestartPolicy { max_attempts: Some(2), ..RestartPolicy::default() };
    let (mut world, web) = with_policy(policy);
    let outcomes = [(); 3].map(|()| comes_back_after(&mut world, &web, TaskState::Failed));
    assert_eq!(outcomes, [true, true, false]);
    assert_eq!(world.tasks(&web).len(), 3);
    world.edit_service(&web, |service| service.spec.task_template.force_update = 1);
    world.settle();
    assert_eq!(world.running(&web).len(), 1);
    assert!(comes_back_after(&mut world, &web, TaskState::Failed));
}

#[test]
fn only_attempts_within_the_window_count() {
    let policy = RestartPolicy {
        max_attempts: Some(1),
        window: Some(Nanoseconds::from_secs(60)),
        ..RestartPolicy::default()
    };
    let (mut world, web) = with_policy(policy);
    assert!(comes_back_after(&mut world, &web, TaskState::Failed));
    world.now = world.now + Duration::from_secs(120);
    assert!(comes_back_after(&mut world, &web, TaskState::Failed));
    assert!(!comes_back_after(&mut world, &web, TaskState::Failed));
}

#[test]
fn a_successor_waits_for_a_task_that_still_stops_but_not_for_ever() {
    let (mut world, web) = running(1, 1);
    let old = world.running(&web).remove(0);
    world.silent.insert(old.node_id.clone().expect("runs"));
    world.edit_service(&web, |service| service.spec.task_template.force_update = 1);
    // The node is alive, but its agent says nothing of the old task.
    let replicated = pass_some(&mut world);
    let new = world.tasks(&web).into_iter().find(|task| task.id != old.id).expect("is made");
    world.report(&new, TaskState::Ready);
    pass_some(&mut world);
    let states = [&old.id, &new.id].map(|id| world.state().tasks()[id].desired_state);
    assert_eq!(states, [TaskState::Shutdown, TaskState::Ready]);
    let wake = world.pass(replicated).next_wake().expect("it will not wait for ever");
    assert_eq!(wake.since(world.now), Duration::from_secs(70), "a minute and the grace period");
    world.now = wake;
    world.pass(replicated);
    assert_eq!(world.state().tasks()[&new.id].desired_state, TaskState::Running);
}

/// Some passes of all loops but that which would find the node down. Returns the loop of replicated services.
fn pass_some(world: &mut World) -> &'static crate::loops::Loop {
    let loops = &crate::loops::LOOPS;
    for step in loops.iter().filter(|step| step.name != "liveness").cycle().take(2 * loops.len()) {
        world.pass(step);
    }
    replicated()
}

/// The loop of replicated services.
fn replicated() -> &'static crate::loops::Loop {
    let mut loops = crate::loops::LOOPS.iter();
    loops.find(|step| step.name == "replicated").expect("there is such a loop")
}

#[test]
fn what_cannot_even_be_made_ready_is_tried_less_and_less_often() {
    let (mut world, web) = running(1, 1);
    let task = world.running(&web).remove(0);
    world.report(&task, TaskState::Rejected);
    let mut waited = Vec::new();
    for _ in 0..5 {
        pass_some(&mut world);
        let tried = world.tasks(&web).into_iter().find(|task| !task.status.state.is_terminal());
        let before = world.now;
        world.report(&tried.expect("is made"), TaskState::Rejected);
        while world.tasks(&web).iter().all(|task| task.status.state.is_terminal()) {
            pass_some(&mut world);
            let made = world.tasks(&web).iter().any(|task| !task.status.state.is_terminal());
            let wake = world.pass(replicated()).next_wake();
            world.now = wake.filter(|_| !made).unwrap_or(world.now);
        }
        waited.push(world.now.since(before).as_secs());
    }
    assert_eq!(waited, [5, 10, 20, 40, 80]);
}

#[test]
fn a_clock_that_is_set_back_does_not_make_a_crash_loop_forget_how_often_it_has_failed() {
    let (mut world, web) = running(1, 1);
    world.now = world.now + Duration::from_secs(100_000);
    for update in [1, 2] {
        world.edit_service(&web, |service| service.spec.task_template.force_update = update);
        world.settle();
    }
    world.now = swarmlite_proto::time::Timestamp::EPOCH;
    let waited = [(); 4].map(|()| {
        let task = world.running(&web).remove(0);
        let before = world.now;
        world.report(&task, TaskState::Failed);
        world.settle();
        world.now.since(before).as_secs()
    });
    assert_eq!(waited, [5, 10, 20, 40]);
}

#[test]
fn a_crash_loop_is_tried_less_and_less_often() {
    let (mut world, web) = running(1, 1);
    let mut waited = Vec::new();
    for _ in 0..9 {
        let task = world.running(&web).remove(0);
        let before = world.now;
        world.report(&task, TaskState::Failed);
        world.settle();
        waited.push(world.now.since(before).as_secs());
    }
    assert_eq!(waited, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    assert_eq!(world.tasks(&web).len(), 8, "as many as tell how long to wait");
    let task = world.running(&web).remove(0);
    world.now = world.now + Duration::from_secs(600);
    world.report(&task, TaskState::Failed);
    let before = world.now;
    world.settle();
    assert_eq!(world.now.since(before).as_secs(), 5, "it has worked for a while");
}

#[test]
fn what_only_ends_is_started_again_as_the_policy_says() {
    let (mut world, web) = running(1, 1);
    for _ in 0..5 {
        let task = world.running(&web).remove(0);
        let before = world.now;
        world.report(&task, TaskState::Complete);
        world.settle();
        assert_eq!(world.now.since(before), Duration::from_secs(5));
    }
}

#[test]
fn a_new_spec_does_not_wait_for_the_failures_of_the_old_one() {
    let (mut world, web) = running(1, 1);
    for _ in 0..4 {
        let task = world.running(&web).remove(0);
        world.report(&task, TaskState::Failed);
        world.settle();
    }
    world.edit_service(&web, |service| service.spec.task_template.force_update = 1);
    world.settle();
    let task = world.running(&web).remove(0);
    let before = world.now;
    world.report(&task, TaskState::Failed);
    world.settle();
    assert_eq!(world.now.since(before), Duration::from_secs(5));
}
