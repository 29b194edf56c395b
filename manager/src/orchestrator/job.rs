//! What replicated and global jobs have in common (swarmkit `manager/orchestrator/jobs`).
//!
//! A job runs in iterations: each change of its service starts a new one, and what the one before has left is forgotten. Within an
//! iteration each slot has to complete once; a task that fails is replaced as the restart policy says, one that has completed never is.

use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use super::pass::Pass;
use super::restart;
use super::slot::Slot;
use super::task::goal;
use super::task::has_stopped;
use super::task::iteration_of;
use crate::reconcile::Plan;
use crate::state::Op;

/// How far a slot is in the present iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    /// Nobody is at it.
    Open,
    /// A task runs or will.
    Active,
    /// It has completed.
    Done,
    /// Its last task has failed, and the restart policy allows no other.
    Failed,
}

/// The tasks of a slot that belong to the present iteration.
pub(super) fn current<'a>(service: &Service, slot: &Slot<'a>) -> Slot<'a> {
    let iteration = iteration_of(service);
    let tasks = slot.tasks.iter().copied().filter(|task| task.job_iteration == iteration);
    Slot { key: slot.key.clone(), tasks: tasks.collect() }
}

/// Wants the tasks of earlier iterations forgotten.
pub(super) fn forget_earlier(pass: &Pass<'_>, service: &Service, slot: &Slot<'_>) -> Vec<Op> {
    let iteration = iteration_of(service);
    let earlier = slot
        .tasks
        .iter()
        .filter(|task| task.job_iteration != iteration && task.desired_state < TaskState::Remove);
    earlier.map(|task| pass.want(task, TaskState::Remove)).collect()
}

/// Whether the slot has completed in the present iteration.
pub(super) fn is_done(current: &Slot<'_>) -> bool {
    current.tasks.iter().any(|task| task.status.state == TaskState::Complete)
}

/// Looks after a slot that should be done in the end. Returns what has to be done for it together, and how far it is.
pub(super) fn tend(
    pass: &mut Pass<'_>,
    service: &Service,
    slot: &Slot<'_>,
    plan: &mut Plan,
) -> (Vec<Op>, SlotState) {
    let current = current(service, slot);
    let mut ops = forget_earlier(pass, service, slot);
    if is_done(&current) {
        // A task on a node that was taken for lost has completed after all; its successor need not.
        ops.extend(end_unfinished(pass, &current));
        return (ops, SlotState::Done);
    }
    if !restart::is_occupied(pass.state, &current) {
        return (ops, SlotState::Open);
    }
    let state = if will_run(pass, &current) { SlotState::Active } else { SlotState::Failed };
    if current.live().any(|task| restart::is_leaving(pass.state, task)) {
        // Nobody talks to a job that would have to be handed over: it starts anew elsewhere.
        let (ended, sound): (Vec<_>, Vec<_>) =
            current.live().partition(|task| has_ended(pass, task));
        ops.extend(ended.into_iter().map(|task| pass.want(task, TaskState::Shutdown)));
        if sound.is_empty() && state == SlotState::Active {
            ops.push(pass.new_task(service, &slot.key, TaskState::Ready));
        }
        return (ops, state);
    }
    // The whole slot: a task also waits for one of an earlier iteration to stop.
    let watched = if ops.is_empty() { slot } else { &current };
    ops.extend(restart::tend(pass, service, watched, plan));
    (ops, state)
}

/// Wants the tasks of a slot stopped that have not ended.
pub(super) fn end_unfinished(pass: &Pass<'_>, current: &Slot<'_>) -> Vec<Op> {
    let unfinished = current.live().filter(|task| !task.status.state.is_terminal());
    unfinished.map(|task| pass.want(task, TaskState::Shutdown)).collect()
}

/// The first task of a slot in an iteration. It starts when what was there before has stopped.
pub(super) fn begin(pass: &mut Pass<'_>, service: &Service, slot: &Slot<'_>) -> Op {
    let nothing_runs =
        |task: &Task| task.status.state < TaskState::Assigned || has_stopped(pass.state, task);
    let is_quiet = slot.tasks.iter().all(|task| nothing_runs(task));
    let desired = if is_quiet { goal(service) } else { TaskState::Ready };
    pass.new_task(service, &slot.key, desired)
}

/// Whether the restart policy leaves a task in the slot.
fn will_run(pass: &Pass<'_>, current: &Slot<'_>) -> bool {
    current.live().any(|task| !has_ended(pass, task))
        || current.live().last().is_some_and(|last| restart::is_allowed(pass.state, last, current))
}

fn has_ended(pass: &Pass<'_>, task: &Task) -> bool {
    restart::has_ended(pass.state, task) || restart::is_leaving(pass.state, task)
}
