//! One manager: the store, the loops, the dispatcher and the listener, started and stopped as one.
//!
//! It only connects them. The Docker API is served by the daemon, which reaches the cluster through [`Manager::access`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result as ProtoResult;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::Client;
use swarmlite_rpc::tls::TlsError;
use swarmlite_vault::Sealer;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::access::ManagerAccess;
use crate::acme;
use crate::attachments;
use crate::ca;
use crate::ca::Signing;
use crate::ca::cfssl::Cfssl;
use crate::clock;
use crate::dispatcher::Dispatcher;
use crate::events;
use crate::events::EventLog;
use crate::logs::Broker;
use crate::logs::Logs;
use crate::loops::driver;
use crate::members;
use crate::metrics::Facts;
use crate::metrics::LoopMetrics;
use crate::quorum::Quorum;
use crate::raft;
use crate::raft::Leadership;
use crate::raft::MemberStatus;
use crate::raft::RaftStore;
use crate::reconcile::Programmed;
use crate::server::Access;
use crate::server::Gate;
use crate::server::Routes;
use crate::server::Server;
use crate::server::ServerError;
use crate::state::Op;
use crate::state::Transaction;
use crate::store::Store;

/// How old the list of reachable managers may be that `node ls` shows.
const QUORUM_AGE: Duration = Duration::from_secs(2);

/// What a manager needs to know.
#[derive(Clone, Debug)]
pub struct ManagerConfig {
    /// Where its log and snapshots are.
    pub dir: PathBuf,
    /// Encrypts them.
    pub sealer: Sealer,
    /// Where it listens for other nodes.
    pub listen_addr: SocketAddr,
    /// Where other nodes reach it.
    pub advertise_addr: SocketAddr,
    /// Whether it is a witness, should it join others.
    pub witness: bool,
    /// Who it is.
    pub identity: Identity,
    /// Calls others in its name. Whoever renews the identity tells the client too.
    pub client: Client,
    /// How long it waits, as the leader, for nodes to confirm their tables: [`crate::routing::PATIENCE`], but for tests of what
    /// happens when it is not waited for.
    pub routing_patience: Duration,
}

/// How a manager begins.
#[derive(Clone, Debug)]
pub enum Start {
    /// It makes a cluster, whose first transaction this is ([`ca::found`]).
    Found(Box<Transaction>),
    /// It joins the managers at these addresses, with a manager's certificate.
    Join(Vec<SocketAddr>),
    /// It goes on with what its directory holds.
    Resume,
    /// What its directory holds is damaged ([`ManagerError::is_damage`]), and the managers at these addresses are to take it as a new one.
    Rejoin(Vec<SocketAddr>),
}

/// The manager could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// It cannot listen.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The store could not be opened, or the other managers do not take this one.
    #[error(transparent)]
    Store(#[from] raft::StartError),
}

impl ManagerError {
    /// Whether what the manager has kept is damaged, so that it can only take part as a new one.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Store(raft::StartError::Damaged { .. }))
    }
}

