//! Nodes that only the strategy tells apart.

use std::collections::BTreeSet;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::Strategy;

use super::Rank;
use super::random::Urn;

/// Nodes that only the strategy tells apart.
#[derive(Debug)]
pub(in crate::scheduler) enum Leaf {
    /// The best first.
    Ranked(BTreeSet<Rank>),
    /// One as good as the other.
    Drawn(Urn),
}

impl Leaf {
    pub(super) fn empty(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Random => Self::Drawn(Urn::default()),
            Strategy::Spread | Strategy::Binpack | Strategy::Usage => Self::Ranked(BTreeSet::new()),
        }
    }

    /// Adds a node. They come in the order of their ids.
    pub(super) fn insert(&mut self, rank: Rank) {
        match self {
            Self::Ranked(ranks) => drop(ranks.insert(rank)),
            Self::Drawn(urn) => urn.insert(rank),
        }
    }

    /// The best node, or the one that `lot` draws. What it is worth next has to be said by [`Leaf::placed`].
    pub(super) fn take(&mut self, lot: u64) -> Option<NodeId> {
        match self {
            Self::Ranked(ranks) => ranks.pop_first().map(|rank| rank.node),
            Self::Drawn(urn) => urn.draw(lot),
        }
    }

    /// The node that was taken has this rank now, if it `fits` another task.
    pub(super) fn placed(&mut self, rank: Rank, fits: bool) {
        match self {
            Self::Ranked(ranks) if fits => drop(ranks.insert(rank)),
            Self::Drawn(urn) => urn.placed(rank, fits),
            Self::Ranked(_) => {}
        }
    }
}
