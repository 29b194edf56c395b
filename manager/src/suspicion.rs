//! Which nodes others cannot reach, and which of those were asked for a sign of life.
//!
//! Reports of agents are a suspicion and nothing more: the way to a node may be broken, or the node that reports. So a node is asked itself, in
//! its session, and is given up only if it does not answer. That is for [`crate::liveness`] to say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::protocol::LOST_NODES;
use swarmlite_proto::time::Timestamp;

use crate::state::State;

/// How long a suspected node has to give a sign of life. It takes a round trip and the time to have the agent run; its kernel has not
/// answered anybody for a second by then.
const ANSWER: Duration = Duration::from_millis(1500);

/// How many nodes at least have to suspect another, if there are so many.
const MIN_REPORTS: usize = 2;

/// What agents report of other nodes. Lives in the memory of the leader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suspicions {
    /// The nodes in session that report, each with those that it has lost.
    reports: OrdMap<NodeId, Arc<BTreeSet<NodeId>>>,
    /// The nodes that were asked for a sign of life, each with the time by which it has to come.
    due: OrdMap<NodeId, Timestamp>,
}

impl Suspicions {
    /// Notes all nodes that `reporter` has lost.
    pub(crate) fn report(&mut self, reporter: &NodeId, lost: BTreeSet<NodeId>) {
        self.reports.insert(reporter.clone(), Arc::new(lost));
    }

    /// Notes that the session of `node` has ended: what it reported may not be so any more, and if it was asked, it will not answer. Returns
    /// whether that decides about it.
    pub(crate) fn hang_up(&mut self, node: &NodeId, now: Timestamp) -> bool {
        self.reports.remove(node);
        let due = self.due.get_mut(node).filter(|due| **due > now);
        due.map(|due| *due = now).is_some()
    }

    /// Notes a sign of life. Returns whether it was waited for.
    pub(crate) fn heard(&mut self, node: &NodeId) -> bool {
        self.due.remove(node).is_some()
    }

    /// Until when `node` has to give a sign of life, if it was asked for one.
    pub(crate) fn due(&self, node: &NodeId) -> Option<Timestamp> {
        self.due.get(node).copied()
    }

    /// Has every node asked that is suspected by enough others and was not asked yet. `ask` says whether it is in session: one that is
    /// not will not answer. Returns whether the loops should know.
    pub(crate) fn weigh(
        &mut self,
        state: &State,
        now: Timestamp,
        mut ask: impl FnMut(&NodeId) -> bool,
    ) -> bool {
        let up: BTreeSet<&NodeId> = state
            .nodes()
            .values()
            // A witness reaches nobody through the data plane, and is asked for no report.
            .filter(|node| node.status.state != NodeState::Down && !node.witness)
            .map(|node| &node.id)
            .collect();
        let suspected: BTreeSet<NodeId> =
            self.reports.values().flat_map(|lost| lost.iter()).cloned().collect();
        let suspected = suspected.into_iter().filter(|node| self.is_suspected(node, &up));
        let suspected: BTreeSet<NodeId> = suspected.collect();
        // Whose time is over owes a sign of life, whatever the others see by now.
        let due = self.due.iter().filter(|(node, due)| **due <= now || suspected.contains(node));
        self.due = due.map(|(node, due)| (node.clone(), *due)).collect();
        let mut news = false;
        for node in suspected {
            let understands = state
                .nodes()
                .get(&node)
                .is_some_and(|node| node.versions.protocol.speaks(LOST_NODES));
            if up.contains(&node) && understands && !self.due.contains_key(&node) {
                let due = if ask(&node) { now + ANSWER } else { now };
                self.due.insert(node, due);
                news = true;
            }
        }
        news
    }

    /// Whether more than half of those that report have lost `node`, and at least [`MIN_REPORTS`] of the nodes that are up, or all others.
    fn is_suspected(&self, node: &NodeId, up: &BTreeSet<&NodeId>) -> bool {
        let others = || self.reports.iter().filter(|(reporter, _)| *reporter != node);
        let suspecting = others().filter(|(_, lost)| lost.contains(node)).count();
        let possible = up.iter().filter(|id| **id != node).count();
        suspecting * 2 > others().count() && suspecting >= MIN_REPORTS.min(possible)
    }
}

#[cfg(test)]
mod tests;
