//! The restart policy: whether a task that has ended gets a successor, and when that may start (swarmkit
//! `manager/orchestrator/restart/restart.go`).
//!
//! What was restarted how often is read off the tasks that the state still has, which is why the reaper keeps as many as the policy counts.

use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::backoff::restart_delay;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::backoff;
use super::pass::Pass;
use super::slot::Slot;
use super::task::goal;
use super::task::has_stopped;
use super::task::is_live;
use crate::placement::are_alike;
use crate::placement::keeps_tasks;
use crate::reconcile::Plan;
use crate::state::Op;
use crate::state::State;

/// How long a successor waits, past the grace period of its predecessor, for word that it has stopped (swarmkit, the same file, `DefaultOldTaskTimeout`).
const OLD_TASK_TIMEOUT: Duration = Duration::from_secs(60);

/// Looks after one slot that should be taken: replaces what has ended, and starts what is due. Returns what has to be done together.
pub(super) fn tend(
    pass: &mut Pass<'_>,
    service: &Service,
    slot: &Slot<'_>,
    plan: &mut Plan,
) -> Vec<Op> {
    let (ended, sound): (Vec<_>, Vec<_>) =
        slot.live().partition(|task| has_ended(pass.state, task));
    if let (Some(last), true) = (ended.last(), sound.is_empty())
        && let Some(until) = held_until(pass.state, last, slot).filter(|until| *until > pass.now)
    {
        plan.wake_by(until);
        return Vec::new();
    }
    let mut ops: Vec<Op> = ended.iter().map(|task| pass.want(task, TaskState::Shutdown)).collect();
    if let (Some(last), true) = (ended.last(), sound.is_empty())
        && is_allowed(pass.state, last, slot)
    {
        ops.push(pass.new_task(service, &slot.key, TaskState::Ready));
    }
    // Beside one that is wanted running, a task is only made ready: it starts when the other is to stop.
    if sound.iter().any(|task| task.desired_state == goal(service)) {
        return ops;
    }
    for task in sound.into_iter().filter(|task| task.desired_state < TaskState::Running) {
        let start = start_at(pass.state, task, slot);
        if start <= pass.now {
            ops.push(pass.want(task, goal(service)));
        } else {
            plan.wake_by(start);
        }
    }
    ops
}

/// Whether a task that is wanted runs no more, was lost with its node, or should not even start where it is.
pub(super) fn has_ended(state: &State, task: &Task) -> bool {
    let node = task.node_id.as_ref();
    task.status.state.is_terminal()
        || node.is_some_and(|node| !keeps_tasks(state.nodes().get(node).map(AsRef::as_ref)))
            && !is_leaving(state, task)
}

/// Whether a task runs where it is not to stay, as its node is drained or as it is to migrate: it has to go, but not before another can take its
/// place.
pub(super) fn is_leaving(state: &State, task: &Task) -> bool {
    let node = task.node_id.as_ref().and_then(|node| state.nodes().get(node));
    task.status.state == TaskState::Running
        && node.is_some_and(|node| node.status.state != NodeState::Down)
        && (task.migrate || is_on_drained_node(state, task))
}

/// Whether a task is, or was, on a node that is drained.
pub(super) fn is_on_drained_node(state: &State, task: &Task) -> bool {
    let node = task.node_id.as_ref().and_then(|node| state.nodes().get(node));
    node.is_some_and(|node| node.spec.availability == Availability::Drain)
}

/// Whether the policy allows a successor of `task`, which is in `slot`.
pub(super) fn is_allowed(state: &State, task: &Task, slot: &Slot<'_>) -> bool {
    let policy = policy_of(state, task);
    match policy.condition {
        RestartCondition::None => return false,
        RestartCondition::OnFailure if task.status.state == TaskState::Complete => return false,
        RestartCondition::OnFailure | RestartCondition::Any => {}
    }
    let Some(max_attempts) = policy.max_attempts.filter(|attempts| *attempts > 0) else {
        return true;
    };
    let window = policy.window.unwrap_or_default().to_duration();
    let counts = |restart: &Task| {
        window.is_zero() || task.status.timestamp.since(restart.meta.created_at) < window
    };
    // The first task of a spec, or of an iteration of a job, is not a restart.
    let made_from = |task: &Task| (task.spec_version, task.job_iteration);
    let same_spec = slot.tasks.iter().filter(|other| made_from(other) == made_from(task));
    let restarts = same_spec.skip(1).filter(|restart| counts(restart)).count();
    u64::try_from(restarts).is_ok_and(|restarts| restarts < max_attempts)
}

