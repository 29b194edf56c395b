//! The node: tasks through Docker, and the data plane. [`Agent::start`] runs it.
//!
//! ```text
//!  managers ──> session ──> ledger ──> worker ──> task controllers ──> Docker Engine
//!     ^            ^                └─> network (the data plane) ──> kernel
//!     └────────────┴──── reporter <──────────┘  statuses, generation programmed
//! ```
//!
//! - [`identity`]: how the machine becomes a node and stays one.
//! - [`session`]: the talk with the leader; [`assignment`] puts together what it says, [`ledger`] keeps it on disk.
//! - [`worker`]: one [`task::controller`] per task; what to do next is decided in [`task::step`]; the engine that it is done with is [`docker`].
//! - [`network`]: the data plane.
//! - [`attachments`]: containers that are not of a service, on networks of the cluster.
//! - [`logs`]: what containers write, for those who read it through the managers.
//! - [`reporter`]: statuses on their way to the managers.
//!
//! The agent carries out and reports; it never chooses a node, an address or a port. It needs no manager to keep things
//! running, and no container ends because the agent does.

pub mod assignment;
pub mod attachments;
pub mod config;
mod disk;
pub mod docker;
pub mod identity;
mod leave;
pub mod ledger;
pub mod logs;
pub mod network;
mod node;
mod plane;
mod renewal;
pub mod reporter;
pub mod session;
pub mod standing;
pub mod task;
pub mod worker;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use config::AgentConfig;
pub use leave::LeaveError;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Client;
use swarmlite_rpc::tls::TlsError;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::attachments::Attachments;
use crate::attachments::Desk;
use crate::attachments::Named;
use crate::docker::DockerRuntime;
use crate::ledger::Ledger;
use crate::ledger::LedgerError;
use crate::logs::Publisher;
use crate::network::DataPlane;
use crate::network::DataPlaneHandle;
use crate::renewal::Renewal;
use crate::reporter::Reporter;
use crate::session::Session;
use crate::standing::Known;
use crate::standing::SessionState;
use crate::task::controller::Shared;
use crate::task::files::Files;
use crate::task::files::memory;
use crate::task::networks::Networks;
use crate::task::runtime::RuntimeError;
use crate::worker::Worker;

