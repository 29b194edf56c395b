//! What one node has to say about a task, and how the nodes that fit compare.

use std::collections::BTreeMap;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::Strategy;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::Question;
use super::merit;
use super::name;
use super::obstacle;
use super::obstacle::Obstacle;
use crate::load::Loads;
use crate::scheduler::NO_NODE;
use crate::scheduler::board::Board;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::filter;
use crate::scheduler::filter::Refusal;
use crate::scheduler::strategy;
use crate::scheduler::strategy::Choice;
use crate::scheduler::strategy::Rank;
use crate::state::State;

/// What one node has to say about a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The node.
    pub node_id: NodeId,
    /// What it is called.
    pub hostname: String,
    /// Whether the task that was asked about is here. All else is said as if it were not.
    pub is_here: bool,
    /// Everything that keeps the task away; empty if it fits.
    pub obstacles: Vec<Obstacle>,
    /// Which of the nodes that fit it is, from 1 for the best. `None` if it does not fit, or if nodes are not compared.
    pub rank: Option<usize>,
    /// The parts of the cluster that the placement preferences put it in, the first preference first.
    pub branches: Vec<Branch>,
    /// How often tasks of this spec have failed here of late.
    pub failures: usize,
    /// How many tasks of the service it has.
    pub tasks_of_service: usize,
    /// How many tasks it has in all.
    pub tasks: usize,
    /// What the service's own score is here, or why that cannot be said. `None` if it has none.
    pub score: Option<Result<f64, String>>,
    /// What else decides between nodes that fit, the more important first, for people. Empty if nodes are not compared.
    pub merits: Vec<String>,
    /// How many soft rules the service has.
    pub(super) soft_rules: usize,
    /// The reason that counts for Docker's sentence.
    pub(super) first: Option<Refusal>,
    /// What the strategy says of the node, beside its parts.
    pub(super) order: Rank,
}

/// A part of the cluster by the value of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// How many tasks of the service are on nodes of it.
    pub tasks: usize,
    /// The value; empty for nodes without the label.
    pub value: String,
    /// The label, as `node.labels.zone`.
    pub label: String,
}

/// What every node has to say, the best first; then those that lack least.
pub(super) fn all(
    state: &State,
    loads: &Loads,
    question: &Question<'_>,
    now: Timestamp,
) -> Vec<Verdict> {
    let mut board = Board::new(state, loads, now);
    board.know(&question.group.rules);
    question.released.iter().filter(|task| is_counted(task)).for_each(|task| board.release(task));
    let branches = Branches::of(question, &board);
    let counts =
        |candidate: &Candidate<'_>| question.only.is_none_or(|only| candidate.id() == only);
    let drawn = drawn(question, &board);
    let mut verdicts: Vec<Verdict> = board
        .candidates()
        .filter(counts)
        .map(|candidate| verdict(state, question, &candidate, &branches))
        .collect();
    let order = |verdict: &Verdict| {
        let is_drawn = drawn.as_ref() == Some(&verdict.node_id);
        (verdict.obstacles.len(), !is_drawn, verdict.branches.clone(), verdict.order.clone())
    };
    verdicts.sort_by_cached_key(order);
    if !question.is_global {
        draw(&question.group, drawn.as_ref(), &mut verdicts);
    }
    let fitting = verdicts.iter_mut().take_while(|verdict| verdict.obstacles.is_empty());
    for (before, verdict) in fitting.enumerate() {
        let is_ranked = match question.group.strategy {
            Strategy::Spread | Strategy::Binpack | Strategy::Usage => !question.is_global,
            // Chance makes one the best, and all others alike.
            Strategy::Random => drawn.as_ref() == Some(&verdict.node_id),
        };
        verdict.rank = is_ranked.then_some(before + 1);
    }
    verdicts
}

/// The node that chance gives the task, if that decides.
fn drawn(question: &Question<'_>, board: &Board<'_>) -> Option<NodeId> {
    let group = &question.group;
    let slot = question.slot.filter(|_| group.strategy == Strategy::Random && !question.is_global);
    Choice::new(group, board).take(group, board, slot?)
}

