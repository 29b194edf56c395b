//! How far a service is: its update, or its iteration of a job.

use serde::Deserialize;
use serde::Serialize;

use crate::time::Timestamp;
use crate::version::Version;

/// Where an update is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Which iteration of a job a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobStatus {
    /// Counted up by every update.
    pub job_iteration: Version,
    /// When it began.
    pub last_execution: Timestamp,
}
