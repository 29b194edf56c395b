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
//! - [`worker`]: one [`task::controller`] per task; what to do next is decided in [`task::step`].
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
pub mod identity;
pub mod ledger;
pub mod logs;
pub mod network;
mod node;
mod plane;
mod renewal;
pub mod reporter;
pub mod session;
pub mod task;
pub mod worker;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

pub use config::AgentConfig;
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
use tokio::time::timeout;

use crate::attachments::Attachments;
use crate::attachments::Containers;
use crate::attachments::Desk;
use crate::ledger::Ledger;
use crate::ledger::LedgerError;
use crate::logs::Publisher;
use crate::network::DataPlane;
use crate::network::DataPlaneHandle;
use crate::renewal::Renewal;
use crate::reporter::Reporter;
use crate::session::Known;
use crate::session::Session;
use crate::session::SessionState;
use crate::task::controller::Shared;
use crate::task::docker::DockerRuntime;
use crate::task::files::Files;
use crate::task::files::memory;
use crate::task::networks::Networks;
use crate::task::runtime::Runtime;
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

/// Some of what the node had could not be removed. All that could be is.
#[derive(Debug, thiserror::Error)]
#[error("cannot remove all of the node's state: {}", .0.join("; "))]
pub struct LeaveError(Vec<String>);

/// The agent of one node. [`Agent::start`] is all it does.
#[derive(Debug)]
pub enum Agent {}

impl Agent {
    /// Removes all that a node has of the cluster, as [`AgentHandle::leave`] does, where no agent runs. Goes on after errors.
    ///
    /// # Errors
    ///
    /// What could not be removed.
    pub async fn clear(config: AgentConfig) -> Result<(), LeaveError> {
        let mut errors = match identity::node_id(&config.state_dir) {
            Ok(Some(node_id)) => clear_machine(&config, node_id).await,
            Ok(None) => Vec::new(),
            Err(error) => vec![identity::chain(&error)],
        };
        match (files(&config), Ledger::open(&config.state_dir.join("agent"))) {
            (Ok(files), Ok(ledger)) => errors.extend(forget(&files, &ledger, &config.state_dir)),
            (Err(error), _) => errors.push(identity::chain(&error)),
            (_, Err(error)) => errors.push(identity::chain(&error)),
        }
        if errors.is_empty() { Ok(()) } else { Err(LeaveError(errors)) }
    }

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
        let programmed = watch::Sender::new(Generation::default());
        let mut running = JoinSet::new();
        let root_ca = self.identity.borrow().root_ca.clone();
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
            client: self.client.clone(),
        };
        running.spawn(renewal.run());
        let refresh = node::refresh(
            Arc::clone(&self.runtime),
            self.config,
            root_ca,
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
        running.spawn(Attachments { shared, known, desk: desk.clone(), ready }.run());
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

    /// Tells the managers that the node leaves, ends the agent and removes all that the node has of the cluster: the containers of its tasks,
    /// their files, its networks (other containers are taken off these), and what it remembers, its identity included. Goes on after
    /// errors, and without managers.
    ///
    /// # Errors
    ///
    /// What could not be removed.
    pub async fn leave(&self) -> Result<(), LeaveError> {
        self.say_goodbye().await;
        self.shutdown().await;
        let mut errors = remove_all(&*self.inner.runtime).await;
        if let Err(failed) = self.inner.plane.tear_down().await {
            errors.extend(failed.iter().map(|error| identity::chain(error)));
        }
        errors.extend(forget(&self.inner.files, &self.inner.ledger, &self.inner.state_dir));
        if errors.is_empty() { Ok(()) } else { Err(LeaveError(errors)) }
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

/// Removes what the engine and the kernel have of the cluster, without an agent.
async fn clear_machine(config: &AgentConfig, node_id: NodeId) -> Vec<String> {
    let mut errors = Vec::new();
    match DockerRuntime::connect(&config.docker, node_id.clone()).await {
        Ok(runtime) => errors.extend(remove_all(&runtime).await),
        Err(error) => errors.push(identity::chain(&error)),
    }
    match data_plane(config, node_id) {
        Ok(plane) => {
            let failed = plane.tear_down().await.err().unwrap_or_default();
            errors.extend(failed.iter().map(|error| identity::chain(error)));
        }
        Err(error) => errors.push(identity::chain(&error)),
    }
    errors
}

/// Removes the files of tasks, and what the node remembers, its identity included.
fn forget(files: &Files, ledger: &Ledger, state_dir: &std::path::Path) -> Vec<String> {
    let files = files.clear().map_err(|error| error.to_string());
    let ledger = ledger.clear().map_err(|error| identity::chain(&error));
    let identity = identity::remove(state_dir).map_err(|error| identity::chain(&error));
    files.err().into_iter().chain(ledger.err()).chain(identity.err()).collect()
}

/// How long the managers get to take note of a node that leaves. After that they notice its silence.
const GOODBYE: Duration = Duration::from_secs(2);

impl AgentHandle {
    /// Returns when the managers know that the node leaves, or do not answer.
    async fn say_goodbye(&self) {
        let mut state = self.inner.state.subscribe();
        self.inner.leaving.send_replace(true);
        let ended = state.wait_for(|state| !state.is_connected());
        // The node leaves in any case.
        let _ = timeout(GOODBYE, ended).await;
    }
}

/// Removes every container and network of the cluster from the engine, and takes what is not the cluster's off those. The answer is what
/// could not be.
async fn remove_all<R: Runtime + Containers>(runtime: &R) -> Vec<String> {
    let mut errors = Vec::new();
    let containers = runtime.containers().await.unwrap_or_else(|error| {
        errors.push(error.to_string());
        Vec::new()
    });
    let removals = containers.iter().map(|container| runtime.remove(&container.id));
    let removed = futures_util::future::join_all(removals).await;
    errors.extend(removed.into_iter().filter_map(Result::err).map(|error| error.to_string()));
    for held in runtime.held().await.unwrap_or_default() {
        errors.extend(runtime.detach(&held).await.err().map(|error| error.to_string()));
    }
    match runtime.networks().await {
        Ok(networks) => {
            for network in networks {
                errors.extend(runtime.remove_network(&network).await.err().map(|e| e.to_string()));
            }
        }
        Err(error) => errors.push(error.to_string()),
    }
    errors
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
    node::registration(runtime, config, &identity.root_ca)
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