/// Whether `slot` is taken: by a task that is wanted, or by one that has ended and must not be restarted.
pub(super) fn is_occupied(state: &State, slot: &Slot<'_>) -> bool {
    slot.live().next().is_some() || exhausted(state, slot).is_some()
}

/// The last task of a slot that stays empty until the spec changes, as the policy forbids another.
pub(super) fn exhausted<'a>(state: &State, slot: &Slot<'a>) -> Option<&'a Arc<Task>> {
    let newest = slot.newest()?;
    let stays_empty = !is_live(newest) && !is_allowed(state, newest, slot);
    stays_empty.then_some(newest)
}

/// When `task` may start: after the delay if it is the successor of one that ended by itself, and not before the others have stopped.
/// Only for so long, though: an agent that hangs must not keep the slot empty for ever.
fn start_at(state: &State, task: &Task, slot: &Slot<'_>) -> Timestamp {
    let delay = slot
        .before(task)
        // Not one of an update that was rolled back meanwhile.
        .find(|other| are_alike(state, other, task))
        .filter(|predecessor| ended_by_itself(state, predecessor))
        .map_or(Duration::ZERO, |predecessor| delay_of(state, predecessor, slot));
    let stopping = slot.tasks.iter().filter(|other| other.id != task.id);
    let patience = stopping
        .filter(|other| !has_stopped(state, other))
        .map(|other| other.meta.updated_at + OLD_TASK_TIMEOUT + stop_grace(state, other))
        .max()
        .unwrap_or_default();
    patience.max(task.meta.created_at + delay)
}

/// Until when a task that could not even be made ready keeps its slot: until it could have started. It waited already for the sake of those that
/// failed before it, and another that is made ready at once would fail at once, as when there is no such image.
fn held_until(state: &State, task: &Task, slot: &Slot<'_>) -> Option<Timestamp> {
    let was_waiting = task.desired_state < TaskState::Running;
    let has_failed = matches!(task.status.state, TaskState::Failed | TaskState::Rejected);
    let is_held = was_waiting && has_failed && is_allowed(state, task, slot);
    is_held.then(|| start_at(state, task, slot))
}

/// Whether a task ended by itself: only then is there a delay, as only what ends by itself may do so again at once. There is none after an update, a
/// drain, or the loss of a node.
fn ended_by_itself(state: &State, task: &Task) -> bool {
    let ended = [TaskState::Complete, TaskState::Failed, TaskState::Rejected];
    ended.contains(&task.status.state)
        && task.desired_state != TaskState::Remove
        && !is_on_drained_node(state, task)
}

fn policy_of(state: &State, task: &Task) -> RestartPolicy {
    let revision = state.revision_of(task);
    revision.and_then(|revision| revision.task.restart_policy.clone()).unwrap_or_default()
}

/// How long a successor of `task`, which is in `slot`, waits: the policy's delay, and longer the longer it keeps failing.
pub(super) fn delay_of(state: &State, task: &Task, slot: &Slot<'_>) -> Duration {
    restart_delay(policy_delay(state, task), backoff::failures(state, slot, task))
}

/// The delay that the policy of `task` asks for.
pub(super) fn policy_delay(state: &State, task: &Task) -> Duration {
    policy_of(state, task).delay().to_duration()
}

fn stop_grace(state: &State, task: &Task) -> Duration {
    let container =
        state.revision_of(task).and_then(|revision| revision.task.container_spec.as_ref());
    container.map_or(ContainerSpec::DEFAULT_STOP_GRACE, ContainerSpec::stop_grace).to_duration()
}
