//! The second stage: which of the nodes that can run a task gets it.
//!
//! The strategy of the service, or that of the cluster, gives each node a rank ([`rank`]), or draws one of them ([`random`]). Nodes on which
//! tasks of the service keep failing come last in any case. A score of the service's own ([`own`]) comes before the strategy. Placement preferences come before the strategy, which then chooses within
//! the part of the nodes that they lead to (swarmkit `manager/scheduler/{nodeset,decision_tree}.go`).

pub(super) mod binpack;
mod even;
mod leaf;
pub(super) mod own;
mod random;
mod share;
mod tree;
pub(super) mod usage;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::Strategy;

use self::even::Even;
pub(super) use self::share::percent;
use self::tree::Tree;
pub(super) use self::tree::label_of;
pub(super) use self::tree::value_of;
use super::board::Board;
use super::candidate::Candidate;
use super::candidate::Group;
use super::filter;

/// From so many failures of late on, a node is a last resort (swarmkit `manager/scheduler/nodeinfo.go`, `maxFailures`).
const MANY_FAILURES: usize = 5;

/// How good a node is for the tasks of a group: the least is the best.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// How often tasks of the group have failed there of late, if often.
    pub failures: usize,
    /// How many soft rules the node does not meet, less those that it meets.
    pub soft: i64,
    /// What the service's own score says; 0 if it has none.
    pub own: i64,
    /// What the strategy says, the more important first.
    pub score: (i64, i64),
    /// The node, so that nothing is left to chance.
    pub node: NodeId,
}

impl Rank {
    /// What comes before the strategy.
    pub(super) const fn class(&self) -> (usize, i64) {
        (self.failures, self.soft)
    }
}

/// The nodes to place tasks of one group on, the best first.
#[derive(Debug)]
pub(super) enum Choice {
    /// Spread over all nodes: only as many are looked at as are needed.
    Even(Even),
    /// All other ways: every node has been looked at.
    Tree(Tree),
    /// There is one node to look at, for one task.
    Home(Option<NodeId>),
}

impl Choice {
    pub(super) fn new(group: &Group, board: &Board<'_>) -> Self {
        if group.home.is_some() {
            return Self::Home(group.home.clone());
        }
        let has_more = group.own.score.is_some() || group.rules.soft().next().is_some();
        let is_plain = preferences(group).is_empty() && !has_more;
        if group.strategy == Strategy::Spread && is_plain {
            Self::Even(Even::new(board))
        } else {
            Self::Tree(Tree::new(group, board))
        }
    }

    /// The node for the task in `slot`, which then is counted there. [`Choice::go_on`] has to follow before the next one is taken.
    pub(super) fn take(&mut self, group: &Group, board: &Board<'_>, slot: u64) -> Option<NodeId> {
        match self {
            Self::Even(even) => even.take(group, board),
            Self::Home(home) => home.take().filter(|home| {
                let candidate = board.candidate(home);
                candidate.is_some_and(|candidate| filter::check(group, &candidate).is_ok())
            }),
            Self::Tree(tree) => tree.take(random::lot(group, slot)),
        }
    }

    /// A task was placed on `node`, the one that was taken, and there is another one to place.
    pub(super) fn go_on(&mut self, group: &Group, board: &Board<'_>, node: &NodeId) {
        if group.rules.reach_further() {
            *self = Self::new(group, board);
            return;
        }
        let Some(candidate) = board.candidate(node) else { return };
        let fits = filter::check(group, &candidate).is_ok();
        match self {
            Self::Even(even) => even.placed(group, &candidate, fits),
            Self::Tree(tree) => tree.placed(group, &candidate, fits),
            Self::Home(_) => {}
        }
    }
}

/// How good a node is for the tasks of a group.
pub(crate) fn rank(group: &Group, candidate: &Candidate<'_>) -> Rank {
    let failures = candidate.failures_of(group);
    let failures = if failures >= MANY_FAILURES { failures } else { 0 };
    let score = match group.strategy {
        Strategy::Spread => (count(candidate.tasks_of(group)), count(candidate.usage.tasks)),
        Strategy::Binpack => binpack::score(group, candidate),
        Strategy::Random => (0, 0),
        Strategy::Usage => usage::score(group, candidate),
    };
    let (soft, own) = (soft(group, candidate), own::order(group, candidate));
    Rank { failures, soft, own, score, node: candidate.id().clone() }
}

/// How many soft rules the node does not meet, less those that it meets.
fn soft(group: &Group, candidate: &Candidate<'_>) -> i64 {
    let near = group.rules.rather_near.iter().map(|rule| candidate.is_near(rule));
    let apart = group.rules.rather_apart.iter().map(|rule| candidate.is_apart(rule));
    near.chain(apart).map(|is_met| if is_met { -1 } else { 1 }).sum()
}

/// A number of tasks as part of a score.
fn count(tasks: usize) -> i64 {
    i64::try_from(tasks).unwrap_or(i64::MAX)
}

/// The preferences of the group, the first first.
pub(super) fn preferences(group: &Group) -> &[PlacementPreference] {
    group.revision.task.placement.as_ref().map_or(&[][..], |placement| &placement.preferences)
}
