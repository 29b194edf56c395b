//! What the nodes have to do, as they report it. It is measured, changes all the time and is not part of the state: the leader has it in memory.

use imbl::OrdMap;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::load::NodeLoad;

/// The load of the nodes that have reported one.
pub type Loads = OrdMap<NodeId, NodeLoad>;
