//! What the nodes have to do, as they report it. It is measured, changes all the time and is not part of the state: the leader has it in memory.

use futures_util::future::BoxFuture;
use imbl::OrdMap;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::load::NodeLoad;

/// The load of the nodes that have reported one.
pub type Loads = OrdMap<NodeId, NodeLoad>;

/// Who knows it.
pub trait LoadSource: Send + Sync + 'static {
    /// The load of the nodes in session with the leader.
    fn loads(&self) -> BoxFuture<'_, Result<Loads>>;
}
