//! What the API needs of the node it runs on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::version::Version;

use super::Place;
use crate::events::EventLog;
use crate::logs::LogSource;
use crate::state::OUT_OF_SEQUENCE;
use crate::state::State;
use crate::state::Transaction;
use crate::store::Store;

/// How long a request waits for the leader (moby `daemon/cluster/cluster.go`).
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a change is computed anew because something else changed in between.
const ATTEMPTS: usize = 10;

/// The node that the API belongs to.
pub trait NodeControl: Send + Sync + 'static {
    /// Makes a cluster of this node. `request` is checked, but for its addresses.
    fn init(&self, request: InitRequest) -> BoxFuture<'_, Result<NodeId>>;

    /// Has this node join a cluster. `request` is checked, but for its addresses and its token.
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<()>>;

    /// Has this node leave its cluster, whatever that does to the others: the API has warned.
    fn leave(&self) -> BoxFuture<'_, Result<()>>;

    /// Unlocks the manager on this node, which is locked, with the key as the user wrote it. Answers when it runs.
    fn unlock(&self, key: String) -> BoxFuture<'_, Result<()>>;

    /// What this node knows of its place in a cluster by itself: all but what the state of the cluster says.
    fn membership(&self) -> SwarmInfo;

    /// Gets a place on a network of the cluster for a container of this node that is not of a service. On return its engine can make
    /// that container.
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<Place>>;

    /// The state of the cluster, if this node is a manager and ready.
    fn manager(&self) -> Option<ManagerAccess>;
}

/// Who leads the managers, and which of them can be reached, as far as this manager knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    /// The leader.
    pub leader: Option<NodeId>,
    /// What the leader knows of the others. Where nothing is known, the liveness of the node stands in.
    pub reachability: BTreeMap<NodeId, Reachability>,
}

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
    quorum: Quorum,
    events: EventLog,
}

impl std::fmt::Debug for ManagerAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagerAccess").field("quorum", &self.quorum).finish_non_exhaustive()
    }
}

impl ManagerAccess {
    /// Access to the cluster that `store` holds, to the `logs` of its tasks, and to its `events`.
    pub fn new(store: impl Store, logs: impl LogSource, quorum: Quorum, events: EventLog) -> Self {
        Self { store: Arc::new(store), logs: Arc::new(logs), quorum, events }
    }

    /// What happens in the cluster.
    pub(super) const fn events(&self) -> &EventLog {
        &self.events
    }

    /// Who leads, and who can be reached.
    pub(super) const fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// A state that includes everything acknowledged so far.
    pub(super) async fn read(&self) -> Result<State> {
        within_limit(self.store.read()).await
    }

    /// Lines of logs, and one end. Dropping the stream ends the subscription.
    pub(super) async fn logs(
        &self,
        subscription: LogSubscription,
    ) -> Result<BoxStream<'static, LogEvent>> {
        within_limit(self.logs.read(subscription)).await
    }

    /// Has a change carried out that `decide` computes from the present state, and gives back what it computed beside. Where the
    /// state changed in between, it is asked anew: only `decide` itself can tell whether the user's intention still stands.
    pub(super) async fn change<T>(
        &self,
        decide: impl Fn(&State) -> Result<(T, Transaction)> + Send,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            let (value, transaction) = decide(&self.read().await?)?;
            match within_limit(self.store.propose(transaction)).await {
                Ok(_) => return Ok(value),
                Err(error) if error.message == OUT_OF_SEQUENCE && attempt < ATTEMPTS => {
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
