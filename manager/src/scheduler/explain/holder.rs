//! Who has a port of a node.

use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use crate::scheduler::candidate::Candidate;
use crate::state::State;
use crate::state::host_ports;

/// The task that has `port` of the node.
pub(super) fn of_port<'a>(
    state: &'a State,
    candidate: &Candidate<'_>,
    port: u16,
) -> Option<&'a Task> {
    let tasks = state.tasks_of_node(candidate.id()).map(AsRef::as_ref);
    tasks
        .filter(|task| task.status.state >= TaskState::Assigned && !task.status.state.is_terminal())
        .find(|task| {
            let revision = state.revision_of(task);
            revision.is_some_and(|revision| host_ports(revision).any(|(_, taken)| taken == port))
        })
}
