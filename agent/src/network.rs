//! The data plane of one node: overlay networks, virtual addresses, published ports, and Docker's network driver.
//!
//! ```text
//! assignments ──> desired ──┐
//!                           ├──> plan ──> kernel.apply        sync: the one task that does this,
//! kernel.observe ───────────┘                                 on every change and every so often
//! ```
//!
//! - [`state`]: what a kernel holds, as values; [`ruleset`], [`balancer`], [`endpoint`]: parts of it.
//! - [`desired`], [`plan`]: pure: assignments and observation in, operations out.
//! - [`kernel`]: the boundary; [`linux`]: the real one, with [`nft`] for tables.
//! - `sync`: the loop. `container`: what has to be done inside containers.
//! - [`dns`]: names of services, answered in the sandboxes.
//! - `plugin`: Docker's remote network driver.
//!
//! Nothing is learned or gossiped, and nothing is kept in files: tables follow from the assignments, and what cannot follow
//! from them (which containers are attached) is read from the kernel. The data plane decides no address, port or node, and
//! goes on forwarding when this process is gone.

pub mod balancer;
mod container;
pub mod desired;
pub mod dns;
pub mod endpoint;
pub mod kernel;
pub mod linux;
pub mod nft;
pub mod plan;
mod plugin;
pub mod ruleset;
pub mod state;
mod sync;

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use swarmlite_proto::balance::Balancer;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::balancer::choice;
pub use self::desired::NetworkAssignments;
use self::desired::Node;
use self::endpoint::Endpoint;
use self::kernel::Kernel;
use self::linux::LinuxConfig;
use self::linux::LinuxKernel;
use self::linux::OWN_NAMESPACE;
use self::state::SandboxName;
pub use self::sync::EndpointError;
pub use self::sync::Progress;
use self::sync::Request;
use self::sync::Sync;
pub use self::sync::SyncError;

/// How many requests may wait. Those who ask wait for an answer, so there are never many.
const QUEUE: usize = 64;

/// How long the assignments may take that give a container its address.
const GIVEN_TIMEOUT: Duration = Duration::from_secs(5);

/// What the data plane has to know about its node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where sandboxes are kept: in the folder `netns` below it.
    pub state_dir: PathBuf,
    /// The node's id.
    pub node_id: NodeId,
    /// The address that other nodes send tunnel traffic to.
    pub data_path_addr: IpAddr,
    /// Docker's plugin folder. `None`: no driver is served.
    pub plugin_dir: Option<PathBuf>,
}

/// The data plane. [`DataPlane::start`] is all it does.
#[derive(Debug)]
pub enum DataPlane {}

impl DataPlane {
    /// Starts the data plane of this node. The kernel is left as it is until the first assignments are known.
    ///
    /// # Errors
    /// If the driver's socket cannot be made.
    pub fn start(config: Config, balancer: Balancer) -> io::Result<DataPlaneHandle> {
        let linux = LinuxConfig {
            sandboxes: sandboxes(&config.state_dir),
            host: OWN_NAMESPACE.into(),
            data_path_addr: config.data_path_addr,
        };
        let kernel = LinuxKernel::new(linux, choice::balancer(balancer));
        Self::start_with(config, kernel)
    }

    /// Starts a data plane on another kernel.
    ///
    /// # Errors
    /// If the driver's socket cannot be made.
    pub fn start_with(config: Config, kernel: impl Kernel) -> io::Result<DataPlaneHandle> {
        let (send, requests) = mpsc::channel(QUEUE);
        let (progress, seen) = watch::channel(Progress::default());
        let (assignments, _) = watch::channel(None);
        let stop = CancellationToken::new();
        let handle = DataPlaneHandle {
            requests: send,
            progress: seen,
            assignments,
            sandboxes: sandboxes(&config.state_dir),
            node_id: config.node_id.clone(),
            stop: stop.clone(),
        };
        if let Some(folder) = &config.plugin_dir {
            plugin::serve(folder, handle.clone(), stop)?;
        }
        let node = Node { id: config.node_id, data_path_addr: config.data_path_addr };
        tokio::spawn(Sync { kernel, node, requests, progress, assignments: None }.run());
        Ok(handle)
    }
}

fn sandboxes(state_dir: &std::path::Path) -> PathBuf {
    state_dir.join("netns")
}

/// The data plane, for the rest of the agent. Clones are the same data plane.
#[derive(Clone, Debug)]
pub struct DataPlaneHandle {
    requests: mpsc::Sender<Request>,
    progress: watch::Receiver<Progress>,
    assignments: watch::Sender<Option<Arc<NetworkAssignments>>>,
    sandboxes: PathBuf,
    node_id: NodeId,
    stop: CancellationToken,
}

