//! The shell: waits for a change, a deadline or an answer, has it decided what to do, asks the server, and proposes what became of it.
//!
//! It runs on the leader only. What the server has done for a leader that is gone is asked for again by the next one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rcgen::KeyPair;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::chain;
use swarmlite_proto::object::AcmeAccount;
use swarmlite_proto::spec::AcmeConfig;
use swarmlite_proto::time::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::info;
use tracing::warn;

use super::outcome;
use super::outcome::Answer;
use super::plan;
use super::plan::Call;
use super::plan::Plan;
use super::plan::Subject;
use super::plan::View;
use super::server::AcmeError;
use super::server::AcmeServer;
use super::server::Asked;
use crate::raft::Leadership;
use crate::reconcile::Programmed;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::store::Store;

/// How long it sleeps at most. Everything it reacts to wakes it.
const RESYNC: Duration = Duration::from_secs(60);

/// The pause after a change was not carried out.
const PAUSE: Duration = Duration::from_secs(1);

/// What it is connected to.
pub(crate) struct Inputs<S> {
    pub(crate) store: S,
    pub(crate) programmed: watch::Receiver<Programmed>,
    pub(crate) patience: Duration,
    pub(crate) server: Arc<dyn AcmeServer>,
    /// The wall clock; tests have another.
    pub(crate) clock: fn() -> Timestamp,
}

/// Gets and renews certificates whenever, and only while, this manager leads. Returns when one of the channels is closed.
pub(crate) async fn run<S: Store>(
    mut inputs: Inputs<S>,
    mut leadership: watch::Receiver<Leadership>,
) {
    while let Ok(leading) = leadership.wait_for(|known| known.leader).await.map(|known| *known) {
        let same = |known: &Leadership| known.leader && known.term == leading.term;
        tokio::select! {
            // Both are cancel-safe: what the server is being asked for then is asked for again by the next leader.
            lost = leadership.wait_for(|known| !same(known)) => if lost.is_err() { return },
            () = reign(&mut inputs) => return,
        }
    }
}

/// A call with what came of it.
type Done = (Call, Result<Answer, AcmeError>);

async fn reign<S: Store>(inputs: &mut Inputs<S>) {
    let mut states = inputs.store.watch();
    let mut rng: StdRng = rand::make_rng();
    let (mut busy, mut calls) = (BTreeSet::<Subject>::new(), JoinSet::<Done>::new());
    let mut reported = Vec::new();
    loop {
        let state = states.borrow_and_update().clone();
        let programmed = inputs.programmed.borrow_and_update().clone();
        let now = (inputs.clock)();
        let patience = inputs.patience;
        let view = View { state: &state, programmed: &programmed, patience, busy: &busy };
        let Plan { calls: wanted, changes, wake_at, report } = plan::reconcile(view, now);
        if report != reported {
            report.iter().for_each(|sentence| warn!("{sentence}"));
            reported = report;
        }
        for change in changes {
            if let Err(error) = propose(inputs, change).await {
                put_up_with(&error).await;
            }
        }
        for call in wanted {
            if let Some((config, account)) = whom(&state) {
                busy.insert(call.subject());
                calls.spawn(ask(Arc::clone(&inputs.server), config, account, call));
            }
        }
        let asleep = wake_at.map_or(RESYNC, |at| at.since(now).min(RESYNC));
        tokio::select! {
            // All are cancel-safe: a change that is not seen stays marked, and an answer stays in the set.
            changed = states.changed() => if changed.is_err() { return },
            changed = inputs.programmed.changed(), if !none_waits(&state) => if changed.is_err() { return },
            Some(ended) = calls.join_next() => match ended {
                Ok((call, outcome)) => {
                    note(inputs, &call, outcome, &mut rng).await;
                    busy.remove(&call.subject());
                }
                Err(error) if error.is_cancelled() => {}
                // Which one it was is not known any more: all are asked for again.
                Err(error) => {
                    warn!(error = chain(&error), "asking the ACME server was given up");
                    calls.abort_all();
                    busy.clear();
                }
            },
            () = sleep(asleep) => {}
        }
    }
}

/// Whether no order waits for nodes, which confirm something after every change.
fn none_waits(state: &State) -> bool {
    let mut orders = state.acme_hosts().values().filter_map(|host| host.order.as_ref());
    orders.all(|order| order.told)
}

/// Whom to ask, and the account with it.
fn whom(state: &State) -> Option<(AcmeConfig, Option<Arc<AcmeAccount>>)> {
    Some((state.acme_config()?.clone(), state.acme_account().cloned()))
}

/// Asks the server.
async fn ask(
    server: Arc<dyn AcmeServer>,
    config: AcmeConfig,
    account: Option<Arc<AcmeAccount>>,
    call: Call,
) -> Done {
    let credentials = account.as_ref().and_then(|account| account.credentials.as_deref());
    let asked = Asked { config: &config, credentials: credentials.unwrap_or_default() };
    let outcome = match &call {
        Call::Register => server.register(&config).await.map(Answer::Account),
        Call::Order { host, kinds } => match server.order(asked, host, kinds).await {
            Ok(placed) => key().map(|key| Answer::Placed(placed, key)),
            Err(error) => Err(error),
        },
        Call::Proceed { host, order } => {
            server.proceed(asked, host, order).await.map(Answer::Issued)
        }
    };
    (call, outcome)
}

/// A private key for a certificate: on the curve P-256, as all clients know it.
fn key() -> Result<String, AcmeError> {
    let key = KeyPair::generate();
    key.map(|key| key.serialize_pem()).map_err(|error| AcmeError::Refused(error.to_string()))
}

/// Proposes what becomes of the state, until it is carried out or of no use.
async fn note<S: Store>(
    inputs: &Inputs<S>,
    call: &Call,
    outcome: Result<Answer, AcmeError>,
    rng: &mut StdRng,
) {
    let about = call.subject();
    match &outcome {
        Err(error) => warn!(?about, %error, "the ACME server was asked in vain"),
        Ok(Answer::Issued(_)) => info!(?about, "there is a certificate by ACME"),
        Ok(_) => {}
    }
    loop {
        let ops =
            outcome::changes(&inputs.store.state(), call, outcome.clone(), (inputs.clock)(), rng);
        if ops.is_empty() {
            return;
        }
        match propose(inputs, ops).await {
            Ok(()) => return,
            Err(error) => put_up_with(&error).await,
        }
    }
}

async fn propose<S: Store>(inputs: &Inputs<S>, ops: Vec<Op>) -> Result<(), Error> {
    let transaction = Transaction { at: (inputs.clock)(), ops };
    inputs.store.propose(transaction).await.map(drop)
}

/// Waits a little before it is decided anew.
async fn put_up_with(error: &Error) {
    if !error.is(Reason::OutOfSequence) {
        warn!(error = chain(error), "a change about certificates was not carried out");
    }
    sleep(PAUSE).await;
}
