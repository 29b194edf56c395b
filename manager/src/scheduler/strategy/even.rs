//! All nodes alike. What it costs does not grow with their number: the nodes are in the order of their tasks already.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::ops::Bound;

use swarmlite_proto::id::NodeId;

use super::Rank;
use super::rank;
use crate::scheduler::board::Board;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::filter;

/// The nodes by rank, of which only as many were looked at as were needed.
#[derive(Debug)]
pub(in crate::scheduler) struct Even {
    /// The last node that was looked at, in the order of the board. Those without a task of the service and without failures are the best, in
    /// this order.
    seen: Bound<(usize, NodeId)>,
    /// How many nodes come after it.
    unseen: usize,
    /// Those that have been given a task since, and so may come after it once more.
    placed: HashSet<NodeId>,
    /// Those that are not the best, or have been given a task since.
    others: BTreeSet<Rank>,
}

impl Even {
    pub(super) fn new(board: &Board<'_>) -> Self {
        Self {
            seen: Bound::Unbounded,
            unseen: board.by_load().len(),
            placed: HashSet::new(),
            others: BTreeSet::new(),
        }
    }

    pub(super) fn take(&mut self, group: &Group, board: &Board<'_>) -> Option<NodeId> {
        while self.unseen > 0 {
            let Some(node) = self.next(board) else { break };
            if self.placed.contains(&node) {
                continue;
            }
            self.unseen -= 1;
            let Some(candidate) = board.candidate(&node) else { continue };
            if filter::check(group, &candidate).is_err() {
                continue;
            }
            let rank = rank(group, &candidate);
            if (rank.failures, rank.score.0) == (0, 0) {
                return Some(node);
            }
            self.others.insert(rank);
        }
        self.others.pop_first().map(|rank| rank.node)
    }

    fn next(&mut self, board: &Board<'_>) -> Option<NodeId> {
        let next = board.by_load().range((self.seen.clone(), Bound::Unbounded)).next()?;
        self.seen = Bound::Excluded(next.clone());
        Some(next.1.clone())
    }

    /// A task was placed on the node that was taken, which can run another one if it `fits`.
    pub(super) fn placed(&mut self, group: &Group, candidate: &Candidate<'_>, fits: bool) {
        self.placed.insert(candidate.id().clone());
        if fits {
            self.others.insert(rank(group, candidate));
        }
    }
}
