//! The one task that touches the kernel: look, plan, apply, look again.
//!
//! Everything that changes the data plane comes through its queue, so that no two changes are ever in the kernel at the
//! same time. A change and the periodic check take the same path; the check counts what it had to repair, which should
//! be nothing.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::version::Generation;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout_at;
use tracing::debug;
use tracing::info;
use tracing::warn;

use super::assignments::NetworkAssignments;
use super::container;
use super::container::ContainerError;
use super::desired::NoIndex;
use super::desired::Node;
use super::desired::desired;
use super::endpoint;
use super::endpoint::Endpoint;
use super::error::KernelError;
use super::kernel::Kernel;
use super::kernel::Observed;
use super::netns::Netns;
use super::netns::SandboxName;
use super::op::Change;
use super::op::Op;
use super::plan::Routed;
use super::plan::departures;
use super::plan::plan;
use super::plan::routed;
use super::state::LinkKind;

/// How often the kernel is compared with what it should hold when nothing has changed.
const RESYNC: Duration = Duration::from_secs(30);

/// How long to wait after a pass that failed.
const RETRY: Duration = Duration::from_secs(1);

/// How often a pass looks again after it has changed something. One is enough but for what the kernel does by itself, as
/// removing routes with their link.
const ROUNDS: usize = 4;

/// What the data plane is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// Take this as what should be.
    SetAssignments(Arc<NetworkAssignments>),
    /// Make the link of a container, and route to it.
    AddEndpoint(Endpoint, oneshot::Sender<Result<(), EndpointError>>),
    /// Remove the link of a container.
    RemoveEndpoint(String, oneshot::Sender<Result<(), EndpointError>>),
    /// Route replies of a started container back to where requests came in.
    ContainerStarted(u32, Ipv4Addr, oneshot::Sender<Result<(), EndpointError>>),
    /// Have names in a container asked of the name service at an address, or no longer.
    Names(u32, Option<Ipv4Addr>, oneshot::Sender<Result<(), EndpointError>>),
    /// Look whether all is as it should be.
    Check,
    /// Remove everything, and stop.
    TearDown(oneshot::Sender<Vec<SyncError>>),
}

/// A container could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The container's address is in no network that this node is on.
    #[error("no network of this node has the subnet {0}")]
    UnknownSubnet(Ipv4Net),
    /// It could not be done inside the container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The kernel refused.
    #[error("the kernel refused")]
    Kernel(#[from] KernelError),
    /// The kernel does not hold what it should.
    #[error("the network is not ready")]
    Sync(#[from] SyncError),
    /// The data plane has been stopped.
    #[error("the data plane has stopped")]
    Stopped,
}

/// The kernel could not be made to hold what it should.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The assignments are not complete.
    #[error(transparent)]
    NoIndex(#[from] NoIndex),
    /// The kernel refused, at least once.
    #[error("{failed} of {of} operations failed, the first")]
    Kernel {
        /// How many operations failed.
        failed: usize,
        /// Of how many.
        of: usize,
        /// The first failure.
        #[source]
        first: KernelError,
    },
    /// The kernel could not be asked.
    #[error("the kernel could not be asked")]
    Observe(#[source] KernelError),
    /// The kernel accepts everything and still holds something else.
    #[error("the kernel does not keep what it is given: {0:?}")]
    Unstable(Vec<Op>),
}

/// What the data plane has reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelProgress {
    /// The assignments that the kernel holds.
    pub generation: Generation,
    /// The networks that are ready for containers.
    pub networks: BTreeSet<NetworkId>,
    /// How many operations periodic checks needed so far. Anything but 0 means that someone else changes our tables, or a bug.
    pub repaired: u64,
}

/// The task.
pub(super) struct Sync<K> {
    pub(super) kernel: K,
    pub(super) node: Node,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) progress: watch::Sender<KernelProgress>,
    pub(super) assignments: Option<Arc<NetworkAssignments>>,
    /// What was routed to after the last pass.
    pub(super) routed: Routed,
    /// A request that was found in the queue and is still to be served.
    pub(super) put_off: Option<Request>,
}

impl<K: Kernel> Sync<K> {
    /// Runs until the data plane is torn down or nobody can ask any more.
    pub(super) async fn run(mut self) {
        let mut wake = Instant::now() + RESYNC;
        loop {
            let request = match self.put_off.take() {
                Some(request) => request,
                None => match timeout_at(wake, self.requests.recv()).await {
                    Ok(Some(request)) => request,
                    Ok(None) => return,
                    Err(_) => Request::Check,
                },
            };
            wake = match request {
                Request::TearDown(reply) => {
                    let errors = self.tear_down().await;
                    // Whoever asked may have given up; the work is done all the same.
                    let _ = reply.send(errors);
                    return;
                }
                request => self.serve(request).await.map_or(wake, |pause| Instant::now() + pause),
            };
        }
    }

    /// Serves one request; says after what time to look again, if that has changed.
    async fn serve(&mut self, request: Request) -> Option<Duration> {
        match request {
            Request::SetAssignments(assignments) => {
                self.take(assignments);
                self.take_newer();
                Some(self.pass(false).await)
            }
            Request::Check => Some(self.pass(true).await),
            Request::AddEndpoint(endpoint, reply) => {
                let done = self.add_endpoint(endpoint).await;
                let _ = reply.send(done);
                None
            }
            Request::RemoveEndpoint(id, reply) => {
                let done = self.remove_endpoint(&id).await;
                let _ = reply.send(done);
                None
            }
            Request::ContainerStarted(pid, address, reply) => {
                let gateway = self.gateway(address);
                let done = container::started(&self.kernel, pid, address, gateway).await;
                let _ = reply.send(done.map_err(EndpointError::from));
                None
            }
            Request::Names(pid, gateway, reply) => {
                let done = container::names(&self.kernel, pid, gateway).await;
                let _ = reply.send(done.map_err(EndpointError::from));
                None
            }
            // Handled by the caller, as it ends the loop.
            Request::TearDown(_) => None,
        }
    }

