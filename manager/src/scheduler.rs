//! Gives tasks that have all they need a node, or says why there is none.
//!
//! Two stages: [`filter`] finds the nodes that can run a task, a strategy (here [`spread`]) orders what is left. Identical tasks are
//! placed in one pass. A task that has a node keeps it: what should move is replaced by an orchestrator.

pub(crate) mod candidate;
pub(crate) mod claim;
pub(crate) mod filter;

mod spread;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use self::candidate::Candidate;
use self::candidate::Group;
use self::filter::Refusal;
use self::spread::Spread;
use crate::placement::predecessors;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Op;
use crate::state::State;

/// Swarmkit's words (`manager/scheduler/scheduler.go`).
const ASSIGNED: &str = "scheduler assigned task to node";
const CONFIRMED: &str = "scheduler confirmed task can run on preassigned node";
const NO_NODE: &str = "no suitable node";

/// Places what can be placed.
#[must_use]
pub(crate) fn reconcile(view: &View, now: Timestamp, _: &mut StdRng) -> Plan {
    let state = &view.state;
    let mut plan = Plan::default();
    let waiting = waiting(state);
    if waiting.is_empty() {
        return plan;
    }
    let mut candidates: Vec<Candidate<'_>> =
        state.nodes().values().map(|node| Candidate::new(state, node, now)).collect();
    let mut ops = Vec::new();
    for ((service, version), mut tasks) in waiting {
        let Some(revision) = state.revision(&service, version) else { continue };
        let group = Group::new(service, version, Arc::clone(revision));
        tasks.sort_by_key(|task| task.slot);
        let mut free = Vec::new();
        for task in tasks {
            let predecessors: Vec<&Task> = predecessors(state, task).collect();
            if task.node_id.is_none() && predecessors.is_empty() {
                free.push(task);
                continue;
            }
            // What it replaces has stopped before it starts, so that it may count on what that uses.
            each(&mut candidates, &predecessors, |node, task| node.release(state, task));
            if task.node_id.is_some() {
                ops.extend(confirm(&group, &mut candidates, task, now));
            } else {
                ops.extend(place(&group, &mut candidates, &[task], now));
            }
            each(&mut candidates, &predecessors, |node, task| node.occupy(state, task));
        }
        ops.extend(place(&group, &mut candidates, &free, now));
    }
    plan.change(now, &[], ops.into_iter().map(|op| vec![op]));
    plan
}

/// The tasks that wait for a node, by what makes them identical.
fn waiting(state: &State) -> BTreeMap<(ServiceId, Version), Vec<&Task>> {
    let mut waiting: BTreeMap<_, Vec<&Task>> = BTreeMap::new();
    let pending = state
        .tasks()
        .values()
        .filter(|task| task.status.state == TaskState::Pending && task.desired_state.is_wanted());
    for task in pending {
        waiting.entry((task.service_id.clone(), task.spec_version)).or_default().push(task);
    }
    waiting
}

/// Calls `change` with each of `tasks` and the candidate it is on.
fn each(
    candidates: &mut [Candidate<'_>],
    tasks: &[&Task],
    change: impl Fn(&mut Candidate<'_>, &Task),
) {
    for task in tasks {
        let node = task.node_id.as_ref();
        if let Some(node) = candidates.iter_mut().find(|candidate| Some(candidate.id()) == node) {
            change(node, task);
        }
    }
}

/// A task whose node its orchestrator has chosen: only whether it can run there is left to say.
fn confirm(
    group: &Group,
    candidates: &mut [Candidate<'_>],
    task: &Task,
    now: Timestamp,
) -> Option<Op> {
    let node =
        candidates.iter_mut().find(|candidate| Some(candidate.id()) == task.node_id.as_ref())?;
    match filter::check(group, node) {
        Ok(()) => {
            let given = node.place(group);
            Some(assign(task, &node.node.id, CONFIRMED, given, now))
        }
        Err(refusal) => postpone(task, filter::explain([&refusal])),
    }
}

/// Places as many of `tasks` as fit; the others are told why not.
fn place(
    group: &Group,
    candidates: &mut [Candidate<'_>],
    tasks: &[&Task],
    now: Timestamp,
) -> Vec<Op> {
    if tasks.is_empty() {
        return Vec::new();
    }
    let fits = |candidate: &Candidate<'_>| filter::check(group, candidate).is_ok();
    let positions = candidates.iter().enumerate().filter(|(_, candidate)| fits(candidate));
    let fit: BTreeSet<usize> = positions.map(|(position, _)| position).collect();
    let mut spread = Spread::new(group, candidates, &fit);
    let mut ops = Vec::new();
    let mut tasks = tasks.iter();
    for task in tasks.by_ref() {
        let taken = spread.take();
        let Some((position, candidate)) =
            taken.and_then(|position| Some((position, candidates.get_mut(position)?)))
        else {
            let refusal = no_suitable_node(group, candidates);
            let left = std::iter::once(task).chain(tasks);
            ops.extend(left.filter_map(|task| postpone(task, refusal.clone())));
            break;
        };
        let given = candidate.place(group);
        ops.push(assign(task, candidate.id(), ASSIGNED, given, now));
        if filter::check(group, candidate).is_ok() {
            spread.put_back(group, candidate, position);
        }
    }
    ops
}

fn assign(
    task: &Task,
    node: &NodeId,
    message: &str,
    given: Vec<GenericResource>,
    now: Timestamp,
) -> Op {
    let mut task = task.clone();
    task.generic_resources = given;
    task.node_id = Some(node.clone());
    task.status.state = TaskState::Assigned;
    task.status.timestamp = now;
    message.clone_into(&mut task.status.message);
    task.status.err.clear();
    Op::PutTask(Box::new(task))
}

/// The task goes on waiting; written only if the reason is another one than before.
fn postpone(task: &Task, reason: String) -> Option<Op> {
    if task.status.err == reason {
        return None;
    }
    let mut task = task.clone();
    task.status.err = reason;
    Some(Op::PutTask(Box::new(task)))
}

fn no_suitable_node(group: &Group, candidates: &[Candidate<'_>]) -> String {
    let refusals: Vec<Refusal> =
        candidates.iter().filter_map(|candidate| filter::check(group, candidate).err()).collect();
    if refusals.is_empty() {
        return NO_NODE.to_owned();
    }
    format!("{NO_NODE} ({})", filter::explain(&refusals))
}

#[cfg(test)]
mod tests;
