//! A service: what to run, how many, where traffic enters, how to change it.

use serde::Deserialize;
use serde::Serialize;
use serde::Serializer;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::Schema;

use super::EndpointOption;
use super::EndpointOptions;
use super::EndpointSpec;
use super::Labels;
use super::NetworkAttachmentConfig;
use super::TaskSpec;
use crate::error::Error;
use crate::time::Nanoseconds;

/// What a user asks of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceSpec {
    /// Unique in the cluster, and its DNS name.
    pub name: String,
    /// User labels of the service. Always an object.
    pub labels: Labels,
    /// What each task runs.
    pub task_template: TaskSpec,
    /// How many tasks, and on which nodes.
    pub mode: ServiceMode,
    /// Where networks were before API 1.25. Clients that write them here read them here, too: what is stored is a copy of those of the
    /// task, and empty for all other clients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkAttachmentConfig>,
    /// How an update goes. Absent: the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_config: Option<UpdateConfig>,
    /// How a rollback goes. Absent: the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_config: Option<UpdateConfig>,
    /// How the service is reached. Absent: a VIP and no published ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_spec: Option<EndpointSpec>,
}

/// Labels of a service that begin with this are endpoint options, as in `swarmlite.endpoint.sticky=10m`: for clients and
/// Compose files that know no other way to say it.
pub const ENDPOINT_LABELS: &str = "swarmlite.endpoint.";

impl ServiceSpec {
    /// What is asked of the balancing of the service: its endpoint options, and those of its labels that are some.
    ///
    /// # Errors
    ///
    /// For a label that is no possible option, and for one that says something else than the option of its name.
    pub fn endpoint_options(&self) -> Result<EndpointOptions, Error> {
        let asked = self.endpoint_spec.as_ref().and_then(|endpoint| endpoint.options);
        let asked = asked.unwrap_or_default();
        let mut options = asked;
        for (label, value) in &self.labels {
            let Some(name) = label.strip_prefix(ENDPOINT_LABELS) else { continue };
            let refused = |error| Error::invalid(format!("label {label}: {error}"));
            let option: EndpointOption = name.parse().map_err(refused)?;
            options.set(option, value).map_err(refused)?;
            match (asked.get(option), options.get(option)) {
                (Some(asked), Some(labelled)) if asked != labelled => {
                    return Err(Error::invalid(format!(
                        "endpoint option {name} is {asked}, but label {label} is {labelled}"
                    )));
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

/// How many tasks a service has, and whether they run on or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ModeJson", into = "ModeJson")]
pub enum ServiceMode {
    /// So many tasks, anywhere.
    Replicated {
        /// How many.
        replicas: u64,
    },
    /// One task on each node that fits.
    Global,
    /// So many tasks that run to completion.
    ReplicatedJob(ReplicatedJob),
    /// One task on each node that fits, run to completion.
    GlobalJob,
}

/// How many tasks of a job there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicatedJob {
    /// How many run at the same time, at most.
    pub max_concurrent: u64,
    /// How many have to complete.
    pub total_completions: u64,
}

impl Default for ServiceMode {
    fn default() -> Self {
        Self::Replicated { replicas: Self::DEFAULT_REPLICAS }
    }
}

impl ServiceMode {
    /// How many tasks there are when nobody says.
    pub const DEFAULT_REPLICAS: u64 = 1;

    /// Whether its tasks end by themselves, rather than run on.
    #[must_use]
    pub const fn is_job(&self) -> bool {
        matches!(self, Self::ReplicatedJob(_) | Self::GlobalJob)
    }

    /// Whether it is the node that makes the task.
    #[must_use]
    pub const fn is_global(&self) -> bool {
        matches!(self, Self::Global | Self::GlobalJob)
    }

    /// The name in filters and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Replicated { .. } => "replicated",
            Self::Global => "global",
            Self::ReplicatedJob(_) => "replicated-job",
            Self::GlobalJob => "global-job",
        }
    }
}

/// How many tasks there are, and where: an object with one member. Without any it is one task.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
struct ModeJson {
    /// So many tasks, anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    replicated: Option<ReplicatedJson>,
    /// One task on each node that fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    global: Option<Empty>,
    /// So many tasks that run to completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    replicated_job: Option<ReplicatedJobJson>,
    /// One task on each node that fits, run to completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    global_job: Option<Empty>,
}

/// So many tasks.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schema(as = ReplicatedService)]
struct ReplicatedJson {
    /// How many. Absent: 1.
    replicas: Option<u64>,
}

/// So many tasks that run to completion.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
#[schema(as = ReplicatedJob)]
struct ReplicatedJobJson {
    /// How many run at the same time, at most. Absent: 1.
    max_concurrent: Option<u64>,
    /// How many have to complete. Absent: as many as run at the same time.
    total_completions: Option<u64>,
}

/// An object without members.
#[derive(Default, Serialize, Deserialize, ToSchema)]
struct Empty {}

impl PartialSchema for ServiceMode {
    fn schema() -> RefOr<Schema> {
        ModeJson::schema()
    }
}

impl ToSchema for ServiceMode {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ModeJson::schemas(schemas);
    }
}

impl TryFrom<ModeJson> for ServiceMode {
    type Error = Error;

