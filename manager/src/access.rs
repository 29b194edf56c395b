//! The cluster as the API of a manager uses it: the state, changes to it, logs, events, and who leads.
//!
//! It knows nothing of HTTP and of Docker; whoever answers clients stands on it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::protocol::LOADS;
use swarmlite_proto::protocol::TRAFFIC;
use swarmlite_proto::version::Version;

use crate::ca::Signing;
use crate::events::EventLog;
use crate::load::Loads;
use crate::logs::LogSource;
use crate::quorum::Quorum;
use crate::reports::ReportSource;
use crate::reports::Traffics;
use crate::state::State;
use crate::state::Transaction;
use crate::store::Store;

/// How long a request waits for the leader (moby `daemon/cluster/cluster.go`).
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a change is computed anew because something else changed in between.
const ATTEMPTS: usize = 10;

/// A [`Store`] of whatever type.
pub trait ClusterStore: Send + Sync + 'static {
    /// [`Store::read`].
    fn read(&self) -> BoxFuture<'_, Result<State>>;

    /// [`Store::propose`].
    fn propose(&self, transaction: Transaction) -> BoxFuture<'_, Result<Version>>;
}

impl<S: Store> ClusterStore for S {
    fn read(&self) -> BoxFuture<'_, Result<State>> {
        Store::read(self).boxed()
    }

    fn propose(&self, transaction: Transaction) -> BoxFuture<'_, Result<Version>> {
        Store::propose(self, transaction).boxed()
    }
}

/// What a manager can do that other nodes cannot.
#[derive(Clone)]
pub struct ManagerAccess {
    store: Arc<dyn ClusterStore>,
    logs: Arc<dyn LogSource>,
    reports: Arc<dyn ReportSource>,
    signing: Signing,
    quorum: Quorum,
    events: EventLog,
}

impl std::fmt::Debug for ManagerAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagerAccess").field("quorum", &self.quorum).finish_non_exhaustive()
    }
}

impl ManagerAccess {
    /// Access to the cluster that `store` holds, to the `logs` of its tasks, to what its nodes report of themselves, to its authority, and to its `events`.
    pub fn new(
        store: impl Store,
        logs: impl LogSource,
        reports: impl ReportSource,
        signing: Signing,
        quorum: Quorum,
        events: EventLog,
    ) -> Self {
        let (store, logs, reports) = (Arc::new(store), Arc::new(logs), Arc::new(reports));
        Self { store, logs, reports, signing, quorum, events }
    }

    /// What happens in the cluster.
    pub const fn events(&self) -> &EventLog {
        &self.events
    }

    /// Who signs.
    pub const fn signing(&self) -> &Signing {
        &self.signing
    }

    /// Who leads, and who can be reached.
    pub const fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// A state that includes everything acknowledged so far.
    pub async fn read(&self) -> Result<State> {
        within_limit(self.store.read()).await
    }

    /// What the nodes of `state` have to do, measured. A leader that is older than such reports has none.
    pub async fn loads(&self, state: &State) -> Result<Loads> {
        if self.leader_speaks(state, LOADS) {
            within_limit(self.reports.loads()).await
        } else {
            Ok(Loads::new())
        }
    }

    /// What the nodes of `state` answer over HTTP, measured; likewise.
    pub async fn traffic(&self, state: &State) -> Result<Traffics> {
        if self.leader_speaks(state, TRAFFIC) {
            within_limit(self.reports.traffic()).await
        } else {
            Ok(Traffics::new())
        }
    }

    fn leader_speaks(&self, state: &State, protocol: u16) -> bool {
        let leader = self.quorum.leader.as_ref().and_then(|leader| state.nodes().get(leader));
        leader.is_some_and(|leader| leader.versions.protocol.speaks(protocol))
    }

    /// Lines of logs, and one end. Dropping the stream ends the subscription.
    pub async fn logs(
        &self,
        subscription: LogSubscription,
    ) -> Result<BoxStream<'static, LogEvent>> {
        within_limit(self.logs.read(subscription)).await
    }

    /// Has a change carried out that `decide` computes from the present state, and gives back what it computed beside. Where the
    /// state changed in between, it is asked anew: only `decide` itself can tell whether the user's intention still stands.
    pub async fn change<T>(
        &self,
        decide: impl Fn(&State) -> Result<(T, Transaction)> + Send,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            let (value, transaction) = decide(&self.read().await?)?;
            match within_limit(self.store.propose(transaction)).await {
                Ok(_) => return Ok(value),
                Err(error) if error.is(Reason::OutOfSequence) && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn within_limit<T>(answer: BoxFuture<'_, Result<T>>) -> Result<T> {
    tokio::time::timeout(CLUSTER_TIMEOUT, answer).await.unwrap_or_else(|_| {
        Err(Error::unknown("rpc error: code = DeadlineExceeded desc = context deadline exceeded"))
    })
}
