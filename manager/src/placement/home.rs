//! Where the volumes of a task are that are on one node alone.

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::Volumes;
use swarmlite_proto::task_state::TaskState;

use crate::state::State;

/// The node on which the last task in a slot of a replicated service was, if its tasks are to stay with their volumes. As far as the history of
/// the slot goes, which always has the last task that ended, and for as long as the node is in the cluster.
pub(crate) fn home<'a>(
    state: &'a State,
    service: &ServiceId,
    placement: Option<&Placement>,
    slot: u64,
) -> Option<&'a NodeId> {
    placement.filter(|placement| stays(placement))?;
    let tasks = state.tasks_of_service(service).filter(|task| task.slot == slot && was_there(task));
    let last = tasks.max_by_key(|task| (task.meta.created_at, task.meta.version));
    last?.node_id.as_ref().filter(|node| state.nodes().contains_key(*node))
}

fn stays(placement: &Placement) -> bool {
    placement.volumes.as_deref() == Some(Volumes::Stay.as_str())
}

/// Whether the task has been on its node, where the engine makes its volumes. What was rejected has never come so far.
fn was_there(task: &Task) -> bool {
    task.status.state >= TaskState::Assigned && task.status.state != TaskState::Rejected
}