/// A manager at work. Stops when dropped; [`Manager::shutdown`] also waits until its directory is closed.
#[derive(Debug)]
pub struct Manager {
    node_id: NodeId,
    store: RaftStore,
    server: Server,
    cfssl: Arc<Cfssl>,
    signing: Signing,
    dispatcher: Dispatcher<RaftStore>,
    logs: Logs,
    quorum: watch::Receiver<Quorum>,
    events: EventLog,
    loops: LoopMetrics,
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl Manager {
    /// Starts a manager. When it joins it is taken by the others on return, but may have no vote yet: see [`Manager::ready`].
    ///
    /// # Errors
    ///
    /// See [`ManagerError`].
    pub async fn start(config: ManagerConfig, start: Start) -> Result<Self, ManagerError> {
        let ManagerConfig {
            dir,
            sealer,
            listen_addr,
            advertise_addr,
            witness,
            identity,
            client,
            ..
        } = config;
        // First, as the leader calls back before it lets another manager in.
        let server = Server::start(listen_addr, &identity).await?;
        let log_client = client.clone();
        let store = match start {
            Start::Found(first) => {
                RaftStore::bootstrap(&dir, sealer, advertise_addr, client, *first).await?
            }
            Start::Join(managers) => {
                RaftStore::join(&dir, sealer, advertise_addr, client, &managers, witness).await?
            }
            Start::Resume => RaftStore::open(&dir, sealer, client).await?,
            Start::Rejoin(managers) => {
                RaftStore::rejoin(&dir, sealer, advertise_addr, client, &managers, witness).await?
            }
        };
        let (heard, sessions) = watch::channel(crate::heartbeat::Sessions::default());
        let dispatcher = Dispatcher::new(store.clone(), store.leadership(), heard);
        let broker = broker(&store, &dispatcher);
        let cfssl = Arc::new(Cfssl::new(Some(identity.clone())));
        let signing = Signing::new(cfssl.clone());
        server.set_routes(routes(&identity, &store, (&dispatcher, &broker), &signing));
        let logs = Logs::new(store.clone(), broker, log_client);
        let (quorum, quorum_receiver) = watch::channel(Quorum::default());
        let events = EventLog::default();
        let loops = LoopMetrics::default();
        let tasks = vec![
            spawn(driver::run(
                store.clone(),
                store.leadership(),
                sessions,
                dispatcher.programmed(),
                config.routing_patience,
                loops.clone(),
            )),
            spawn(members::run(store.clone())),
            spawn(acme::run(
                orders(&store, &dispatcher, config.routing_patience),
                store.leadership(),
            )),
            spawn(follow_quorum(store.clone(), quorum)),
            spawn(follow_events(store.clone(), quorum_receiver.clone(), events.clone())),
        ];
        let node_id = identity.node_id;
        let quorum = quorum_receiver;
        Ok(Self {
            node_id,
            store,
            server,
            cfssl,
            signing,
            dispatcher,
            logs,
            quorum,
            events,
            loops,
            tasks,
        })
    }

    /// Returns when this manager has the state of the cluster and a vote.
    ///
    /// # Errors
    ///
    /// When it is shut down.
    pub async fn ready(&self) -> ProtoResult<()> {
        self.store.joined().await
    }

    /// The state of the cluster.
    #[must_use]
    pub const fn store(&self) -> &RaftStore {
        &self.store
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Follows who leads.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.store.leadership()
    }

    /// Follows which generation the kernel tables of each node in session have reached. Empty unless this manager leads.
    #[must_use]
    pub fn programmed(&self) -> watch::Receiver<Programmed> {
        self.dispatcher.programmed()
    }

    /// The cluster, for the Docker API.
    #[must_use]
    pub fn access(&self) -> ManagerAccess {
        let quorum = self.quorum.borrow().clone();
        let (logs, reports) = (self.logs.clone(), self.dispatcher.clone());
        let signing = self.signing.clone();
        let (store, events) = (self.store.clone(), self.events.clone());
        ManagerAccess::new(store, logs, reports, signing, quorum, events)
    }

    /// The numbers of this manager as they are now, for Prometheus. Looks at the whole state and asks the file system, so that it may block.
    #[must_use]
    pub fn metrics(&self) -> Registry {
        let facts = Facts {
            state: self.store.state(),
            raft: self.store.progress(),
            quorum: self.quorum.borrow().clone(),
            sessions: self.dispatcher.progress(),
        };
        let mut registry = Registry::default();
        facts.register(&mut registry);
        self.store.metrics().register(&mut registry);
        self.loops.register(&mut registry);
        self.dispatcher.scheduling_delay().register(&mut registry);
        registry
    }

    /// Gives the cluster the settings in `asked` that are not zero.
    ///
    /// # Errors
    ///
    /// In Docker's words when `asked` asks for something that cannot be, and as [`Store::propose`].
    pub async fn merge_settings(&self, asked: &SwarmSpec) -> ProtoResult<()> {
        loop {
            let state = self.store.read().await?;
            let cluster = ca::admission::cluster(&state)?;
            let merged = ca::merged(cluster, asked, &mut rand::rng())?;
            if merged == **cluster {
                return Ok(());
            }
            let op = Op::PutCluster(Box::new(merged));
            match self.store.propose(Transaction::new(Timestamp::now()).with(op)).await {
                Err(error) if error.is(Reason::OutOfSequence) => {}
                outcome => return outcome.map(drop),
            }
        }
    }

    /// Presents `identity` to those who call. Sessions and calls under way go on.
    ///
    /// # Errors
    ///
    /// When a part of `identity` is not valid; the old one is then kept.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), TlsError> {
        self.server.set_identity(identity)?;
        self.cfssl.set_identity(identity.clone());
        Ok(())
    }

