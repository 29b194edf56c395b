//! What the nodes answer over HTTP, as they report it. Like their load, it is not part of the state, and the leader has it in memory.

use futures_util::future::BoxFuture;
use imbl::OrdMap;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::traffic::Traffic;

/// What the nodes that have reported answer.
pub type Traffics = OrdMap<NodeId, Traffic>;

/// Who knows it.
pub trait TrafficSource: Send + Sync + 'static {
    /// What the nodes in session with the leader answer.
    fn traffic(&self) -> BoxFuture<'_, Result<Traffics>>;
}
