//! What the API needs of the node it runs on.

use std::any::Any;

use futures_util::future::BoxFuture;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::attachment::Attached;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;

/// A place on a network of the cluster for a container that is about to be made.
pub struct Reservation {
    /// The place.
    pub attached: Attached,
    /// To be kept until the engine has answered. Without a container on it by then the place is free again.
    pub hold: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reservation").field("attached", &self.attached).finish_non_exhaustive()
    }
}

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

    /// Gets a place on a network of the cluster for a standalone container of this node. On return its engine can make
    /// that container.
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<Reservation>>;

    /// The numbers of this node as they are now, as OpenMetrics text.
    fn metrics(&self) -> BoxFuture<'_, Result<String>>;

    /// The state of the cluster, if this node is a manager and ready.
    fn manager(&self) -> Option<ManagerAccess>;
}