/// The agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The Docker Engine does not answer.
    #[error("cannot use the Docker Engine at {}", .socket.display())]
    Engine {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        source: RuntimeError,
    },
    /// The identity of the node is not valid.
    #[error("cannot use the identity of the node")]
    Identity(#[from] TlsError),
    /// What the node remembers cannot be read.
    #[error("cannot read what the node remembers")]
    Ledger(#[from] LedgerError),
    /// There is no place for secrets.
    #[error("cannot mount memory on {} for secrets", .folder.display())]
    Memory {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data plane cannot run.
    #[error("cannot start the data plane")]
    DataPlane(#[source] io::Error),
}

/// The agent of one node. [`Agent::start`] is all it does.
#[derive(Debug)]
pub enum Agent {}

impl Agent {
    /// Starts the agent of the node that `identity` names. Of `managers` and those it remembers, it looks for the leader by itself.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Nothing runs then.
    pub async fn start(
        config: AgentConfig,
        identity: Identity,
        managers: Vec<SocketAddr>,
    ) -> Result<AgentHandle, StartError> {
        let ledger = Arc::new(Ledger::open(&config.state_dir.join("agent"))?);
        let known = watch::Sender::new(ledger.assignments()?.map(Arc::new));
        let managers = watch::Sender::new(merge(managers, ledger.managers()?));
        let runtime = engine(&config, &identity).await?;
        let registration = registration(&config, &identity, &runtime).await?;
        let files = files(&config)?;
        let client = Client::new(&identity)?;
        let plane = data_plane(&config, identity.node_id.clone()).map_err(StartError::DataPlane)?;
        let parts = Parts {
            ledger,
            known,
            managers,
            runtime,
            registration: watch::Sender::new(registration),
            client,
            plane,
            files,
            identity: watch::Sender::new(identity),
            state: watch::Sender::default(),
            config,
        };
        Ok(parts.run())
    }
}

/// Everything the agent is made of, before it runs.
struct Parts {
    config: AgentConfig,
    identity: watch::Sender<Identity>,
    ledger: Arc<Ledger>,
    known: watch::Sender<Known>,
    managers: watch::Sender<Vec<SocketAddr>>,
    state: watch::Sender<SessionState>,
    registration: watch::Sender<Registration>,
    client: Client,
    runtime: Arc<DockerRuntime>,
    plane: DataPlaneHandle,
    files: Files,
}

impl Parts {
    fn run(self) -> AgentHandle {
        let reporter = Reporter::default();
        let role = watch::Sender::default();
        let (trust, renew) = (watch::Sender::default(), watch::Sender::default());
        let programmed = watch::Sender::new(Generation::default());
        let mut running = JoinSet::new();
        let state_dir = self.config.state_dir.clone();

        self.connect_plane(&mut running, programmed.clone());
        let shared = Arc::new(self.shared(reporter.clone()));
        running.spawn(Worker::new(Arc::clone(&shared), self.known.subscribe()).run());
        let desk = self.attachments(&mut running, shared);
        let renewal = Renewal {
            state_dir: self.config.state_dir.clone(),
            vault: Arc::clone(&self.config.vault),
            identity: self.identity.clone(),
            managers: self.managers.subscribe(),
            role: role.subscribe(),
            trust: trust.subscribe(),
            renew: renew.subscribe(),
            client: self.client.clone(),
        };
        running.spawn(renewal.run());
        let refresh = node::refresh(
            Arc::clone(&self.runtime),
            self.config,
            self.identity.subscribe(),
            self.registration.clone(),
        );
        running.spawn(refresh);
        let (log_orders, orders) = mpsc::channel(logs::ORDERS);
        let publisher =
            Publisher { client: self.client.clone(), logs: Arc::clone(&self.runtime), orders };
        running.spawn(publisher.run());
        let engine = watch::Sender::new(true);
        let leaving = watch::Sender::new(false);
        let session = Session {
            leaving: leaving.subscribe(),
            engine: engine.subscribe(),
            client: self.client,
            ledger: Arc::clone(&self.ledger),
            registration: self.registration.subscribe(),
            programmed: programmed.subscribe(),
            reporter,
            known: self.known.clone(),
            managers: self.managers.clone(),
            role,
            trust,
            renew,
            state: self.state.clone(),
            log_orders,
        };
        running.spawn(session.run());
        running.spawn(node::watch_engine(Arc::clone(&self.runtime), engine));
        AgentHandle {
            inner: Arc::new(Inner {
                state_dir,
                identity: self.identity,
                known: self.known,
                managers: self.managers,
                state: self.state,
                leaving,
                ledger: self.ledger,
                runtime: self.runtime,
                plane: self.plane,
                files: self.files,
                desk,
                running: Mutex::new(running),
            }),
        }
    }

    /// Connects the data plane with the rest.
    fn connect_plane(&self, running: &mut JoinSet<()>, programmed: watch::Sender<Generation>) {
        let names = watch::Sender::default();
        running.spawn(plane::serve_names(
            self.plane.clone(),
            self.known.subscribe(),
            names.subscribe(),
        ));
        running.spawn(plane::feed(
            self.plane.clone(),
            self.config.dataplane.balancer,
            self.known.subscribe(),
            names,
        ));
        running.spawn(plane::follow(self.plane.progress(), programmed));
    }

    /// Looks after attached containers.
    fn attachments(
        &self,
        running: &mut JoinSet<()>,
        shared: Arc<Shared<DockerRuntime, DataPlaneHandle>>,
    ) -> Desk {
        let ready = watch::Sender::default();
        let desk = Desk::new(
            self.client.clone(),
            self.managers.subscribe(),
            self.state.subscribe(),
            ready.subscribe(),
        );
        let known = self.known.subscribe();
        let named = Named::default();
        running.spawn(Attachments { shared, known, desk: desk.clone(), ready, named }.run());
        desk
    }

    /// What the controllers of tasks share.
    fn shared(&self, reporter: Reporter) -> Shared<DockerRuntime, DataPlaneHandle> {
        let description = self.registration.borrow().description.clone();
        Shared {
            files: self.files.clone(),
            networks: Networks::new(Arc::clone(&self.runtime)),
            runtime: Arc::clone(&self.runtime),
            attach: self.plane.clone(),
            reporter,
            ledger: Arc::clone(&self.ledger),
            session: self.state.subscribe(),
            outages: AtomicU64::default(),
            hostname: description.hostname,
            platform: description.platform,
            node_id: self.identity.borrow().node_id.clone(),
        }
    }
}

/// A running agent. Clones are the same agent; when the last is dropped it ends, as by [`AgentHandle::shutdown`].
#[derive(Clone, Debug)]
pub struct AgentHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state_dir: PathBuf,
    identity: watch::Sender<Identity>,
    known: watch::Sender<Known>,
    managers: watch::Sender<Vec<SocketAddr>>,
    state: watch::Sender<SessionState>,
    leaving: watch::Sender<bool>,
    ledger: Arc<Ledger>,
    runtime: Arc<DockerRuntime>,
    plane: DataPlaneHandle,
    files: Files,
    desk: Desk,
    /// Aborted when dropped. Safe at any point: what is half done is found by looking, on disk and in the engine.
    running: Mutex<JoinSet<()>>,
}

impl AgentHandle {
    /// Who the node is. Changes when the certificate is renewed; a change of role says whether the node is to be a manager.
    #[must_use]
    pub fn identity(&self) -> watch::Receiver<Identity> {
        self.inner.identity.subscribe()
    }

    /// What the node was told; `None` until it was told anything.
    #[must_use]
    pub fn known(&self) -> watch::Receiver<Known> {
        self.inner.known.subscribe()
    }

    /// Where managers can be reached.
    #[must_use]
    pub fn managers(&self) -> watch::Receiver<Vec<SocketAddr>> {
        self.inner.managers.subscribe()
    }

    /// Makes `managers` the only ones this node looks for, for when all others are lost.
    pub fn set_managers(&self, managers: Vec<SocketAddr>) {
        self.inner.managers.send_replace(managers);
    }

    /// How the node stands with the managers.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.inner.state.subscribe()
    }

    /// Where places on networks of the cluster are asked for, for containers that are not of a service.
    #[must_use]
    pub fn desk(&self) -> Desk {
        self.inner.desk.clone()
    }

    /// Ends the agent. Containers and the data plane's kernel state stay, and serve on.
    pub async fn shutdown(&self) {
        self.inner.running.lock().await.shutdown().await;
    }
}

fn data_plane(config: &AgentConfig, node_id: NodeId) -> io::Result<DataPlaneHandle> {
    let plane_config = network::Config {
        state_dir: config.state_dir.clone(),
        node_id,
        data_path_addr: config.data_path_addr,
        plugin_dir: Some(config.plugin_dir.clone()),
    };
    DataPlane::start(plane_config, config.dataplane.balancer)
}

/// The files of secrets and configs, with memory for those that are secret.
fn files(config: &AgentConfig) -> Result<Files, StartError> {
    let folder = config.run_dir.join("secrets");
    memory::mount_on(&folder)
        .map_err(|source| StartError::Memory { folder: folder.clone(), source })?;
    Ok(Files::new(folder, config.state_dir.join("configs")))
}

async fn engine(
    config: &AgentConfig,
    identity: &Identity,
) -> Result<Arc<DockerRuntime>, StartError> {
    DockerRuntime::connect(&config.docker, identity.node_id.clone())
        .await
        .map(Arc::new)
        .map_err(|source| StartError::Engine { socket: config.docker.clone(), source })
}

async fn registration(
    config: &AgentConfig,
    identity: &Identity,
    runtime: &DockerRuntime,
) -> Result<Registration, StartError> {
    node::registration(runtime, config, identity)
        .await
        .map_err(|source| StartError::Engine { socket: config.docker.clone(), source })
}

/// All of both, each once.
fn merge(mut first: Vec<SocketAddr>, second: Vec<SocketAddr>) -> Vec<SocketAddr> {
    first.extend(second);
    let mut seen = BTreeSet::new();
    first.retain(|addr| seen.insert(*addr));
    first
}
