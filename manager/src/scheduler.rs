//! Gives tasks that have all they need a node, or says why there is none.
//!
//! Two stages: [`filter`] finds the nodes that can run a task, a [`strategy`] chooses one of what is left. Identical tasks are
//! placed in one pass. A task that has a node keeps it: what should move is replaced by an orchestrator.

mod board;
pub(crate) mod candidate;
mod claim;
mod domain;
pub mod explain;
mod facts;
pub(crate) mod filter;
pub mod rebalance;
mod rules;
mod strategy;

use std::sync::Arc;

use rand::rngs::StdRng;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use self::board::Board;
use self::candidate::Group;
use self::filter::Refusal;
use self::strategy::Choice;
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
    let mut board = Board::new(state, &view.sessions.loads, now);
    let mut ops = Vec::new();
    let waiting: Vec<&Arc<Task>> = state.pending_tasks().collect();
    for tasks in waiting.chunk_by(|one, other| kind(one) == kind(other)) {
        ops.extend(place_group(state, &mut board, tasks, now));
    }
    plan.change(now, &[], ops.into_iter().map(|op| vec![op]));
    plan
}

/// What makes tasks identical.
fn kind(task: &Task) -> (&ServiceId, Version) {
    (&task.service_id, task.spec_version)
}

/// Places identical tasks.
fn place_group(
    state: &State,
    board: &mut Board<'_>,
    tasks: &[&Arc<Task>],
    now: Timestamp,
) -> Vec<Op> {
    let Some(first) = tasks.first() else { return Vec::new() };
    let Some(revision) = state.revision_of(first) else { return Vec::new() };
    let group = Group::new(state, &first.service_id, first.spec_version, Arc::clone(revision));
    board.know(&group.rules);
    let mut tasks: Vec<&Task> = tasks.iter().map(|task| task.as_ref()).collect();
    tasks.sort_by_key(|task| task.slot);
    let mut free = Vec::new();
    let mut ops = Vec::new();
    for task in tasks {
        let predecessors: Vec<&Task> = predecessors(state, task).collect();
        let at_home = group.at_home(state, task.slot).filter(|_| task.node_id.is_none());
        if task.node_id.is_none() && predecessors.is_empty() && at_home.is_none() {
            free.push(task);
            continue;
        }
        // What it replaces has stopped before it starts, so that it may count on what that uses.
        predecessors.iter().for_each(|other| board.release(other));
        match &task.node_id {
            Some(node) => ops.extend(confirm(&group, board, task, node, now)),
            None => {
                let group = at_home.as_ref().unwrap_or(&group);
                ops.extend(place(group, board, &[task], now));
            }
        }
        predecessors.iter().for_each(|other| board.occupy(other));
    }
    ops.extend(place(&group, board, &free, now));
    ops
}

/// A task whose node its orchestrator has chosen: only whether it can run there is left to say.
fn confirm(
    group: &Group,
    board: &mut Board<'_>,
    task: &Task,
    node: &NodeId,
    now: Timestamp,
) -> Option<Op> {
    match filter::check(group, &board.candidate(node)?) {
        Ok(()) => {
            let given = board.place(group, node);
            Some(assign(task, node, CONFIRMED, given, now))
        }
        Err(refusal) => postpone(task, filter::explain([&refusal])),
    }
}

/// Places as many of `tasks` as fit; the others are told why not.
fn place(group: &Group, board: &mut Board<'_>, tasks: &[&Task], now: Timestamp) -> Vec<Op> {
    if tasks.is_empty() {
        return Vec::new();
    }
    let mut ops = Vec::with_capacity(tasks.len());
    let mut choice = Choice::new(group, board);
    let mut last = None;
    let mut tasks = tasks.iter();
    for task in tasks.by_ref() {
        // What the node is worth now, only the next task asks.
        if let Some(node) = last.take() {
            choice.go_on(group, board, &node);
        }
        let Some(node) = choice.take(group, board, task.slot) else {
            let refusal = no_suitable_node(group, board);
            let left = std::iter::once(task).chain(tasks);
            ops.extend(left.filter_map(|task| postpone(task, refusal.clone())));
            break;
        };
        let given = board.place(group, &node);
        ops.push(assign(task, &node, ASSIGNED, given, now));
        last = Some(node);
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

fn no_suitable_node(group: &Group, board: &Board<'_>) -> String {
    let refusals: Vec<Refusal> =
        board.candidates().filter_map(|candidate| filter::check(group, &candidate).err()).collect();
    if refusals.is_empty() {
        return NO_NODE.to_owned();
    }
    format!("{NO_NODE} ({})", filter::explain(&refusals))
}

#[cfg(test)]
mod tests;
