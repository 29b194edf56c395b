//! Why tasks are where they are, or nowhere. Not in Docker's API.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::id::NodeId;
use crate::id::ServiceId;
use crate::id::TaskId;
use crate::spec::ServiceSpec;

/// `GET /swarmlite/v1/services/{id}/explain` and `GET /swarmlite/v1/tasks/{id}/explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Explanation {
    /// The service. Of one that is only planned this is an id that it will not have.
    #[serde(rename = "ServiceID")]
    pub service_id: ServiceId,
    /// Its name.
    pub service_name: String,
    /// The task that was asked about, if one was.
    #[serde(rename = "TaskID", default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    /// The matter in a few words for people.
    pub sentence: String,
    /// How one of the nodes that fit is chosen: `spread`, `binpack`, `random` or `usage`, or `score` by the service's own.
    pub strategy: String,
    /// How many tasks of the service wait for a node.
    pub waiting: u64,
    /// What Docker shows as the error of a task that cannot be placed. Empty if it can.
    pub error: String,
    /// The rules about nodes, in the order in which they are applied.
    pub checks: Vec<String>,
    /// What each node has to say. First those that fit, the best first; then those that lack least.
    pub nodes: Vec<NodeVerdict>,
    /// What would let a task be placed that waits, the smallest change first. Empty if there is no error, and if nothing helps.
    pub advice: Vec<PlacementAdvice>,
    /// The best of it in one line, for people.
    pub hint: String,
}

/// What one node has to say about a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NodeVerdict {
    /// The node.
    #[serde(rename = "NodeID")]
    pub node_id: NodeId,
    /// What it is called.
    pub hostname: String,
    /// Whether the task that was asked about is here. All else is said as if it were not.
    pub here: bool,
    /// Whether the task could be here.
    pub fits: bool,
    /// Which of the nodes that fit it is, from 1 for the best. Absent if it does not fit, for services with a task on each node, and where
    /// chance decides for all but the one that is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u64>,
    /// What the placement preferences make of it, the first preference first. It counts before all that follows.
    pub parts: Vec<ClusterPart>,
    /// How many tasks of this service and spec have failed here in the last five minutes. From 5 on the node is a last resort.
    pub failures: u64,
    /// How many tasks of the service it has.
    pub tasks_of_service: u64,
    /// How many tasks it has in all.
    pub tasks: u64,
    /// What else decides between nodes that fit, the more important first, for people: what the strategy looks at beside numbers of tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merits: Vec<String>,
    /// All that keeps the task away.
    pub obstacles: Vec<PlacementObstacle>,
}

/// A part of the cluster: the nodes with one value of a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterPart {
    /// The label, as `node.labels.zone`.
    pub label: String,
    /// Its value. Empty for nodes without the label.
    pub value: String,
    /// How many tasks of the service are there.
    pub tasks: u64,
}

/// One thing that keeps a task away from a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PlacementObstacle {
    /// The rule: one of `Checks`.
    pub check: String,
    /// What it says, for people.
    pub text: String,
    /// How much there is too little of something, if that is what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingResource>,
    /// What would take it away, the smallest change first, for people. Any one is enough.
    pub changes: Vec<String>,
}

/// How much there is too little of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct MissingResource {
    /// `CPU` in billionths of a core, `memory` in bytes, or the kind of a generic resource.
    pub of: String,
    /// So much is needed.
    pub needed: i64,
    /// So much is left.
    pub left: i64,
}

/// Changes after which a task fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PlacementAdvice {
    /// The changes, all of which are needed, for people.
    pub changes: Vec<String>,
    /// The nodes on which the task fits then.
    #[serde(rename = "NodeIDs")]
    pub node_ids: Vec<NodeId>,
}

/// `POST /swarmlite/v1/services/plan`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct PlanRequest {
    /// Services that would be made or changed, one after the other.
    pub services: Vec<ServiceToPlan>,
}

/// A service that would be made or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceToPlan {
    /// The service that would get the spec, by id or name. Empty: a new one.
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The spec.
    pub spec: ServiceSpec,
}

/// The answer to `POST /swarmlite/v1/services/plan`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Plan {
    /// What would become of each service, in the order in which they were sent.
    pub services: Vec<PlannedService>,
}

/// What would become of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PlannedService {
    /// Its name.
    pub name: String,
    /// Whether it would be made and not changed.
    pub new: bool,
    /// The tasks that would be made.
    pub tasks: Vec<PlannedTask>,
    /// How many tasks would stay as they are.
    pub stay: u64,
    /// How many tasks would end without being replaced.
    pub end: u64,
    /// Why some would wait then, or where one more would go.
    pub explanation: Explanation,
}

/// A task that would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PlannedTask {
    /// Which replica it would be. 0 for services with a task on each node.
    pub slot: u64,
    /// The node that it would get. Absent: it would wait.
    #[serde(rename = "NodeID", default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// What that is called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// What the node is called with the task that it would replace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// Why it would wait. Absent if it would not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}
