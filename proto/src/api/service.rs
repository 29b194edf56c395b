//! Services: how they are reached, and where their updates are.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::id::NetworkId;
use crate::id::ServiceId;
use crate::object;
use crate::spec::EndpointSpec;
use crate::spec::PortConfig;
use crate::spec::ServiceSpec;
use crate::spec::is_default;
use crate::time::Timestamp;
use crate::version::Version;

/// `GET /services/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// The service.
    #[serde(rename = "ID")]
    pub id: ServiceId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What the user asks for.
    pub spec: ServiceSpec,
    /// The spec before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_spec: Option<ServiceSpec>,
    /// How it is reached.
    pub endpoint: ServiceEndpoint,
    /// Where its update is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_status: Option<UpdateStatus>,
    /// How many tasks run. Only in lists, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_status: Option<ServiceStatus>,
    /// Which iteration of a job it is. Always there for jobs: the docker CLI relies on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_status: Option<JobStatus>,
}

/// How a service is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceEndpoint {
    /// What was asked for.
    pub spec: EndpointSpec,
    /// The ports, chosen numbers filled in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
    /// Its address on each network.
    #[serde(rename = "VirtualIPs", skip_serializing_if = "Vec::is_empty")]
    pub virtual_ips: Vec<VirtualIp>,
    /// The certificates by ACME of its hosts. Not in Docker's API.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http_certificates: Vec<HttpCertificate>,
}

/// The certificate by ACME of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpCertificate {
    /// The host.
    pub host: String,
    /// The secret that it is in. Empty: there is none yet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret_name: String,
    /// Until when it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// When another one is ordered, if all goes well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_at: Option<Timestamp>,
    /// Whether one is ordered.
    #[serde(skip_serializing_if = "is_default")]
    pub ordered: bool,
    /// What went wrong at last. Empty: nothing has since there is this one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// The address of a service on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct VirtualIp {
    /// The network.
    #[serde(rename = "NetworkID")]
    pub network_id: NetworkId,
    /// `address/prefix length`.
    pub addr: String,
}

/// Where an update is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateStatus {
    /// Its state.
    pub state: UpdateState,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// What happened.
    pub message: String,
}

/// The state of an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateState {
    /// Under way.
    #[default]
    Updating,
    /// Stopped by failures.
    Paused,
    /// Done.
    Completed,
    /// Going back.
    RollbackStarted,
    /// Going back, stopped by failures.
    RollbackPaused,
    /// Gone back.
    RollbackCompleted,
}

impl UpdateState {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Updating => "updating",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::RollbackStarted => "rollback_started",
            Self::RollbackPaused => "rollback_paused",
            Self::RollbackCompleted => "rollback_completed",
        }
    }
}

/// How many tasks of a service run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceStatus {
    /// So many run.
    pub running_tasks: u64,
    /// So many should.
    pub desired_tasks: u64,
    /// So many have completed; jobs only.
    pub completed_tasks: u64,
}

/// Which iteration of a job a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobStatus {
    /// Counted up by every update.
    pub job_iteration: Version,
    /// When it began.
    pub last_execution: Timestamp,
}

/// The answer to `POST /services/create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceCreateResponse {
    /// The new service.
    #[serde(rename = "ID")]
    pub id: ServiceId,
    /// What deserves attention.
    #[schema(required)]
    pub warnings: Option<Vec<String>>,
}

/// The answer to `POST /services/{id}/update`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceUpdateResponse {
    /// What deserves attention.
    #[schema(required)]
    pub warnings: Option<Vec<String>>,
}

impl From<object::UpdateStatus> for UpdateStatus {
    fn from(status: object::UpdateStatus) -> Self {
        Self {
            state: status.state.into(),
            started_at: status.started_at,
            completed_at: status.completed_at,
            message: status.message,
        }
    }
}

impl From<object::UpdateState> for UpdateState {
    fn from(state: object::UpdateState) -> Self {
        match state {
            object::UpdateState::Updating => Self::Updating,
            object::UpdateState::Paused => Self::Paused,
            object::UpdateState::Completed => Self::Completed,
            object::UpdateState::RollbackStarted => Self::RollbackStarted,
            object::UpdateState::RollbackPaused => Self::RollbackPaused,
            object::UpdateState::RollbackCompleted => Self::RollbackCompleted,
        }
    }
}

impl From<object::JobStatus> for JobStatus {
    fn from(status: object::JobStatus) -> Self {
        Self { job_iteration: status.job_iteration, last_execution: status.last_execution }
    }
}