    /// Leaves the other managers. Afterwards it can be shut down and its directory removed ([`raft::wipe`]).
    ///
    /// # Errors
    ///
    /// As [`RaftStore::leave`].
    pub async fn leave(&self) -> ProtoResult<()> {
        self.store.leave(&self.node_id).await
    }

    /// Stops. On return the directory can be opened again, or removed.
    pub async fn shutdown(self) {
        let Self { store, server, dispatcher, logs, tasks, .. } = self;
        drop((server, dispatcher, logs, tasks));
        store.shutdown().await;
    }
}

/// Everything other nodes can call, and who may.
fn routes(
    identity: &Identity,
    store: &RaftStore,
    (dispatcher, broker): (&Dispatcher<RaftStore>, &Broker<RaftStore>),
    signing: &Signing,
) -> Routes {
    Routes::new(Gate::new(identity.cluster_id.clone(), store.clone()))
        .with(Access::Anyone, ca::service::public_routes(store.clone(), signing.clone()))
        .with(Access::Member, ca::service::member_routes(store.clone(), signing.clone()))
        .with(Access::Member, clock::routes())
        .with(Access::Member, attachments::service::routes(store.clone()))
        .with(Access::Member, dispatcher.routes())
        .with(Access::Member, broker.member_routes())
        .with(Access::Manager, dispatcher.manager_routes())
        .with(Access::Manager, broker.manager_routes())
        .with(Access::Manager, raft::router(store.clone()))
}

/// What certificates by ACME are ordered with.
fn orders(
    store: &RaftStore,
    dispatcher: &Dispatcher<RaftStore>,
    patience: Duration,
) -> acme::Inputs<RaftStore> {
    acme::Inputs {
        store: store.clone(),
        programmed: dispatcher.programmed(),
        patience,
        server: Arc::new(acme::Client),
        clock: Timestamp::now,
    }
}

/// Logs are ordered in the sessions that `dispatcher` holds.
fn broker(store: &RaftStore, dispatcher: &Dispatcher<RaftStore>) -> Broker<RaftStore> {
    let dispatcher = dispatcher.clone();
    let tell = move |node_id: &NodeId, message| dispatcher.tell(node_id, message);
    Broker::new(store.clone(), store.leadership(), Arc::new(tell))
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Asks the leader again and again which managers it reaches, as nothing tells when it has stopped reaching one.
async fn follow_quorum(store: RaftStore, quorum: watch::Sender<Quorum>) {
    let mut leadership = store.leadership();
    loop {
        leadership.mark_unchanged();
        // Without a leader nobody knows.
        let known = store.members().await.map(|members| quorum_of(&members)).unwrap_or_default();
        quorum.send_replace(known);
        if let Ok(Err(_stopped)) = timeout(QUORUM_AGE, leadership.changed()).await {
            return;
        }
    }
}

/// Begins when this manager has caught up: what was before is no news.
async fn follow_events(store: RaftStore, quorum: watch::Receiver<Quorum>, log: EventLog) {
    if store.joined().await.is_ok() {
        events::follow(store, quorum, log).await;
    }
}

fn quorum_of(members: &[MemberStatus]) -> Quorum {
    let leader = members.iter().find(|member| member.leader);
    let reachability: BTreeMap<NodeId, _> = members
        .iter()
        .filter_map(|member| Some((member.node_id.clone()?, member.reachability)))
        .collect();
    Quorum { leader: leader.and_then(|leader| leader.node_id.clone()), reachability }
}

#[cfg(test)]
mod tests;
