//! Forgets tasks: those that are to be forgotten, and those beyond the history limit (swarmkit `manager/orchestrator/taskreaper`).
//!
//! A task is forgotten only when nothing of it can run any more. One on a node that is down stays, with its addresses, until the node
//! is back or has been removed: only then is it known not to run. After a day it is given up all the same, as an orphan.

use std::time::Duration;

use rand::rngs::StdRng;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::spec::OrchestrationConfig;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::backoff;
use super::pass::Pass;
use super::restart;
use super::slot::Slot;
use super::slot::slots_of;
use super::task::is_live;
use crate::reconcile::Item;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;

/// Swarmkit's words for what becomes of the tasks of a removed node (`manager/controlapi/node.go`).
const NODE_DELETED: &str = "Task belonged to a node that has been deleted";

/// The same for a node that does not come back.
const NODE_LOST: &str = "Task belonged to a node that has been down for 24 hours";

/// How long a node may be down before its tasks are given up (swarmkit `manager/dispatcher/dispatcher.go`, `defaultNodeDownPeriod`).
const DOWN_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// Ends the tasks of removed nodes and services, and forgets what need not be known any more.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let state = &view.state;
    let pass = Pass { state, now, rng };
    let mut plan = Plan::default();
    let mut groups: Vec<Vec<Op>> = Vec::new();
    for service in view.scope.services_known(state) {
        for task in state.tasks_of_service(&service) {
            let lost = loss(state, task, now, &mut plan);
            groups.extend(end(&pass, task, lost).map(|op| vec![op]));
        }
        if let Some(service) = state.services().get(&service) {
            let surplus = surplus_history(state, service);
            groups.extend(surplus.into_iter().map(|task| vec![forget(task)]));
        }
        plan.wake_for(Item::Service(service));
    }
    plan.change(now, &[], groups);
    plan
}

/// What becomes of a task that is not wanted, or that is `lost` for some reason.
fn end(pass: &Pass<'_>, task: &Task, lost: Option<&str>) -> Option<Op> {
    let unwanted = task.desired_state == TaskState::Remove
        || !pass.state.services().contains_key(&task.service_id);
    match lost {
        _ if unwanted && (is_gone(task) || lost.is_some()) => Some(forget(task)),
        _ if unwanted && task.desired_state < TaskState::Remove => {
            Some(pass.want(task, TaskState::Remove))
        }
        Some(message) => Some(orphan(task, message, pass.now)),
        None => None,
    }
}

/// Why nobody will ever say how the task ended, if it has not: its node has been removed, or has been down for too long.
fn loss(state: &State, task: &Task, now: Timestamp, plan: &mut Plan) -> Option<&'static str> {
    let node = task.node_id.as_ref()?;
    if task.status.state.is_terminal() {
        return None;
    }
    let Some(node) = state.nodes().get(node) else { return Some(NODE_DELETED) };
    if node.status.state != NodeState::Down || task.status.state < TaskState::Assigned {
        return None;
    }
    // Nothing was written since it went down, but for what users change; then it just takes longer.
    let given_up = node.meta.updated_at + DOWN_PERIOD;
    if given_up > now {
        plan.wake_by(given_up);
        return None;
    }
    Some(NODE_LOST)
}

fn orphan(task: &Task, message: &str, now: Timestamp) -> Op {
    let mut task = task.clone();
    task.status.state = TaskState::Orphaned;
    task.status.timestamp = now;
    message.clone_into(&mut task.status.message);
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
        let excess = slot.tasks.len().saturating_sub(limit.max(needed_history(state, &slot)));
        let ended = slot.tasks.into_iter().map(AsRef::as_ref).filter(|task: &&Task| {
            task.status.state.is_terminal()
                && matches!(task.desired_state, TaskState::Shutdown | TaskState::Rejected)
        });
        ended.take(excess)
    };
    slots_of(state, service).into_values().flat_map(of_slot).collect()
}

/// A task that waits for its start needs its predecessor: when it starts depends on how that one ended. And a slot that
/// stays empty needs its last task, as it is what keeps it empty. One that keeps failing needs its failures, as they say how long to wait.
fn needed_history(state: &State, slot: &Slot<'_>) -> usize {
    let live = slot.live().count();
    let Some(last) = slot.tasks.iter().rev().find(|task| !is_live(task)) else { return live };
    let needed = backoff::history(restart::policy_delay(state, last)) - 1;
    let crashes = backoff::failures(state, slot, last).min(needed);
    if slot.is_running() { live + crashes } else { live + crashes.max(1) }
}

/// Tasks kept per slot; `None`: all of them.
fn history_limit(state: &State, service: &Service) -> Option<usize> {
    let asked = state
        .cluster()
        .and_then(|cluster| cluster.spec.orchestration.task_history_retention_limit)
        .unwrap_or(OrchestrationConfig::DEFAULT_TASK_HISTORY);
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
