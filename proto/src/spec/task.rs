//! What one task runs, where it may run, and what happens when it ends.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::ContainerSpec;
use super::Labels;
use super::Placement;
use super::is_default;
use crate::time::Nanoseconds;

/// The template that every task of a service is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskSpec {
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_spec: Option<ContainerSpec>,
    /// What it may use, and what is set aside for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// What happens when it ends. Absent: restart always, after 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// On which nodes it may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// The networks it is on, the ingress network not among them. Targets are ids once stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkAttachmentConfig>,
    /// Where its output goes. Absent: the engine's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_driver: Option<Driver>,
    /// Counted up to force an update that changes nothing else.
    pub force_update: u64,
    /// Always `container`, or empty, which means the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runtime: String,
}

/// Limits and reservations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceRequirements {
    /// What it may not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What the scheduler sets aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservations: Option<Reservations>,
    /// Swap beside the memory limit, in bytes; -1 means as much as there is. Absent: as much as the memory limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<i64>,
    /// How readily the kernel swaps it out, 0 to 100; -1 means the kernel's own setting, as absence does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_swappiness: Option<i64>,
}

/// Upper bounds; 0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Limits {
    /// Processor time, in billionths of a core.
    #[serde(rename = "NanoCPUs", skip_serializing_if = "is_default")]
    pub nano_cpus: i64,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_bytes: i64,
    /// Processes.
    #[serde(skip_serializing_if = "is_default")]
    pub pids: i64,
}

/// What is set aside for a task; 0 means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Reservations {
    /// Processor time, in billionths of a core.
    #[serde(rename = "NanoCPUs", skip_serializing_if = "is_default")]
    pub nano_cpus: i64,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_bytes: i64,
    /// Countable resources that nodes declare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
}

/// A resource that a node declares: by name, or as a count. One of the two is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct GenericResource {
    /// One particular thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_resource_spec: Option<NamedResource>,
    /// So many of a kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discrete_resource_spec: Option<DiscreteResource>,
}

/// One particular thing of a kind, such as one GPU by its UUID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NamedResource {
    /// The kind.
    pub kind: String,
    /// Which one.
    pub value: String,
}

/// So many things of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DiscreteResource {
    /// The kind.
    pub kind: String,
    /// How many.
    pub value: i64,
}

/// What happens when a task ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// After which endings it is replaced.
    pub condition: RestartCondition,
    /// How long after. Absent: 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Nanoseconds>,
    /// How often at most; 0 means without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u64>,
    /// Only attempts within this time count; 0 means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Nanoseconds>,
}

impl RestartPolicy {
    /// The delay when none is given (swarmkit `api/defaults/service.go`).
    const DEFAULT_DELAY: Nanoseconds = Nanoseconds::from_secs(5);

    /// What holds for a task without one, in full, as Docker's clients send it.
    #[must_use]
    pub fn defaults() -> Self {
        Self { delay: Some(Self::DEFAULT_DELAY), max_attempts: Some(0), ..Self::default() }
    }

    /// How long after its end a task is replaced.
    #[must_use]
    pub fn delay(&self) -> Nanoseconds {
        self.delay.unwrap_or(Self::DEFAULT_DELAY)
    }
}

/// After which endings a task is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartCondition {
    /// Never.
    None,
    /// When it failed.
    OnFailure,
    /// Always.
    #[default]
    #[serde(alias = "")]
    Any,
}

/// One network that the tasks of a service are on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkAttachmentConfig {
    /// The network: its name or id when asked, its id once stored.
    pub target: String,
    /// Further names of the service on this network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Options for the network driver.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub driver_opts: Labels,
}

/// A driver and its options: for logs, for IPAM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Driver {
    /// Which driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its options.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
}
