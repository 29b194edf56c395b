//! What nodes report of themselves, for those who ask. It is measured, changes all the time and is not part of the state: the leader has it in memory.

use futures_util::future::BoxFuture;
use imbl::OrdMap;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::traffic::Traffic;

use crate::load::Loads;

/// What the nodes that have reported answer over HTTP.
pub type Traffics = OrdMap<NodeId, Traffic>;

/// Who knows what the nodes in session with the leader have reported.
pub trait ReportSource: Send + Sync + 'static {
    /// What their machines have to do.
    fn loads(&self) -> BoxFuture<'_, Result<Loads>>;

    /// What they answer over HTTP.
    fn traffic(&self) -> BoxFuture<'_, Result<Traffics>>;
}
