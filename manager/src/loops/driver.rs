//! The shell around the loops: waits for a change or a deadline, has the loop decide, proposes what it decided, and starts over.
//!
//! It runs on the leader only, and decides nothing itself. A transaction that is refused because something else was faster is not
//! repeated: the next pass decides anew from what there is then.

use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::chain;
use swarmlite_proto::time::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::sleep_until;
use tracing::debug;
use tracing::info;
use tracing::warn;

use super::LOOPS;
use super::Loop;
use crate::heartbeat::Sessions;
use crate::metrics::LoopMetrics;
use crate::metrics::OneLoop;
use crate::raft::Leadership;
use crate::reconcile::Agenda;
use crate::reconcile::Programmed;
use crate::reconcile::View;
use crate::state::Transaction;
use crate::store::Store;

/// The pause after the first proposal that is refused; doubled until [`BACKOFF_LIMIT`]. Short, as mostly something else was just faster.
const BACKOFF_START: Duration = Duration::from_millis(10);

/// The longest pause between two tries. An election takes a few seconds, so that waiting longer gains nothing.
const BACKOFF_LIMIT: Duration = Duration::from_secs(5);

/// How long a loop sleeps at most. Everything it reacts to wakes it, so that this pass never has anything to look at.
const RESYNC: Duration = Duration::from_secs(60);

/// Runs every loop whenever, and only while, this manager leads. Returns when one of the channels is closed.
///
/// Cancel-safe: dropping it stops the loops, and whatever they had not proposed yet is decided again by the next leader.
pub(crate) async fn run<S: Store>(
    store: S,
    leadership: watch::Receiver<Leadership>,
    sessions: watch::Receiver<Sessions>,
    programmed: watch::Receiver<Programmed>,
    routing_patience: Duration,
    metrics: LoopMetrics,
) {
    let inputs =
        Inputs { store, sessions, programmed, routing_patience, metrics, clock: Timestamp::now };
    run_with(&LOOPS, inputs, leadership).await;
}

/// What a loop is connected to.
#[derive(Clone)]
pub(super) struct Inputs<S, C> {
    pub(super) store: S,
    pub(super) sessions: watch::Receiver<Sessions>,
    pub(super) programmed: watch::Receiver<Programmed>,
    pub(super) routing_patience: Duration,
    pub(super) metrics: LoopMetrics,
    /// The wall clock; tests have another.
    pub(super) clock: C,
}

pub(super) async fn run_with<S, C>(
    loops: &'static [Loop],
    inputs: Inputs<S, C>,
    mut leadership: watch::Receiver<Leadership>,
) where
    S: Store,
    C: Fn() -> Timestamp + Clone + Send + Sync + 'static,
{
    while let Ok(leading) = leadership.wait_for(|known| known.leader).await.map(|known| *known) {
        info!(leading.term, "leading: starting the loops");
        let leader_since = (inputs.clock)();
        let mut reign = JoinSet::new();
        for step in loops {
            reign.spawn(drive(step, inputs.clone(), leader_since));
        }
        let same = |known: &Leadership| known.leader && known.term == leading.term;
        tokio::select! {
            // Both are cancel-safe. A loop ends only when the state is closed, and then the others end too.
            lost = leadership.wait_for(|known| !same(known)) => if lost.is_err() { return },
            _ = reign.join_next() => return,
        }
        info!("not leading any more: stopping the loops");
    }
}

/// Wake, read, decide, propose, repeat.
async fn drive<S: Store, C: Fn() -> Timestamp>(
    step: &'static Loop,
    mut inputs: Inputs<S, C>,
    leader_since: Timestamp,
) {
    let mut states = inputs.store.watch();
    let counted = inputs.metrics.of(step.name);
    let mut rng: StdRng = rand::make_rng();
    let mut backoff = BACKOFF_START;
    let mut reported = Vec::new();
    let mut agenda = Agenda::new(step.pace);
    loop {
        let state = states.borrow_and_update().clone();
        let sessions = inputs.sessions.borrow_and_update().clone();
        let programmed = inputs.programmed.borrow_and_update().clone();
        let routing_patience = inputs.routing_patience;
        let now = (inputs.clock)();
        let began = Instant::now();
        let scope = agenda.begin(&state, now);
        let view = View { state, sessions, programmed, leader_since, scope, routing_patience };
        let mut plan = (step.reconcile)(&view, now, &mut rng);
        let decided_at = Instant::now();
        counted.passed(decided_at - began);
        if plan.report != reported {
            plan.report.iter().for_each(|sentence| warn!(step.name, "{sentence}"));
            reported = std::mem::take(&mut plan.report);
        }
        let transactions = std::mem::take(&mut plan.transactions);
        let done = carry_out(step, &inputs.store, &counted, transactions).await;
        agenda.end(view.scope, &plan, done);
        let asleep = agenda.next().map_or(RESYNC, |at| at.since(now).min(RESYNC));
        let wake_at = decided_at + asleep;
        if done {
            backoff = BACKOFF_START;
        } else {
            sleep(backoff).await;
            backoff = longer(backoff);
            continue;
        }
        tokio::select! {
            // All are cancel-safe: `changed` and `sleep_until` lose nothing when dropped.
            changed = states.changed() => if changed.is_err() { return },
            changed = inputs.sessions.changed() => if changed.is_err() { return },
            changed = inputs.programmed.changed(), if step.follows_tables => if changed.is_err() { return },
            () = sleep_until(wake_at) => {}
        }
    }
}

/// Proposes everything at once, so that it shares disk flushes. Returns whether all of it was carried out.
async fn carry_out<S: Store>(
    step: &'static Loop,
    store: &S,
    counted: &OneLoop,
    transactions: Vec<Transaction>,
) -> bool {
    let proposed = transactions.len();
    let outcomes = join_all(transactions.into_iter().map(|transaction| store.propose(transaction)));
    let mut refused = 0;
    for error in outcomes.await.into_iter().filter_map(Result::err) {
        refused += 1;
        if error.is(Reason::OutOfSequence) {
            debug!(step.name, "something else was faster, deciding again");
        } else {
            warn!(step.name, error = chain(&error), "a change was not carried out, deciding again");
        }
    }
    counted.proposed(proposed, refused);
    refused == 0
}

fn longer(backoff: Duration) -> Duration {
    (backoff * 2).min(BACKOFF_LIMIT)
}

#[cfg(test)]
mod tests;
