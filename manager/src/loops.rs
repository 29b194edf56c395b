//! Every loop of the leader, by name. On top of all of them: [`driver`] is the only shell around them.

pub(crate) mod driver;

use std::time::Duration;

use crate::allocator;
use crate::attachments;
use crate::ca;
use crate::liveness;
use crate::orchestrator;
use crate::rebalancer;
use crate::reconcile::Reconcile;
use crate::routing;
use crate::scheduler;
use crate::upgrade;

/// A loop with the name it has in logs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    /// Its name.
    pub name: &'static str,
    /// One pass of it.
    pub reconcile: Reconcile,
    /// Whether it has to look again when a node has programmed its tables. Nodes do that after every write that concerns them.
    pub follows_tables: bool,
    /// For what does not have to be at once: how long one pass comes after another at least, each over everything, as long as the loop asks for another. `None`:
    /// whenever something has changed, and over that.
    pub pace: Option<Duration>,
}

impl Loop {
    /// A loop that looks at the state and at who is alive.
    const fn new(name: &'static str, reconcile: Reconcile) -> Self {
        Self { name, reconcile, follows_tables: false, pace: None }
    }
}

/// Every loop of the leader.
pub(crate) const LOOPS: [Loop; 14] = [
    Loop::new("liveness", liveness::reconcile),
    Loop::new("constraint-enforcer", orchestrator::constraint_enforcer::reconcile),
    Loop::new("replicated", orchestrator::replicated::reconcile),
    Loop::new("global", orchestrator::global::reconcile),
    Loop::new("replicated-job", orchestrator::replicated_job::reconcile),
    Loop::new("global-job", orchestrator::global_job::reconcile),
    Loop::new("reaper", orchestrator::reaper::reconcile),
    Loop::new("attachments", attachments::reconcile),
    Loop::new("ca-rotation", ca::rotation::reconcile),
    Loop::new("upgrade", upgrade::reconcile),
    Loop::new("allocator", allocator::reconcile),
    Loop::new("scheduler", scheduler::reconcile),
    Loop { pace: Some(rebalancer::PACE), ..Loop::new("rebalancer", rebalancer::reconcile) },
    Loop { follows_tables: true, ..Loop::new("routing", routing::reconcile) },
];

#[cfg(test)]
pub(crate) mod tests;
