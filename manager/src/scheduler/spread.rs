//! The default strategy: the node with the fewest tasks of the service, then with the fewest tasks in all, and evenly over the
//! values of the labels that the placement preferences name (swarmkit `manager/scheduler/{nodeset,decision_tree}.go`).

mod even;
mod tree;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::PlacementPreference;

use self::even::Even;
use self::tree::Tree;
use super::board::Board;
use super::candidate::Candidate;
use super::candidate::Group;

/// From so many failures of late on, a node is a last resort (swarmkit `manager/scheduler/nodeinfo.go`, `maxFailures`).
const MANY_FAILURES: usize = 5;

/// How good a node is: failures if many, tasks of the service, tasks in all, and its id so that nothing is left to chance.
pub(crate) type Rank = (usize, usize, usize, NodeId);

/// The nodes to place tasks of one group on, the best first.
#[derive(Debug)]
pub(super) enum Spread {
    /// Without preferences.
    Even(Even),
    /// Over the values that preferences name.
    Tree(Tree),
}

impl Spread {
    pub(super) fn new(group: &Group, board: &Board<'_>) -> Self {
        if preferences(group).is_empty() {
            Self::Even(Even::new(board))
        } else {
            Self::Tree(Tree::new(group, board))
        }
    }

    /// Takes the best node out that can run another task, which then is counted there. [`Spread::put_back`] lets it be chosen again.
    pub(super) fn take(&mut self, group: &Group, board: &Board<'_>) -> Option<NodeId> {
        match self {
            Self::Even(even) => even.take(group, board),
            Self::Tree(tree) => tree.take(),
        }
    }

    /// Lets a node be chosen again after a task was placed on it.
    pub(super) fn put_back(&mut self, group: &Group, candidate: &Candidate<'_>) {
        match self {
            Self::Even(even) => even.put_back(group, candidate),
            Self::Tree(tree) => tree.put_back(preferences(group), group, candidate),
        }
    }
}

/// How good a node is for the tasks of a group: the least is the best.
pub(crate) fn rank(group: &Group, candidate: &Candidate<'_>) -> Rank {
    let failures = candidate.failures_of(group);
    let failures = if failures >= MANY_FAILURES { failures } else { 0 };
    (failures, candidate.tasks_of(group), candidate.usage.tasks, candidate.id().clone())
}

fn preferences(group: &Group) -> &[PlacementPreference] {
    group.revision.task.placement.as_ref().map_or(&[][..], |placement| &placement.preferences)
}