/// Says of nodes that fit, the best first, which of them chance decides between.
fn draw(group: &Group, drawn: Option<&NodeId>, verdicts: &mut [Verdict]) {
    let first = verdicts.first().filter(|verdict| verdict.obstacles.is_empty());
    let (Strategy::Random, Some(first)) = (group.strategy, first) else { return };
    let urn = |verdict: &Verdict| (verdict.branches.clone(), verdict.order.class());
    let of_first = urn(first);
    for verdict in verdicts.iter_mut().take_while(|verdict| verdict.obstacles.is_empty()) {
        let text = match drawn {
            Some(drawn) if *drawn == verdict.node_id => "drawn by lot",
            _ if urn(verdict) == of_first => "in the draw",
            _ => "not in the draw",
        };
        verdict.merits.push(text.to_owned());
    }
}

/// What Docker shows of the task if no node takes it: for a service with a task on each node, what those say that do not.
pub(super) fn error(verdicts: &[&Verdict], is_global: bool) -> String {
    let refusals: Vec<&Refusal> =
        verdicts.iter().filter_map(|verdict| verdict.first.as_ref()).collect();
    if is_global {
        return filter::explain(refusals);
    }
    if refusals.len() < verdicts.len() {
        return String::new();
    }
    if refusals.is_empty() {
        return NO_NODE.to_owned();
    }
    format!("{NO_NODE} ({})", filter::explain(refusals))
}

fn verdict(
    state: &State,
    question: &Question<'_>,
    candidate: &Candidate<'_>,
    branches: &Branches<'_>,
) -> Verdict {
    let group = &question.group;
    let first = filter::check(group, candidate).err();
    let obstacles = match first {
        Some(_) => obstacle::all(state, group, candidate),
        None => Vec::new(),
    };
    let is_compared = first.is_none() && !question.is_global;
    let failures = candidate.failures_of(group);
    Verdict {
        node_id: candidate.id().clone(),
        hostname: name::of_node(candidate.node),
        is_here: false,
        obstacles,
        rank: None,
        branches: branches.of_node(candidate.node),
        failures,
        tasks_of_service: candidate.tasks_of(group),
        tasks: candidate.usage.tasks,
        score: strategy::own::score(group, candidate),
        merits: if is_compared { merit::of(group, candidate) } else { Vec::new() },
        soft_rules: group.rules.soft().count(),
        first,
        order: strategy::rank(group, candidate),
    }
}

/// Whether the task uses something of its node.
fn is_counted(task: &Task) -> bool {
    task.status.state >= TaskState::Assigned && !task.status.state.is_terminal()
}

/// How many tasks of the service the parts have that the preferences make of the cluster, by the values that lead to them.
struct Branches<'a> {
    preferences: &'a [PlacementPreference],
    tasks: BTreeMap<Vec<String>, usize>,
}

impl<'a> Branches<'a> {
    fn of(question: &'a Question<'_>, board: &Board<'_>) -> Self {
        let preferences = strategy::preferences(&question.group);
        let mut branches = Self { preferences, tasks: BTreeMap::new() };
        for candidate in board.candidates() {
            let here = candidate.tasks_of(&question.group);
            for path in branches.paths(candidate.node) {
                *branches.tasks.entry(path).or_default() += here;
            }
        }
        branches
    }

    /// The values of the first preference, of the first two, and so on.
    fn paths(&self, node: &Node) -> Vec<Vec<String>> {
        let mut path = Vec::new();
        let values = self.preferences.iter().map(|preference| strategy::value_of(preference, node));
        values
            .map(|value| {
                path.push(value.to_owned());
                path.clone()
            })
            .collect()
    }

    fn of_node(&self, node: &Node) -> Vec<Branch> {
        let paths = self.paths(node).into_iter().zip(self.preferences);
        paths
            .map(|(path, preference)| Branch {
                tasks: self.tasks.get(&path).copied().unwrap_or(0),
                value: path.last().cloned().unwrap_or_default(),
                label: strategy::label_of(preference).to_owned(),
            })
            .collect()
    }
}
