//! How a task takes the place of another in its slot: in which order, and what has to be there before the old one goes.
//!
//! Stop-first: the new task is made ready to start (placed, its image present, its container made) before the old one is touched, and starts when
//! that has stopped. Start-first: the old one goes when the new one is routed. So a task that cannot be placed or made costs
//! nothing. The new task's own desired state tells the two apart.

use std::time::Duration;

use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::pass::Pass;
use super::restart;
use super::slot::Slot;
use super::task::is_routed;
use crate::placement::is_dirty;
use crate::reconcile::Plan;
use crate::state::Op;
use crate::state::State;

/// How long a task on a drained node is kept for want of another node. Whoever drains a node wants it empty in the end.
pub(super) const NO_PLACE_PATIENCE: Duration = Duration::from_secs(30);

/// Where a slot is that no task has ended in.
#[derive(Debug)]
pub(super) enum Standing<'a> {
    /// It has no task, and is to have none.
    Empty,
    /// All its tasks are to be replaced.
    Stale {
        /// Whether their spec is an old one; else they are on a drained node.
        outdated: bool,
    },
    /// A new task is there, and the old ones are not gone.
    HandingOver {
        /// The old ones.
        stale: Vec<&'a Task>,
        /// The new one.
        fresh: &'a Task,
        /// Whether the old ones have an old spec.
        outdated: bool,
    },
    /// It has several tasks that could all stay.
    Doubled(&'a Task),
    /// It has the task it should have.
    Single(&'a Task),
}

/// Where `slot` is.
pub(super) fn standing<'a>(state: &State, service: &Service, slot: &Slot<'a>) -> Standing<'a> {
    let outdated = |task: &&'a Task| is_dirty(state, service, task);
    let (stale, fresh): (Vec<&'a Task>, Vec<&'a Task>) = slot
        .live()
        .map(AsRef::as_ref)
        .partition(|task| outdated(task) || restart::is_leaving(state, task));
    let is_outdated = stale.iter().any(outdated);
    let routed = fresh.iter().rev().copied().find(|task| is_routed(task));
    match (routed.or_else(|| fresh.last().copied()), stale.is_empty()) {
        (Some(fresh), false) => Standing::HandingOver { stale, fresh, outdated: is_outdated },
        (Some(keeper), true) if fresh.len() > 1 && routed.is_some() => Standing::Doubled(keeper),
        (Some(task), true) => Standing::Single(task),
        (None, false) => Standing::Stale { outdated: is_outdated },
        (None, true) => {
            let last =
                restart::exhausted(state, slot).filter(|task| is_dirty(state, service, task));
            last.map_or(Standing::Empty, |_| Standing::Stale { outdated: true })
        }
    }
}

/// Makes a new task for a slot of which all are stale. One that runs is left alone until the new one can take its place.
pub(super) fn begin(
    pass: &mut Pass<'_>,
    service: &Service,
    order: UpdateOrder,
    slot: &Slot<'_>,
) -> Vec<Op> {
    let runs = |task: &Task| task.status.state == TaskState::Running;
    let beside = slot.live().filter(|task| runs(task)).last();
    let others = slot.live().filter(|task| beside.is_none_or(|beside| beside.id != task.id));
    let mut ops: Vec<Op> = others.map(|task| pass.want(task, TaskState::Shutdown)).collect();
    let desired = match (order, beside) {
        (UpdateOrder::StartFirst, Some(_)) => TaskState::Running,
        (UpdateOrder::StartFirst, None) | (UpdateOrder::StopFirst, _) => TaskState::Ready,
    };
    ops.push(pass.new_task(service, &slot.key, desired));
    ops
}

/// Lets those of `stale` go that may by now.
pub(super) fn go_on(pass: &Pass<'_>, stale: &[&Task], fresh: &Task, plan: &mut Plan) -> Vec<Op> {
    let mut ops = Vec::new();
    for task in stale {
        let until = may_go_at(pass.state, task, fresh);
        if until.is_some_and(|until| until <= pass.now) {
            ops.push(pass.want(task, TaskState::Shutdown));
        } else if let Some(until) = until {
            plan.wake_by(until);
        }
    }
    ops
}

/// Lets tasks that only migrate stay if `fresh` finds no place in time: unlike a drain, nobody needs their nodes empty.
pub(super) fn call_off(
    pass: &Pass<'_>,
    stale: &[&Task],
    fresh: &Task,
    plan: &mut Plan,
) -> Option<Vec<Op>> {
    let is_needless = |task: &&Task| !restart::is_on_drained_node(pass.state, task);
    if fresh.status.state >= TaskState::Assigned || !stale.iter().all(is_needless) {
        return None;
    }
    let until = fresh.meta.created_at + NO_PLACE_PATIENCE;
    if until > pass.now {
        plan.wake_by(until);
        return None;
    }
    let stay = stale.iter().map(|task| stay(task));
    Some(stay.chain([pass.want(fresh, TaskState::Shutdown)]).collect())
}

/// Lets a task that only migrates stay if the one that was to take its place has failed: elsewhere it may do so again and again.
pub(super) fn call_off_failed(state: &State, slot: &Slot<'_>) -> Vec<Op> {
    let has_failed = |since: Timestamp| {
        slot.tasks.iter().any(|task| {
            task.meta.created_at >= since
                && matches!(task.status.state, TaskState::Failed | TaskState::Rejected)
        })
    };
    let live = slot.live().filter(|task| only_migrates(state, task));
    // Nothing was written since it was to migrate, as it just runs.
    live.filter(|task| has_failed(task.meta.updated_at)).map(|task| stay(task)).collect()
}

fn stay(task: &Task) -> Op {
    Op::PutTask(Box::new(Task { migrate: false, ..task.clone() }))
}

fn only_migrates(state: &State, task: &Task) -> bool {
    task.migrate && !restart::is_on_drained_node(state, task)
}

/// In which order a slot is handed over that no update has to do with. What only migrates is not stopped before the new task has traffic.
pub(super) fn order_of(state: &State, slot: &Slot<'_>, order: UpdateOrder) -> UpdateOrder {
    if slot.live().all(|task| only_migrates(state, task)) { UpdateOrder::StartFirst } else { order }
}

/// When `task` may go, `fresh` being where it is. `None` as long as `fresh` has to get further first.
fn may_go_at(state: &State, task: &Task, fresh: &Task) -> Option<Timestamp> {
    let may_replace = match fresh.desired_state {
        TaskState::Running => is_routed(fresh),
        _ => fresh.status.state >= TaskState::Ready,
    };
    if may_replace || task.status.state != TaskState::Running {
        return Some(Timestamp::ZERO);
    }
    let has_no_place = fresh.status.state < TaskState::Assigned;
    let waits = has_no_place && restart::is_on_drained_node(state, task);
    waits.then_some(fresh.meta.created_at + NO_PLACE_PATIENCE)
}
