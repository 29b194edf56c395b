//! Which tasks would be better off on another node: the strategy of each service asked again, with the nodes as they are by now.
//!
//! A task is moved only if its strategy finds the other node better with the task there than its own node is with the task here, and not just as good: so what has
//! been moved is not moved back. Nothing is done here; whoever asks has the tasks replaced.

use std::collections::BTreeMap;
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

use super::board::Board;
use super::candidate::Group;
use super::filter;
use super::strategy;
use super::strategy::Choice;
use super::strategy::Rank;
use super::strategy::usage;
use crate::load::Loads;
use crate::placement::is_dirty;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::gets_tasks;

/// How often all services are gone through: what moves for one may make another node the better one for the next.
const ROUNDS: usize = 10;

/// A task that would be better off elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The task.
    pub task: TaskId,
    /// Its service.
    pub service: ServiceId,
    /// Its number.
    pub slot: u64,
    /// Where it is.
    pub from: NodeId,
    /// The node that would be better.
    pub to: NodeId,
}

/// The moves that make things better, those first that do so the most, `limit` at most. Only tasks that run as they should can move, and
/// none of a job or of a service with a task on each node.
#[must_use]
pub fn moves(
    state: &State,
    loads: &Loads,
    services: &[&Arc<Service>],
    now: Timestamp,
    limit: usize,
) -> Vec<Move> {
    let mut boards =
        Boards { after: Board::new(state, loads, now), between: Board::new(state, loads, now) };
    let mut moves: Vec<Move> = Vec::new();
    let groups = services.iter().filter_map(|service| movable(state, service));
    let mut groups: Vec<(Group, Vec<&Task>)> = groups.collect();
    for _ in 0..ROUNDS {
        let before = moves.len();
        for (group, tasks) in &mut groups {
            boards.after.know(&group.rules);
            boards.between.know(&group.rules);
            while moves.len() < limit
                && let Some(found) = best_move(&mut boards, group, tasks)
            {
                moves.push(found);
            }
        }
        if moves.len() == before {
            break;
        }
    }
    moves
}

/// What is on the nodes while tasks move. All move at once, and start-first: a move must not need the room of another.
struct Boards<'a> {
    /// When all have moved.
    after: Board<'a>,
    /// When all that take the place of others are there, and none of those has left.
    between: Board<'a>,
}

/// The change that has tasks moved: the orchestrator replaces them as it replaces those of a drained node, start-first.
#[must_use]
pub fn migrate(state: &State, moves: &[Move], now: Timestamp) -> Transaction {
    let tasks = moves.iter().filter_map(|it| state.tasks().get(&it.task));
    let ops =
        tasks.map(|task| Op::PutTask(Box::new(Task { migrate: true, ..task.as_ref().clone() })));
    Transaction { at: now, ops: ops.collect() }
}

/// The tasks of a service that can move: of slots where nothing else is going on, and that are not where their volumes are.
fn movable<'a>(state: &'a State, service: &Service) -> Option<(Group, Vec<&'a Task>)> {
    let group = group_of(state, service)?;
    let mut slots: BTreeMap<u64, Vec<&Task>> = BTreeMap::new();
    for task in state.tasks_of_service(&service.id).filter(|it| it.desired_state.is_wanted()) {
        slots.entry(task.slot).or_default().push(task);
    }
    let is_settled = |task: &Task| {
        let node = task.node_id.as_ref().and_then(|node| state.nodes().get(node));
        task.status.state == TaskState::Running
            && task.desired_state == TaskState::Running
            && !is_dirty(state, service, task)
            && !task.migrate
            && node.is_some_and(|node| gets_tasks(node))
    };
    let alone = slots.into_values().filter_map(|tasks| match tasks[..] {
        [task] => Some(task),
        _ => None,
    });
    let is_free = |task: &&Task| is_settled(task) && group.at_home(state, task.slot).is_none();
    let tasks = alone.filter(is_free).collect();
    Some((group, tasks))
}

