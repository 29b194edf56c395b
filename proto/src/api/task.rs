//! Tasks: where they are, and by which addresses.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::id::NetworkId;
use crate::id::NodeId;
use crate::id::ServiceId;
use crate::id::TaskId;
use crate::spec::GenericResource;
use crate::spec::Labels;
use crate::spec::PortConfig;
use crate::spec::TaskSpec;
use crate::spec::is_default;
use crate::task_state::TaskState;
use crate::time::Timestamp;
use crate::version::Version;

/// `GET /tasks/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    /// The task.
    #[serde(rename = "ID")]
    pub id: TaskId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Labels of its service.
    pub labels: Labels,
    /// What it runs.
    #[schema(value_type = TaskSpec)]
    pub spec: Arc<TaskSpec>,
    /// Its service.
    #[serde(rename = "ServiceID")]
    pub service_id: ServiceId,
    /// Which replica it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub slot: u64,
    /// The node it runs on.
    #[serde(rename = "NodeID", default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// Where it is.
    pub status: TaskStatus,
    /// Where it should be.
    pub desired_state: TaskState,
    /// Its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks_attachments: Vec<NetworkAttachment>,
    /// Which of the countable resources of its node it was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
    /// Which iteration of a job made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_iteration: Option<Version>,
    /// Whether the nodes send it traffic: `unrouted`, `routed`, `draining` or `drained` (an extension of Docker's API).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub routing: String,
    /// Whether it is to be replaced by one on another node (an extension of Docker's API).
    #[serde(default, skip_serializing_if = "is_default")]
    pub migrate: bool,
}

/// Where a task is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskStatus {
    /// When it got there.
    pub timestamp: Timestamp,
    /// Its state.
    pub state: TaskState,
    /// What happened.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What went wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub err: String,
    /// Its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_status: Option<ContainerStatus>,
    /// The ports it published on its node itself.
    pub port_status: PortStatus,
}

/// The container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerStatus {
    /// The engine's id of it.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    /// Its first process.
    #[serde(rename = "PID")]
    pub pid: i64,
    /// What it ended with.
    pub exit_code: i64,
}

/// The ports that a task published on its node itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortStatus {
    /// The ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
}

/// The addresses of a task on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkAttachment {
    /// The network.
    pub network: AttachedNetwork,
    /// `address/prefix length`, each.
    pub addresses: Vec<String>,
}

/// A network as tasks show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedNetwork {
    /// The network.
    #[serde(rename = "ID")]
    pub id: NetworkId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What was asked for.
    pub spec: AttachedNetworkSpec,
}

/// What was asked of a network, as tasks show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttachedNetworkSpec {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Always `overlay`.
    pub driver_configuration: crate::spec::Driver,
    /// Whether it is the ingress network.
    #[serde(skip_serializing_if = "is_default")]
    pub ingress: bool,
    /// `swarm`.
    pub scope: String,
}
