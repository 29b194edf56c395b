//! The boundary to the data plane, as tasks need it. [`crate::network::DataPlaneHandle`] is the real one.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::TaskAssignment;
use tokio::net::TcpStream;

/// What a task needs of the data plane.
pub(crate) trait Attach: Clone + Send + Sync + 'static {
    /// Waits until containers can be put on `network`.
    fn ready(
        &self,
        network: &NetworkAssignment,
    ) -> impl Future<Output = Result<(), AttachError>> + Send;

    /// Does what is left to do when the container's process runs: from now on, packets reach it and replies find their way back.
    /// May be repeated.
    fn attach(
        &self,
        container: &StartedContainer,
    ) -> impl Future<Output = Result<(), AttachError>> + Send;

    /// Has names that are looked up in a running container, whose first process is `pid`, asked of the name service at `gateway`, or no
    /// longer. May be repeated.
    fn names(
        &self,
        pid: u32,
        gateway: Option<Ipv4Addr>,
    ) -> impl Future<Output = Result<(), AttachError>> + Send;

    /// Connects to `addr` from inside the network of a container, whose first process is `pid`. Takes at most `limit`.
    fn dial(
        &self,
        pid: u32,
        addr: SocketAddr,
        limit: Duration,
    ) -> impl Future<Output = io::Result<TcpStream>> + Send;
}

/// A container that has been started.
#[derive(Clone, Debug)]
pub(crate) struct StartedContainer {
    /// Its first process, in the node's numbering.
    pub(crate) pid: u32,
    pub(crate) task: Arc<TaskAssignment>,
    /// The networks of its attachments, in the same order.
    pub(crate) networks: Vec<Arc<NetworkAssignment>>,
}

/// A container could not be attached.
#[derive(Debug, thiserror::Error)]
#[error("network sandbox join failed: {0}")]
pub(crate) struct AttachError(pub(crate) String);
