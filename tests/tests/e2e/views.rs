//! What the tests read of the objects of Docker's HTTP interface. Written down here once more, so that the tests do not take over a
//! mistake in the product's own types.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A node.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NodeView {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    pub(crate) spec: NodeSpec,
    pub(crate) description: Description,
    pub(crate) status: NodeStatus,
    pub(crate) manager_status: Option<ManagerStatus>,
}

/// What was asked of a node.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NodeSpec {
    pub(crate) availability: String,
}

/// What a node says of itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Description {
    pub(crate) hostname: String,
}

/// What the managers say of a node.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NodeStatus {
    pub(crate) state: String,
}

/// What the managers say of a manager.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ManagerStatus {
    #[serde(default)]
    pub(crate) leader: bool,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ServiceView {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    pub(crate) spec: Named,
    pub(crate) update_status: Option<UpdateView>,
}

/// How a change of a service goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UpdateView {
    #[serde(default)]
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// Whatever has a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// A secret or a config.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NamedView {
    pub(crate) spec: Named,
}

/// A container, as an engine lists it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ContainerView {
    pub(crate) id: String,
    labels: BTreeMap<String, String>,
}

impl ContainerView {
    /// Whether it is of no service.
    pub(crate) fn is_of_users(&self) -> bool {
        !self.labels.contains_key("com.docker.swarm.task.id")
    }
}

/// A task.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TaskView {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    #[serde(rename = "ServiceID")]
    pub(crate) service_id: String,
    #[serde(rename = "NodeID", default)]
    pub(crate) node_id: String,
    #[serde(default)]
    pub(crate) slot: u64,
    desired_state: String,
    pub(crate) status: TaskStatus,
    /// Not in Docker.
    #[serde(default)]
    pub(crate) routing: String,
}

/// Where a task is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TaskStatus {
    pub(crate) state: String,
}

impl TaskView {
    /// Whether this task should run and does.
    pub(crate) fn runs(&self) -> bool {
        self.desired_state == "running" && self.status.state == "running"
    }

    /// Whether it is over.
    pub(crate) fn has_ended(&self) -> bool {
        let ends = ["complete", "failed", "shutdown", "rejected", "orphaned", "remove"];
        ends.contains(&&*self.status.state)
    }
}

/// A network.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NetworkView {
    pub(crate) name: String,
    scope: String,
    #[serde(default)]
    ingress: bool,
}

impl NetworkView {
    /// Whether a user has made it in the cluster.
    pub(crate) fn is_of_users(&self) -> bool {
        self.scope == "swarm" && !self.ingress
    }
}