    /// Takes new assignments. An older generation than the last is refused: the manager that sent it is behind.
    fn take(&mut self, assignments: Arc<NetworkAssignments>) {
        let newest = self.assignments.as_ref().map(|known| known.generation);
        if newest.is_some_and(|newest| assignments.generation < newest) {
            warn!(generation = %assignments.generation, "assignments are older than those in use: not taken");
            return;
        }
        self.assignments = Some(assignments);
    }

    /// Takes assignments that wait in the queue: the kernel need not hold those that have been replaced already.
    fn take_newer(&mut self) {
        while self.put_off.is_none()
            && let Ok(next) = self.requests.try_recv()
        {
            match next {
                Request::SetAssignments(assignments) => self.take(assignments),
                other => self.put_off = Some(other),
            }
        }
    }

    /// One pass, reported. A check counts what it found wrong.
    async fn pass(&mut self, check: bool) -> Duration {
        let Some(assignments) = self.assignments.clone() else {
            // Nothing is known yet. What the kernel holds is from before a restart and keeps running.
            return RESYNC;
        };
        match self.reconcile(&assignments).await {
            Ok(changed) => {
                if check && changed > 0 {
                    warn!(operations = changed, "the kernel did not hold what it should: repaired");
                }
                let networks = assignments.networks.keys().cloned().collect();
                self.progress.send_if_modified(|progress| {
                    let repaired = progress.repaired + if check { changed } else { 0 };
                    let now =
                        KernelProgress { generation: assignments.generation, networks, repaired };
                    let news = *progress != now;
                    *progress = now;
                    news
                });
                RESYNC
            }
            Err(error) => {
                warn!(error = chain(&error), "the data plane is not as it should be: will retry");
                RETRY
            }
        }
    }

    /// Makes the kernel hold what the assignments say; returns how many operations that took.
    async fn reconcile(&mut self, assignments: &NetworkAssignments) -> Result<u64, SyncError> {
        let mut changed = 0;
        let mut ops = Vec::new();
        for _ in 0..ROUNDS {
            let observed = self.kernel.observe().await.map_err(SyncError::Observe)?;
            let state = desired(&self.node, assignments, &observed)?;
            ops = plan(&state, &observed.state);
            if ops.is_empty() {
                let now = routed(&state);
                self.apply(&departures(&self.routed, &now)).await?;
                self.routed = now;
                return Ok(changed);
            }
            changed += u64::try_from(ops.len()).unwrap_or(u64::MAX);
            self.apply(&ops).await?;
        }
        Err(SyncError::Unstable(ops))
    }

    async fn apply(&mut self, ops: &[Op]) -> Result<(), SyncError> {
        if ops.is_empty() {
            return Ok(());
        }
        debug!(?ops, "changing the kernel");
        let mut errors = self.kernel.apply(ops).await;
        for error in &errors {
            debug!(error = chain(error), "operation failed");
        }
        if errors.is_empty() {
            return Ok(());
        }
        let failed = errors.len();
        Err(SyncError::Kernel { failed, of: ops.len(), first: errors.swap_remove(0) })
    }

    async fn add_endpoint(&mut self, endpoint: Endpoint) -> Result<(), EndpointError> {
        let subnet = endpoint.address.trunc();
        let assignments = self.assignments.clone().ok_or(EndpointError::UnknownSubnet(subnet))?;
        let network =
            assignments.with_subnet(subnet).ok_or(EndpointError::UnknownSubnet(subnet))?;
        let netns = Netns::Sandbox(SandboxName::of(&network.id));
        if !self.progress.borrow().networks.contains(&network.id) {
            self.reconcile(&assignments).await?;
        }
        let name = endpoint.link_name();
        let add = Op::Change(netns, Change::AddLink(name, LinkKind::Endpoint(endpoint)));
        if let Some(error) = self.kernel.apply(&[add]).await.pop() {
            return Err(error.into());
        }
        // The container may send as soon as it runs: its route has to be there first.
        self.reconcile(&assignments).await?;
        Ok(())
    }

    async fn remove_endpoint(&mut self, id: &str) -> Result<(), EndpointError> {
        let name = endpoint::link_name(id);
        let Observed { state, .. } = self.kernel.observe().await?;
        let remove: Vec<Op> = state
            .iter()
            .filter(|(_, namespace)| namespace.links.contains_key(&name))
            .map(|(netns, _)| Op::Change(netns.clone(), Change::RemoveLink(name.clone())))
            .collect();
        if let Some(error) = self.kernel.apply(&remove).await.pop() {
            return Err(error.into());
        }
        if let Some(assignments) = self.assignments.clone() {
            self.reconcile(&assignments).await?;
        }
        Ok(())
    }

    /// The gateway of the ingress network, if the address is in it.
    fn gateway(&self, address: Ipv4Addr) -> Option<Ipv4Addr> {
        self.assignments
            .iter()
            .flat_map(|assignments| assignments.networks.values())
            .find(|network| network.ingress && network.subnet.contains(&address))
            .map(|network| network.gateway)
    }

    async fn tear_down(&mut self) -> Vec<SyncError> {
        info!("removing everything of the data plane");
        match self.reconcile(&NetworkAssignments::default()).await {
            Ok(_) => Vec::new(),
            Err(error) => vec![error],
        }
    }
}

#[cfg(test)]
mod tests;
