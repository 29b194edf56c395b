//! All nodes alike. What it costs does not grow with their number: the nodes are in the order of their tasks already.

use std::collections::BTreeSet;
use std::ops::Bound;

use imbl::OrdSet;
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
    /// All nodes as they were in the beginning. Those without a task of the service and without failures are the best, in this order.
    by_load: OrdSet<(usize, NodeId)>,
    /// The last of them that was looked at.
    seen: Bound<(usize, NodeId)>,
    /// Those of them that are not the best, or have been given a task since.
    others: BTreeSet<Rank>,
}

impl Even {
    pub(super) fn new(board: &Board<'_>) -> Self {
        let by_load = board.by_load().clone();
        Self { by_load, seen: Bound::Unbounded, others: BTreeSet::new() }
    }

    pub(super) fn take(&mut self, group: &Group, board: &Board<'_>) -> Option<NodeId> {
        while let Some(next) = self.by_load.range((self.seen.clone(), Bound::Unbounded)).next() {
            let node = next.1.clone();
            self.seen = Bound::Excluded(next.clone());
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

    pub(super) fn put_back(&mut self, group: &Group, candidate: &Candidate<'_>) {
        self.others.insert(rank(group, candidate));
    }
}
