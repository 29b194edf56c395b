//! What the rest of the agent, and the network driver, ask of the data plane.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;

use super::assignments::NetworkAssignments;
use super::endpoint::Endpoint;
use super::netns::SandboxName;
use super::reach::Reached;
use super::sync::EndpointError;
use super::sync::KernelProgress;
use super::sync::Request;
use super::sync::SyncError;

/// How long the assignments may take that give a container its address.
const GIVEN_TIMEOUT: Duration = Duration::from_secs(5);

/// The data plane, for the rest of the agent. Clones are the same data plane.
#[derive(Clone, Debug)]
pub struct DataPlaneHandle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) progress: watch::Receiver<KernelProgress>,
    pub(super) assignments: watch::Sender<Option<Arc<NetworkAssignments>>>,
    pub(super) reached: watch::Receiver<Reached>,
    pub(super) sandboxes: PathBuf,
    pub(super) node_id: NodeId,
    pub(super) stop: CancellationToken,
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
    pub fn progress(&self) -> watch::Receiver<KernelProgress> {
        self.progress.clone()
    }

    /// Follows which other nodes answer through the tunnel.
    #[must_use]
    pub fn reached(&self) -> watch::Receiver<Reached> {
        self.reached.clone()
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

    /// Ends the network driver when it is dropped, for a node that does not become a member after all.
    #[must_use]
    pub fn driver(&self) -> DropGuard {
        self.stop.clone().drop_guard()
    }

    /// The file of a network's namespace, for what has to listen inside it. [`run_inside`](super::linux::namespace::run_inside) enters it.
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
    pub(super) fn check(&self) {
        let _ = self.requests.try_send(Request::Check);
    }

    /// The subnet of a network that this node is on.
    pub(super) fn subnet(&self, network: &NetworkId) -> Option<Ipv4Net> {
        let assignments = self.assignments.borrow();
        Some(assignments.as_ref()?.networks.get(network)?.subnet)
    }

    /// Whether the managers have given `address` to a container of this node. Waits a moment for it: the engine may be asked for the
    /// container just before the assignments come here.
    pub(super) async fn is_given(&self, address: Ipv4Net) -> bool {
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
