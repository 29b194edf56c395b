//! What can be read off a task: whether it is wanted, runs, has traffic or has stopped.

use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use crate::state::State;

/// Whether the task is wanted, now or soon.
pub(super) fn is_live(task: &Task) -> bool {
    task.desired_state.is_wanted()
}

/// Where the tasks of `service` should get: a job's should end by themselves.
pub(super) const fn goal(service: &Service) -> TaskState {
    if service.spec.mode.is_job() { TaskState::Complete } else { TaskState::Running }
}

/// Whether the task runs, and every node that concerns knows it.
pub(super) fn is_routed(task: &Task) -> bool {
    task.status.state == TaskState::Running && matches!(task.routing, Routing::Routed { .. })
}

/// Whether nothing of the task runs any more, as far as can be known. Nobody waits for a node that is down.
pub(super) fn has_stopped(state: &State, task: &Task) -> bool {
    let silent = |node: &NodeId| {
        state.nodes().get(node).is_none_or(|node| node.status.state == NodeState::Down)
    };
    task.status.state.is_terminal() || task.node_id.as_ref().is_some_and(silent)
}

/// The iteration that a job is in; `None` for a service that is no job.
pub(super) fn iteration_of(service: &Service) -> Option<u64> {
    service.job_status.map(|status| status.job_iteration.index)
}