impl DataPlaneHandle {
    /// Takes what should be. Returns at once; [`Self::progress`] tells when the kernel has it.
    ///
    /// # Errors
    /// If the data plane has stopped.
    pub async fn set_assignments(
        &self,
        assignments: NetworkAssignments,
    ) -> Result<(), EndpointError> {
        let assignments = Arc::new(assignments);
        self.assignments.send_replace(Some(Arc::clone(&assignments)));
        self.send(Request::SetAssignments(assignments)).await
    }

    /// What the kernel has reached: the generation to report to the manager, and the networks that containers can join.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until containers can be put on a network.
    ///
    /// # Errors
    /// If the data plane stops first.
    pub async fn ready(&self, network: &NetworkId) -> Result<(), EndpointError> {
        let mut progress = self.progress.clone();
        let ready = progress.wait_for(|progress| progress.networks.contains(network)).await;
        ready.map(drop).map_err(|_| EndpointError::Stopped)
    }

    /// Routes the replies of a container on the ingress network back to where requests came in. To be called after the
    /// container has been started and before its task is reported as running, and again for each running container after
    /// a restart of the agent. `pid` is the container's main process as the engine reports it, `address` its address on
    /// the ingress network; for other networks there is nothing to do.
    ///
    /// # Errors
    /// If the container is gone, does not have the address, or the kernel refuses.
    pub async fn container_started(
        &self,
        pid: u32,
        address: Ipv4Addr,
    ) -> Result<(), EndpointError> {
        self.ask(|reply| Request::ContainerStarted(pid, address, reply)).await?
    }

    /// Has names that are looked up in a running container asked of the name service at `gateway`, or no longer if there is none. For a
    /// container that was not made with that name service. `pid` is the container's main process as the engine reports it.
    ///
    /// # Errors
    /// If the container is gone, or the kernel refuses.
    pub async fn container_names(
        &self,
        pid: u32,
        gateway: Option<Ipv4Addr>,
    ) -> Result<(), EndpointError> {
        self.ask(|reply| Request::Names(pid, gateway, reply)).await?
    }

    /// The file of a network's namespace, for what has to listen inside it. [`linux::namespace::run_inside`] enters it.
    #[must_use]
    pub fn sandbox(&self, network: &NetworkId) -> PathBuf {
        self.sandboxes.join(SandboxName::of(network).as_str())
    }

    /// Removes everything of the data plane from this node: namespaces, links, tables, rules. Goes on after errors.
    ///
    /// # Errors
    /// What could not be removed.
    pub async fn tear_down(&self) -> Result<(), Vec<SyncError>> {
        self.stop.cancel();
        match self.ask(Request::TearDown).await {
            Ok(errors) if !errors.is_empty() => Err(errors),
            // Stopped: someone else has done it.
            _ => Ok(()),
        }
    }

    /// Asks for a check of the kernel. Does nothing if the data plane is busy: it then looks at the kernel anyway.
    pub(in crate::network) fn check(&self) {
        let _ = self.requests.try_send(Request::Check);
    }

    /// The subnet of a network that this node is on.
    pub(in crate::network) fn subnet(&self, network: &NetworkId) -> Option<Ipv4Net> {
        let assignments = self.assignments.borrow();
        Some(assignments.as_ref()?.networks.get(network)?.subnet)
    }

    /// Whether the managers have given `address` to a container of this node. Waits a moment for it: the engine may be asked for the
    /// container just before the assignments come here.
    pub(in crate::network) async fn is_given(&self, address: Ipv4Net) -> bool {
        let mut assignments = self.assignments.subscribe();
        let given = assignments.wait_for(|assignments| {
            let Some(assignments) = assignments else { return false };
            let network = assignments.with_subnet(address.trunc());
            let mut addresses =
                network.into_iter().flat_map(|network| assignments.addresses(&network.id));
            addresses.any(|(addr, node)| addr == address.addr() && *node == self.node_id)
        });
        matches!(timeout(GIVEN_TIMEOUT, given).await, Ok(Ok(_)))
    }

    /// Makes the link of a container. The engine moves the link's other side into the container.
    ///
    /// # Errors
    /// If no network has the subnet of the address, or the kernel refuses.
    pub async fn add_endpoint(&self, endpoint: Endpoint) -> Result<(), EndpointError> {
        self.ask(|reply| Request::AddEndpoint(endpoint, reply)).await?
    }

    /// Removes the link of a container. One that is not there is no error.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub async fn remove_endpoint(&self, id: String) -> Result<(), EndpointError> {
        self.ask(|reply| Request::RemoveEndpoint(id, reply)).await?
    }

    async fn send(&self, request: Request) -> Result<(), EndpointError> {
        self.requests.send(request).await.map_err(|_| EndpointError::Stopped)
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, EndpointError> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply)).await?;
        answer.await.map_err(|_| EndpointError::Stopped)
    }
}
