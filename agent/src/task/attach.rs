//! The boundary to the data plane, as tasks need it. [`crate::network::DataPlaneHandle`] is the real one.

use std::future::Future;
use std::sync::Arc;

use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::TaskAssignment;

/// What a task needs of the data plane.
pub trait Attach: Send + Sync + 'static {
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
}

/// A container that has been started.
#[derive(Clone, Debug)]
pub struct StartedContainer {
    /// The engine's id of it.
    pub id: String,
    /// Its first process, in the node's numbering.
    pub pid: u32,
    /// Its task.
    pub task: Arc<TaskAssignment>,
    /// The networks of its attachments, in the same order.
    pub networks: Vec<Arc<NetworkAssignment>>,
}

/// A container could not be attached.
#[derive(Debug, thiserror::Error)]
#[error("network sandbox join failed: {0}")]
pub struct AttachError(pub String);
