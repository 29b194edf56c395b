//! What a loop wants done.

use swarmlite_proto::time::Timestamp;

use super::Item;
use crate::state::Op;
use crate::state::Transaction;

/// The most changes in one transaction, so that no raft entry grows large (swarmkit `manager/state/store/memory.go`, `MaxChangesPerTransaction`).
pub(crate) const MAX_OPS: usize = 200;

/// What a loop wants done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The changes. The transactions do not depend on each other: any of them may be refused, and in any order. Empty when all is well.
    pub transactions: Vec<Transaction>,
    /// When to look again even if nothing changes until then, and not only at one thing.
    pub wake_at: Option<Timestamp>,
    /// When to look again at one thing.
    pub wakes: Vec<(Item, Timestamp)>,
    /// What could not be done and why, one sentence each, for the log.
    pub report: Vec<String>,
}

impl Plan {
    /// Adds `groups` of changes, cut into transactions of at most [`MAX_OPS`]. A group stays together; each transaction starts with
    /// `guards`, so that none is carried out if what it was decided from has changed.
    pub fn change(
        &mut self,
        at: Timestamp,
        guards: &[Op],
        groups: impl IntoIterator<Item = Vec<Op>>,
    ) {
        let mut ops: Vec<Op> = Vec::new();
        for group in groups {
            if !ops.is_empty() && guards.len() + ops.len() + group.len() > MAX_OPS {
                self.transactions.push(guarded(at, guards, std::mem::take(&mut ops)));
            }
            ops.extend(group);
        }
        if !ops.is_empty() {
            self.transactions.push(guarded(at, guards, ops));
        }
    }

    /// Asks for a pass at `at`, or earlier if somebody else asks for that.
    pub fn wake_by(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// What has been asked for by [`Plan::wake_by`] since the last call was for the sake of this one thing.
    pub fn wake_for(&mut self, item: Item) {
        self.wakes.extend(self.wake_at.take().map(|at| (item, at)));
    }

    /// When to look again at anything.
    #[cfg(test)]
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        self.wakes.iter().map(|(_, at)| *at).chain(self.wake_at).min()
    }

    /// Tells the log about something that could not be done.
    pub fn note(&mut self, sentence: impl Into<String>) {
        self.report.push(sentence.into());
    }
}

fn guarded(at: Timestamp, guards: &[Op], ops: Vec<Op>) -> Transaction {
    Transaction { at, ops: guards.iter().cloned().chain(ops).collect() }
}
