//! What benchmarks of the leader's loops reach into. For nobody else.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_proto::time::Timestamp;

use crate::loops::LOOPS;
use crate::reconcile::View;
use crate::routing::PATIENCE;
use crate::state::State;
use crate::state::Transaction;

/// What the loops of a leader decide from: a state, all of whose nodes have just been heard of and have programmed their tables.
#[derive(Debug)]
pub struct Leader {
    view: View,
    now: Timestamp,
    rng: StdRng,
}

impl Leader {
    /// A leader of `state` since `now`, for which no time passes.
    #[must_use]
    pub fn new(state: &State, now: Timestamp) -> Self {
        let mut view = View {
            state: state.clone(),
            leader_since: now,
            routing_patience: PATIENCE,
            ..View::default()
        };
        for node in state.nodes().keys() {
            view.sessions.heard(node, now, Duration::ZERO);
            view.programmed.insert(node.clone(), state.generation());
        }
        Self { view, now, rng: StdRng::seed_from_u64(0) }
    }

    /// The names of the loops.
    pub fn loops() -> impl Iterator<Item = &'static str> {
        LOOPS.iter().map(|step| step.name)
    }

    /// The state has changed. No node has programmed anything since.
    pub fn observe(&mut self, state: &State) {
        self.view.state = state.clone();
    }

    /// One pass of the loop of this name: what it wants carried out. `None` if there is no such loop.
    pub fn pass(&mut self, name: &str) -> Option<Vec<Transaction>> {
        let step = LOOPS.iter().find(|step| step.name == name)?;
        Some((step.reconcile)(&self.view, self.now, &mut self.rng).transactions)
    }
}
