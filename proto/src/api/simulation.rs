//! What would become of the cluster if nodes were lost or added. Not in Docker's API.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::Explanation;
use crate::id::NodeId;
use crate::id::ServiceId;
use crate::spec::Labels;

/// `POST /swarmlite/v1/simulate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SimulateRequest {
    /// The nodes that would be lost, by id, host name or beginning of the id.
    pub lose: Vec<String>,
    /// The nodes that would be added.
    pub add: Vec<NodesToAdd>,
    /// Whether all services would be rebalanced then.
    pub rebalance: bool,
}

/// Workers that would be added, all alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodesToAdd {
    /// How many.
    pub count: u64,
    /// The processors of each, in billionths of a core.
    #[serde(rename = "NanoCPUs")]
    pub nano_cpus: i64,
    /// The memory of each, in bytes.
    pub memory_bytes: i64,
    /// The labels of each.
    pub labels: Labels,
}

/// The answer to `POST /swarmlite/v1/simulate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Simulation {
    /// The tasks that would not be where they are, or that would be where they are not.
    pub moves: Vec<SimulatedMove>,
    /// The services some of whose tasks would wait for a node, and why.
    pub waiting: Vec<Explanation>,
    /// What each node would have, those included that would be lost.
    pub nodes: Vec<SimulatedNode>,
    /// Whether more than half of the managers would be left. Without, nothing of all this happens before one of them is back.
    pub quorum: bool,
}

/// A task that would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatedMove {
    /// Its service.
    #[serde(rename = "ServiceID")]
    pub service_id: ServiceId,
    /// What that is called.
    pub service_name: String,
    /// Which replica it is. 0 for services with a task on each node.
    pub slot: u64,
    /// The node that it is on. Absent: it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SimulatedPlace>,
    /// The node that it would be on. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<SimulatedPlace>,
}

/// A node, by id and by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatedPlace {
    /// The node. Of one that would be added this is an id that it will not have.
    #[serde(rename = "NodeID")]
    pub node_id: NodeId,
    /// What it is called.
    pub hostname: String,
}

/// What a node would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatedNode {
    /// The node.
    #[serde(rename = "NodeID")]
    pub node_id: NodeId,
    /// What it is called.
    pub hostname: String,
    /// Whether it would be lost.
    pub lost: bool,
    /// Whether it would be new.
    pub new: bool,
    /// Its processors, in billionths of a core.
    #[serde(rename = "NanoCPUs")]
    pub nano_cpus: i64,
    /// Its memory, in bytes.
    pub memory_bytes: i64,
    /// What it has to do now.
    pub before: SimulatedLoad,
    /// What it would have to do.
    pub after: SimulatedLoad,
}

/// What a node has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatedLoad {
    /// How many tasks it should run.
    pub tasks: u64,
    /// How much of its processors they set aside, in billionths of a core.
    #[serde(rename = "NanoCPUs")]
    pub nano_cpus: i64,
    /// How much of its memory, in bytes.
    pub memory_bytes: i64,
}
