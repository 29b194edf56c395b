//! What a loop decides from.

use std::time::Duration;

use imbl::OrdMap;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use super::Scope;
use crate::heartbeat::Sessions;
use crate::state::State;

/// The generation that the kernel tables of each node in session have reached.
pub(crate) type Programmed = OrdMap<NodeId, Generation>;

/// What a loop decides from.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The replicated state.
    pub state: State,
    /// The agents that this leader has heard of.
    pub sessions: Sessions,
    /// Which generation the kernel tables of each node in session have reached.
    pub programmed: Programmed,
    /// When this manager became the leader.
    pub leader_since: Timestamp,
    /// What the pass has to look at.
    pub scope: Scope,
    /// How long nodes are waited for to confirm their tables: [`crate::routing::PATIENCE`], unless this manager was told otherwise.
    pub routing_patience: Duration,
}
