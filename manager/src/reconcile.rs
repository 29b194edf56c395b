//! The loops of the leader: what a loop is, and the list of them.
//!
//! A loop is a pure function of what there is and of the time: [`Reconcile`]. It reads no clock, does no I/O, logs nothing and keeps
//! nothing between two passes. What it wants done is in the [`Plan`] it returns. No loop calls another: they meet in the state, and
//! start-up, failover and steady state are the same path. [`driver`] is the only shell around them.

pub mod driver;

use std::time::Duration;

use rand::rngs::StdRng;
use swarmlite_proto::time::Timestamp;

use crate::allocator;
use crate::attachments;
use crate::ca;
use crate::dispatcher::Programmed;
use crate::liveness;
use crate::liveness::Sessions;
use crate::orchestrator;
use crate::routing;
use crate::scheduler;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

/// The most changes in one transaction, so that no raft entry grows large (swarmkit `manager/state/store/memory.go`, `MaxChangesPerTransaction`).
pub const MAX_OPS: usize = 200;

/// What a loop decides from.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The replicated state.
    pub state: State,
    /// The agents that this leader has heard of.
    pub sessions: Sessions,
    /// Which generation the kernel tables of each node in session have reached.
    pub programmed: Programmed,
    /// When this manager became the leader.
    pub leader_since: Timestamp,
    /// How long nodes are waited for to confirm their tables: [`routing::PATIENCE`], unless this manager was told otherwise.
    pub routing_patience: Duration,
}

/// One pass of a loop. The generator is for the ids of what it makes: the same seed gives the same plan.
pub type Reconcile = fn(&View, Timestamp, &mut StdRng) -> Plan;

/// A loop with the name it has in logs.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    /// Its name.
    pub name: &'static str,
    /// One pass of it.
    pub reconcile: Reconcile,
    /// Whether it has to look again when a node has programmed its tables. Nodes do that after every write that concerns them.
    pub follows_tables: bool,
}

impl Loop {
    /// A loop that looks at the state and at who is alive.
    const fn new(name: &'static str, reconcile: Reconcile) -> Self {
        Self { name, reconcile, follows_tables: false }
    }
}

/// Every loop of the leader.
pub const LOOPS: [Loop; 12] = [
    Loop::new("liveness", liveness::reconcile),
    Loop::new("constraint-enforcer", orchestrator::constraint_enforcer::reconcile),
    Loop::new("replicated", orchestrator::replicated::reconcile),
    Loop::new("global", orchestrator::global::reconcile),
    Loop::new("replicated-job", orchestrator::replicated_job::reconcile),
    Loop::new("global-job", orchestrator::global_job::reconcile),
    Loop::new("reaper", orchestrator::reaper::reconcile),
    Loop::new("attachments", attachments::reconcile),
    Loop::new("ca-rotation", ca::rotation::reconcile),
    Loop::new("allocator", allocator::reconcile),
    Loop::new("scheduler", scheduler::reconcile),
    Loop { follows_tables: true, ..Loop::new("routing", routing::reconcile) },
];

/// What a loop wants done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The changes. The transactions do not depend on each other: any of them may be refused, and in any order. Empty when all is well.
    pub transactions: Vec<Transaction>,
    /// When to look again even if nothing changes until then.
    pub wake_at: Option<Timestamp>,
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

    /// Tells the log about something that could not be done.
    pub fn note(&mut self, sentence: impl Into<String>) {
        self.report.push(sentence.into());
    }
}

fn guarded(at: Timestamp, guards: &[Op], ops: Vec<Op>) -> Transaction {
    Transaction { at, ops: guards.iter().cloned().chain(ops).collect() }
}

#[cfg(test)]
pub(crate) mod tests;