    fn try_from(json: ModeJson) -> Result<Self, Error> {
        match (json.replicated, json.global, json.replicated_job, json.global_job) {
            (None, None, None, None) => Ok(Self::default()),
            (Some(replicated), None, None, None) => Ok(Self::Replicated {
                replicas: replicated.replicas.unwrap_or(Self::DEFAULT_REPLICAS),
            }),
            (None, Some(Empty {}), None, None) => Ok(Self::Global),
            (None, None, Some(job), None) => {
                let max_concurrent = job.max_concurrent.unwrap_or(Self::DEFAULT_REPLICAS);
                let total_completions = job.total_completions.unwrap_or(max_concurrent);
                Ok(Self::ReplicatedJob(ReplicatedJob { max_concurrent, total_completions }))
            }
            (None, None, None, Some(Empty {})) => Ok(Self::GlobalJob),
            _ => Err(Error::invalid("must specify only one service mode")),
        }
    }
}

impl From<ServiceMode> for ModeJson {
    fn from(mode: ServiceMode) -> Self {
        match mode {
            ServiceMode::Replicated { replicas } => Self {
                replicated: Some(ReplicatedJson { replicas: Some(replicas) }),
                ..Self::default()
            },
            ServiceMode::Global => Self { global: Some(Empty {}), ..Self::default() },
            ServiceMode::ReplicatedJob(job) => Self {
                replicated_job: Some(ReplicatedJobJson {
                    max_concurrent: Some(job.max_concurrent),
                    total_completions: Some(job.total_completions),
                }),
                ..Self::default()
            },
            ServiceMode::GlobalJob => Self { global_job: Some(Empty {}), ..Self::default() },
        }
    }
}

/// How tasks are replaced when the spec changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateConfig {
    /// How many slots are replaced at the same time; 0 means all.
    pub parallelism: u64,
    /// Pause after each slot.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub delay: Nanoseconds,
    /// What to do when too many fail. Empty means pause.
    pub failure_action: FailureAction,
    /// How long a new task is watched for failure. Zero means 5 s.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub monitor: Nanoseconds,
    /// The share of failed tasks, 0 to 1, above which the action is taken.
    #[serde(serialize_with = "as_go_prints")]
    pub max_failure_ratio: f64,
    /// Whether the old or the new task goes first.
    pub order: UpdateOrder,
}

impl UpdateConfig {
    /// How many slots are replaced at the same time when nobody says (swarmkit `api/defaults/service.go`).
    pub const DEFAULT_PARALLELISM: u64 = 1;

    /// How long a new task is watched when nobody says (the same file).
    pub const DEFAULT_MONITOR: Nanoseconds = Nanoseconds::from_secs(5);

    /// What holds for a service without one. The default value, whose parallelism is 0, would replace all slots at once.
    #[must_use]
    pub fn defaults() -> Self {
        Self {
            parallelism: Self::DEFAULT_PARALLELISM,
            monitor: Self::DEFAULT_MONITOR,
            ..Self::default()
        }
    }

    /// How long a new task is watched for failure.
    #[must_use]
    pub fn monitor(&self) -> Nanoseconds {
        self.monitor.or(Self::DEFAULT_MONITOR)
    }
}

/// Whole numbers without a fraction: 0 and not 0.0, as Go's `encoding/json` does.
fn as_go_prints<S: Serializer>(ratio: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if *ratio == 0.0 {
        serializer.serialize_u8(0)
    } else if *ratio == 1.0 {
        serializer.serialize_u8(1)
    } else {
        serializer.serialize_f64(*ratio)
    }
}

// The ratio is never NaN: JSON has none.
impl Eq for UpdateConfig {}

/// What an update does when too many tasks fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureAction {
    /// Stop and wait for a new update.
    #[default]
    #[serde(alias = "")]
    Pause,
    /// Go on.
    Continue,
    /// Go back to the spec before.
    Rollback,
}

/// Which of the old and the new task goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateOrder {
    /// The old one stops, then the new one starts.
    #[default]
    #[serde(alias = "")]
    StopFirst,
    /// The new one runs before the old one stops.
    StartFirst,
}
