//! The life of a task: states in the order in which a task passes them, never backwards.
//!
//! The numbers and names are swarmkit's (`api/types.proto`, `design/task_model.md`).

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// Where a task is, or where it should be. Ordered: a later state is greater.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Made by an orchestrator; waits for addresses and ports.
    #[default]
    New = 0,
    /// Has what it needs; waits for a node.
    Pending = 64,
    /// Has a node.
    Assigned = 192,
    /// The node has taken it.
    Accepted = 256,
    /// The node fetches the image and makes the container.
    Preparing = 320,
    /// The container could start; held here until it is wanted running.
    Ready = 384,
    /// The container is being started, or is not healthy yet.
    Starting = 448,
    /// The container runs and is healthy.
    Running = 512,
    /// Ended by itself, with exit code 0.
    Complete = 576,
    /// Stopped because it was told to.
    Shutdown = 640,
    /// Ended with an error after it was started.
    Failed = 704,
    /// Could not be started.
    Rejected = 768,
    /// Desired only: stop it, then forget it.
    Remove = 800,
    /// Its node is gone for good; nobody knows what became of it.
    Orphaned = 832,
}

impl TaskState {
    /// Every state, in order.
    pub const ALL: [Self; 14] = [
        Self::New,
        Self::Pending,
        Self::Assigned,
        Self::Accepted,
        Self::Preparing,
        Self::Ready,
        Self::Starting,
        Self::Running,
        Self::Complete,
        Self::Shutdown,
        Self::Failed,
        Self::Rejected,
        Self::Remove,
        Self::Orphaned,
    ];

    /// Whether an observed task in this state has ended for good.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self > Self::Running
    }

    /// Whether a task that should be in this state is wanted: to run on, or to end by itself if it is one of a job.
    #[must_use]
    pub fn is_wanted(self) -> bool {
        self <= Self::Complete
    }

    /// The name in the Docker API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Shutdown => "shutdown",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Remove => "remove",
            Self::Orphaned => "orphaned",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TaskState {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| crate::error::Error::unknown(format!("invalid task state: {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_the_order_of_life() {
        assert!(TaskState::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn what_comes_after_running_is_terminal() {
        assert!(!TaskState::Running.is_terminal());
        assert!(TaskState::Complete.is_terminal());
        assert!(TaskState::Orphaned.is_terminal());
    }

    #[test]
    fn names_read_back() {
        for state in TaskState::ALL {
            assert_eq!(state.as_str().parse::<TaskState>().expect("a state"), state);
            assert_eq!(serde_json::to_string(&state).expect("serializes"), format!("\"{state}\""));
        }
    }
}