fn group_of(state: &State, service: &Service) -> Option<Group> {
    if !matches!(service.spec.mode, ServiceMode::Replicated { .. }) {
        return None;
    }
    let revision = state.revision(&service.id, service.spec_version)?;
    let group = Group::new(state, &service.id, service.spec_version, Arc::clone(revision));
    // By chance, one node is as good as the other.
    (group.strategy != Strategy::Random).then_some(group)
}

/// The first move that makes things better, from the node that is the worst place for a task. It is taken out of `tasks` and counted on the board.
fn best_move(boards: &mut Boards<'_>, group: &Group, tasks: &mut Vec<&Task>) -> Option<Move> {
    let Boards { after: board, between } = boards;
    // Identical tasks of one node are as good as each other: the one with the highest number goes.
    let mut worst: BTreeMap<Rank, usize> = BTreeMap::new();
    for (at, task) in tasks.iter().enumerate() {
        let candidate = task.node_id.as_ref().and_then(|node| board.candidate(node));
        let Some(candidate) = candidate else { continue };
        let last = worst.entry(strategy::rank(group, &candidate)).or_insert(at);
        if tasks.get(*last).is_some_and(|other| other.slot < task.slot) {
            *last = at;
        }
    }
    for at in worst.into_values().rev() {
        let task = *tasks.get(at)?;
        let from = task.node_id.as_ref()?;
        board.release(task);
        let has_room = |to: &NodeId| {
            let candidate = between.candidate(to);
            candidate.is_some_and(|candidate| filter::check(group, &candidate).is_ok())
        };
        if let Some(to) = better(board, group, task, from).filter(has_room) {
            board.place(group, &to);
            between.place(group, &to);
            tasks.swap_remove(at);
            let (task, service, slot) = (task.id.clone(), task.service_id.clone(), task.slot);
            return Some(Move { task, service, slot, from: from.clone(), to });
        }
        board.occupy(task);
    }
    None
}

/// The node that the strategy would choose, if that is better than `from` for a task that is on neither.
fn better(board: &Board<'_>, group: &Group, task: &Task, from: &NodeId) -> Option<NodeId> {
    let to = Choice::new(group, board).take(group, board, task.slot)?;
    if to == *from {
        return None;
    }
    let (there, here) = (worth(board, group, &to)?, worth(board, group, from)?);
    (there < here && !is_noise(group, &there, &here)).then_some(to)
}

/// Whether what makes one node better than another is no more than what measures go up and down by.
fn is_noise(group: &Group, better: &Worth, worse: &Worth) -> bool {
    let (parts, class, (own, (share, _))) = better;
    let (other_parts, other_class, (other_own, (other_share, _))) = worse;
    group.strategy == Strategy::Usage
        && (parts, class, own) == (other_parts, other_class, other_own)
        && other_share - share < usage::NOISE
}

/// What a node is worth for one more task, less being better: how many tasks the parts have that the preferences lead to, failures and soft
/// rules, and what the strategy says.
fn worth(board: &Board<'_>, group: &Group, node: &NodeId) -> Option<Worth> {
    let candidate = board.candidate(node)?;
    let preferences = strategy::preferences(group);
    let path: Vec<&str> =
        preferences.iter().map(|it| strategy::value_of(it, candidate.node)).collect();
    let mut parts = vec![0; path.len()];
    if !path.is_empty() {
        for other in board.candidates() {
            let same = preferences.iter().zip(&path);
            let same = same.take_while(|(it, value)| strategy::value_of(it, other.node) == **value);
            let tasks = other.tasks_of(group);
            parts.iter_mut().take(same.count()).for_each(|part| *part += tasks);
        }
    }
    let Rank { failures, soft, own, score, node: _ } = strategy::rank(group, &candidate);
    Some((parts, (failures, soft), (own, score)))
}

/// What a node is worth for a task, the more important first.
type Worth = (Vec<usize>, (usize, i64), (i64, (i64, i64)));

#[cfg(test)]
mod tests;
