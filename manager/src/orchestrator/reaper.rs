//! Forgets tasks: those that are to be forgotten, and those beyond the history limit (swarmkit `manager/orchestrator/taskreaper`).
//!
//! A task is forgotten only when nothing of it can run any more. One on a node that is down stays, with its addresses, until the node
//! is back or has been removed: only then is it known not to run.

use rand::rngs::StdRng;
use swarmlite_proto::api::UpdateState;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::Pass;
use super::slot::Slot;
use super::slot::slots_of;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;

/// Tasks kept per slot when the cluster does not say, the present one included (moby `daemon/cluster`, `swarm init`).
const DEFAULT_HISTORY: i64 = 5;

/// Swarmkit's words for what becomes of the tasks of a removed node (`manager/controlapi/node.go`).
const NODE_DELETED: &str = "Task belonged to a node that has been deleted";

/// Ends the tasks of removed nodes and services, and forgets what need not be known any more.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let state = &view.state;
    let pass = Pass { state, now, rng };
    let mut plan = Plan::default();
    let groups = state.tasks().values().filter_map(|task| {
        let op = if is_orphaned(state, task) {
            orphan(task, now)
        } else if task.desired_state == TaskState::Remove {
            is_gone(task).then(|| forget(task))?
        } else if !state.services().contains_key(&task.service_id) {
            pass.want(task, TaskState::Remove)
        } else {
            return None;
        };
        Some(vec![op])
    });
    plan.change(now, &[], groups);
    for service in state.services().values() {
        let surplus = surplus_history(state, service);
        plan.change(now, &[], surplus.into_iter().map(|task| vec![forget(task)]));
    }
    plan
}

/// Whether its node has been removed before the task was known to have ended.
fn is_orphaned(state: &State, task: &Task) -> bool {
    let removed = task.node_id.as_ref().is_some_and(|node| !state.nodes().contains_key(node));
    removed && !task.status.state.is_terminal()
}

fn orphan(task: &Task, now: Timestamp) -> Op {
    let mut task = task.clone();
    task.status.state = TaskState::Orphaned;
    task.status.timestamp = now;
    NODE_DELETED.clone_into(&mut task.status.message);
    Op::PutTask(Box::new(task))
}

/// Whether no agent has the task, or its agent has said that it has ended.
fn is_gone(task: &Task) -> bool {
    task.status.state < TaskState::Assigned || task.status.state.is_terminal()
}

fn forget(task: &Task) -> Op {
    Op::Remove(ObjectRef::Task(task.id.clone()), task.meta.version)
}

/// The oldest ended tasks of each slot that has more tasks than the limit.
fn surplus_history<'a>(state: &'a State, service: &Service) -> Vec<&'a Task> {
    let Some(limit) = history_limit(state, service) else { return Vec::new() };
    if state.tasks_of_service(&service.id).nth(limit).is_none() {
        return Vec::new();
    }
    surplus(state, &service.id, limit)
}

fn surplus<'a>(state: &'a State, service: &ServiceId, limit: usize) -> Vec<&'a Task> {
    let of_slot = |slot: Slot<'a>| {
        let excess = slot.tasks.len().saturating_sub(limit.max(needed_history(&slot)));
        let ended = slot.tasks.into_iter().map(AsRef::as_ref).filter(|task: &&Task| {
            task.status.state.is_terminal() && task.desired_state == TaskState::Shutdown
        });
        ended.take(excess)
    };
    slots_of(state, service).into_values().flat_map(of_slot).collect()
}

/// A task that waits for its start needs its predecessor: when it starts depends on how that one ended. And a slot that
/// stays empty needs its last task, as it is what keeps it empty.
fn needed_history(slot: &Slot<'_>) -> usize {
    if slot.is_running() { 1 } else { slot.live().count() + 1 }
}

/// Tasks kept per slot; `None`: all of them.
fn history_limit(state: &State, service: &Service) -> Option<usize> {
    let asked = state
        .cluster()
        .and_then(|cluster| cluster.spec.orchestration.task_history_retention_limit)
        .unwrap_or(DEFAULT_HISTORY);
    let policy = service.spec.task_template.restart_policy.as_ref();
    let attempts = policy.and_then(|policy| policy.max_attempts).filter(|attempts| *attempts > 0);
    let limit = match attempts {
        Some(attempts) => usize::try_from(attempts).unwrap_or(usize::MAX).saturating_add(1),
        None => usize::try_from(asked).ok()?,
    };
    // An update in progress is read off the tasks it has replaced.
    let updating = service.update_status.as_ref().is_some_and(|status| {
        matches!(status.state, UpdateState::Updating | UpdateState::RollbackStarted)
    });
    Some(if updating { limit.max(2) } else { limit })
}
