//! What benchmarks of the leader's loops, and of its sessions, and the simulation of a cluster reach into. For nobody else.

mod reign;

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_proto::time::Timestamp;

pub use self::reign::Act;
pub use self::reign::Pass;
pub use self::reign::Reign;
use crate::loops::LOOPS;
use crate::reconcile::Agenda;
use crate::reconcile::View;
use crate::routing::PATIENCE;
use crate::state::State;
use crate::state::Transaction;

/// What the loops of a leader decide from: a state, all of whose nodes have just been heard of and have programmed their tables.
#[derive(Debug)]
pub struct Leader {
    view: View,
    /// What each loop has to do next, in the order of [`LOOPS`].
    agendas: Vec<Agenda>,
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
        let agendas = LOOPS.iter().map(|step| Agenda::new(step.pace)).collect();
        Self { view, agendas, now, rng: StdRng::seed_from_u64(0) }
    }

    /// The names of the loops.
    pub fn loops() -> impl Iterator<Item = &'static str> {
        LOOPS.iter().map(|step| step.name)
    }

    /// The state has changed. No node has programmed anything since.
    pub fn observe(&mut self, state: &State) {
        self.view.state = state.clone();
    }

    /// One pass of the loop of this name: what it wants carried out. It looks at what has changed since [`Leader::rest`], and if that was not called at
    /// everything. `None` if there is no such loop.
    pub fn pass(&mut self, name: &str) -> Option<Vec<Transaction>> {
        let (step, agenda) = LOOPS.iter().zip(&self.agendas).find(|(step, _)| step.name == name)?;
        self.view.scope = agenda.clone().begin(&self.view.state, self.now);
        Some((step.reconcile)(&self.view, self.now, &mut self.rng).transactions)
    }

    /// All loops have seen the state as it is. Returns the names of those that want something done.
    pub fn rest(&mut self) -> Vec<&'static str> {
        let mut restless = Vec::new();
        for (step, agenda) in LOOPS.iter().zip(&mut self.agendas) {
            let scope = agenda.begin(&self.view.state, self.now);
            self.view.scope = scope.clone();
            let plan = (step.reconcile)(&self.view, self.now, &mut self.rng);
            restless.extend((!plan.transactions.is_empty()).then_some(step.name));
            agenda.end(scope, &plan, true);
        }
        restless
    }
}
