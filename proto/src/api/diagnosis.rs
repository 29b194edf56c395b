//! What was checked on a node, and through it in the cluster. Not in Docker's API.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to `GET /swarmlite/v1/doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Diagnosis {
    /// Every check, in the order in which they matter.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Check {
    /// What is checked, in a word.
    pub name: String,
    /// What came of it.
    pub result: CheckResult,
    /// What was measured, or why nothing was.
    pub message: String,
    /// What to do, if there is something to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// It is as it should be.
    Ok,
    /// It works, and may not for long, or not after something else fails.
    Warning,
    /// It is not as it should be.
    Failed,
    /// It could not be measured here.
    Skipped,
}

impl CheckResult {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}
