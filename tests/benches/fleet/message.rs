//! What a simulated agent reads of what managers say: what it acts on, and nothing else. A real agent keeps all that it is told; a thousand in
//! one process would need more memory than the managers that are measured.

use serde::Deserialize;
use serde::de::IgnoredAny;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::Welcome;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::version::Generation;

/// [`swarmlite_proto::agent::ManagerMessage`].
#[derive(Debug, Deserialize)]
pub(crate) enum Heard {
    /// Always the first.
    Welcome(Welcome),
    /// What the node is to know.
    Assignments(Set),
    /// Statuses are in the replicated state.
    StatusesStored(u64),
    /// A heartbeat is asked for.
    HeartbeatNow,
    /// The rest.
    #[serde(
        alias = "RoleChanged",
        alias = "Trust",
        alias = "RenewCertificate",
        alias = "PublishLogs"
    )]
    Managers(IgnoredAny),
}

/// [`swarmlite_proto::agent::AssignmentSet`].
#[derive(Debug, Deserialize)]
pub(crate) struct Set {
    /// The state it was computed from.
    pub(crate) generation: Generation,
    /// Whether it is everything.
    pub(crate) complete: bool,
    /// New and changed assignments.
    pub(crate) put: Vec<Put>,
    /// Assignments that are no longer wanted.
    pub(crate) remove: Vec<AssignmentKey>,
}

/// [`swarmlite_proto::agent::Assignment`].
#[derive(Debug, Deserialize)]
pub(crate) enum Put {
    /// A task of this node.
    Task(Task),
    /// The rest.
    #[serde(
        alias = "Network",
        alias = "Endpoint",
        alias = "Secret",
        alias = "Config",
        alias = "Attachment"
    )]
    Peer(IgnoredAny),
}

/// [`swarmlite_proto::agent::TaskAssignment`].
#[derive(Debug, Deserialize)]
pub(crate) struct Task {
    /// The task.
    pub(crate) id: TaskId,
    /// The name of its service.
    pub(crate) service_name: String,
    /// Where it should be.
    pub(crate) desired_state: TaskState,
}

impl Put {
    /// The task, if it is one.
    pub(crate) const fn task_id(&self) -> Option<&TaskId> {
        match self {
            Self::Task(task) => Some(&task.id),
            Self::Peer(_) => None,
        }
    }
}
