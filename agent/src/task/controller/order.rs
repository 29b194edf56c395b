//! What a controller is told to do.

use std::sync::Arc;

use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::task_state::TaskState;

use crate::task::files::Documents;

/// What the controller is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Have the task be as it is assigned.
    Keep(Assigned),
    /// The task is no longer assigned: stop it, remove it, end.
    Forget(Assigned),
}

/// A task with the networks it is on, and the secrets and configs it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) task: Arc<TaskAssignment>,
    /// The networks of its attachments, in the same order. Shorter if the node does not know one.
    pub(crate) networks: Vec<Arc<NetworkAssignment>>,
    /// The secrets and configs that the node knows.
    pub(crate) documents: Documents,
}

impl Order {
    /// The task.
    pub(super) fn assigned(&self) -> &Assigned {
        let (Self::Keep(assigned) | Self::Forget(assigned)) = self;
        assigned
    }

    /// How far the task is to be.
    pub(super) fn desired(&self) -> TaskState {
        match self {
            Self::Keep(assigned) => assigned.task.desired_state,
            Self::Forget(_) => TaskState::Remove,
        }
    }
}
