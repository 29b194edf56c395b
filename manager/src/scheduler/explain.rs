//! Why tasks are where they are, or nowhere: every rule on every node, the order of the nodes that fit, and what would help.
//!
//! Functions of the state, of the load of the nodes and of the time, on top of the rules that place tasks: what is said here is what the scheduler does. Nothing
//! is placed here. What nodes had at an earlier time is not kept, so all of this is about now.

mod advice;
mod amount;
mod change;
mod holder;
mod merit;
mod name;
mod obstacle;
mod rule;
mod verdict;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::Strategy;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

pub use self::advice::Advice;
pub use self::change::Change;
pub use self::obstacle::Check;
pub use self::obstacle::Missing;
pub use self::obstacle::Obstacle;
pub use self::verdict::Branch;
pub use self::verdict::Verdict;
use super::candidate::Group;
use crate::load::Loads;
use crate::placement::predecessors;
use crate::state::State;

/// What can be said about the place of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The service.
    pub service_id: ServiceId,
    /// Its name.
    pub service_name: String,
    /// The task that was asked about; `None` if the service was.
    pub task_id: Option<TaskId>,
    /// The matter in one sentence.
    pub sentence: String,
    /// How one of the nodes that fit is chosen.
    pub strategy: Strategy,
    /// How many tasks of the service wait for a node.
    pub waiting: usize,
    /// What Docker shows of a task that waits, if one would wait now; empty otherwise.
    pub error: String,
    /// What each node has to say, the best first.
    pub nodes: Vec<Verdict>,
    /// What would let a task that waits be placed, the smallest change first. Empty if nothing has to change.
    pub advice: Vec<Advice>,
    /// The best of it in one line.
    pub hint: String,
}

/// What is asked about the nodes.
#[derive(Debug)]
struct Question<'a> {
    /// What is to be placed.
    group: Group,
    /// Tasks that are taken for gone.
    released: Vec<&'a Task>,
    /// Its number, by which a node may be drawn.
    slot: Option<u64>,
    /// The only node that counts; `None`: all do.
    only: Option<&'a NodeId>,
    /// Whether there is one task on each node, so that nodes are not compared.
    is_global: bool,
}

/// Explains where the next task of a service would be: the first that waits, or else one more.
///
/// Nothing if the spec that its tasks are made from is not known.
#[must_use]
pub fn service(
    state: &State,
    loads: &Loads,
    service: &Service,
    now: Timestamp,
) -> Option<Explanation> {
    let waiting = waiting(state, service);
    let is_global = service.spec.mode.is_global();
    let next = waiting.first().filter(|_| !is_global);
    let released = match next {
        Some(task) => predecessors(state, task).collect(),
        // A node that has its task already would take that.
        None if is_global => wanted(state, service).collect(),
        None => Vec::new(),
    };
    let version = next.map_or(service.spec_version, |task| task.spec_version);
    let revision = Arc::clone(state.revision(&service.id, version)?);
    let slot = next.map(|task| task.slot).or_else(|| next_slot(state, service));
    let group = Group::new(state, &service.id, version, revision);
    let group = slot.and_then(|slot| group.at_home(state, slot)).unwrap_or(group);
    let strategy = group.strategy;
    let question = Question { group, released, slot, only: None, is_global };
    let nodes = verdict::all(state, loads, &question, now);
    // Of a service with a task on each node, those nodes count whose tasks wait.
    let waits = |verdict: &&Verdict| {
        waiting.iter().any(|task| task.node_id.as_ref() == Some(&verdict.node_id))
    };
    let concerned: Vec<&Verdict> = nodes.iter().filter(|it| !is_global || waits(it)).collect();
    let error = verdict::error(&concerned, is_global);
    let (advice, hint) = advised(&concerned, is_global, &error);
    Some(Explanation {
        service_id: service.id.clone(),
        service_name: service.spec.name.clone(),
        task_id: None,
        sentence: words::of_service(state, service, waiting.len(), &nodes, &error, strategy),
        strategy,
        waiting: waiting.len(),
        error,
        advice,
        hint,
        nodes,
    })
}

/// Explains the place of one task: why it waits, or what would become of it if it were placed now.
///
/// Nothing if the spec that it was made from is not known.
#[must_use]
pub fn task(state: &State, loads: &Loads, task: &Task, now: Timestamp) -> Option<Explanation> {
    let revision = Arc::clone(state.revision_of(task)?);
    let is_global = revision.service.mode.is_global();
    let group = Group::new(state, &task.service_id, task.spec_version, revision);
    let at_home = group.at_home(state, task.slot).filter(|_| !is_global);
    let group = at_home.unwrap_or(group);
    let strategy = group.strategy;
    let is_placed = task.status.state >= TaskState::Assigned;
    let mut released: Vec<&Task> = predecessors(state, task).collect();
    released.extend(is_placed.then_some(task));
    let only = task.node_id.as_ref().filter(|_| is_global);
    let question = Question { group, released, slot: Some(task.slot), only, is_global };
    let has_ended = task.status.state.is_terminal();
    let mut nodes = if has_ended { Vec::new() } else { verdict::all(state, loads, &question, now) };
    for verdict in &mut nodes {
        verdict.is_here = is_placed && task.node_id.as_ref() == Some(&verdict.node_id);
    }
    let waits = task.status.state == TaskState::Pending && task.desired_state.is_wanted();
    let concerned: Vec<&Verdict> = nodes.iter().collect();
    let error = if waits { verdict::error(&concerned, is_global) } else { String::new() };
    let (advice, hint) = advised(&concerned, is_global, &error);
    let service = state.services().get(&task.service_id);
    Some(Explanation {
        service_id: task.service_id.clone(),
        service_name: task.service_name.clone(),
        task_id: Some(task.id.clone()),
        sentence: words::of_task(state, task, &nodes, &error, strategy),
        strategy,
        waiting: service.map_or(0, |service| waiting(state, service).len()),
        error,
        advice,
        hint,
        nodes,
    })
}

/// What would help, all of it and in one line; nothing if there is no error.
fn advised(concerned: &[&Verdict], is_global: bool, error: &str) -> (Vec<Advice>, String) {
    if error.is_empty() {
        return (Vec::new(), String::new());
    }
    let advice = advice::of(concerned);
    let hint = if is_global { advice::each(concerned) } else { advice::any(&advice) };
    (advice, hint)
}

/// The tasks of a service that are wanted.
fn wanted<'a>(state: &'a State, service: &Service) -> impl Iterator<Item = &'a Task> {
    let tasks = state.tasks_of_service(&service.id).map(AsRef::as_ref);
    tasks.filter(|task: &&Task| task.desired_state.is_wanted())
}

/// The number that one more task of a replicated service would have.
fn next_slot(state: &State, service: &Service) -> Option<u64> {
    let ServiceMode::Replicated { .. } = service.spec.mode else { return None };
    let taken: BTreeSet<u64> = wanted(state, service).map(|task| task.slot).collect();
    (1..).find(|slot| !taken.contains(slot))
}

/// The tasks of a service that wait for a node, those of its present spec first.
fn waiting<'a>(state: &'a State, service: &Service) -> Vec<&'a Task> {
    let waits = |task: &&Task| task.status.state == TaskState::Pending;
    let mut waiting: Vec<&Task> = wanted(state, service).filter(waits).collect();
    waiting.sort_by_key(|task| (task.spec_version != service.spec_version, task.slot));
    waiting
}

#[cfg(test)]
mod tests;
