//! Who leads the managers, and which of them can be reached: what is known beside the replicated state.

use std::collections::BTreeMap;

use swarmlite_proto::api::Reachability;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;

/// Who leads the managers, and which of them can be reached, as far as this manager knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    /// `None` while there is no leader.
    pub leader: Option<NodeId>,
    /// What the leader knows of the others. Where nothing is known, the liveness of the node stands in.
    pub reachability: BTreeMap<NodeId, Reachability>,
}

impl Quorum {
    /// Whether the manager on `node` can be reached: what the leader says, or else what its agent's session says.
    #[must_use]
    pub fn reachability(&self, node: &Node) -> Reachability {
        if self.leader.as_ref() == Some(&node.id) {
            return Reachability::Reachable;
        }
        self.reachability.get(&node.id).copied().unwrap_or(match node.status.state {
            NodeState::Ready => Reachability::Reachable,
            NodeState::Down => Reachability::Unreachable,
            NodeState::Unknown | NodeState::Disconnected => Reachability::Unknown,
        })
    }
}
