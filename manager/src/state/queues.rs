//! What waits for a loop to do something for it: kept as objects change, so that such a loop looks at what waits and at nothing else.

use imbl::OrdSet;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::version::Version;

/// A task beside those that are made from the same spec.
pub(super) type Place = (ServiceId, Version, TaskId);

/// What waits for what.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Queues {
    /// Services whose spec is newer than their addresses and ports.
    pub(super) unallocated: OrdSet<ServiceId>,
    /// Tasks that wait for addresses.
    pub(super) new: OrdSet<Place>,
    /// Tasks that wait for a node.
    pub(super) pending: OrdSet<Place>,
    /// Tasks of which the nodes have yet to confirm that they are in their tables, or out of them.
    pub(super) unconfirmed: OrdSet<TaskId>,
}

impl Queues {
    /// A service has changed, or is gone.
    pub(super) fn change_service(&mut self, id: &ServiceId, new: Option<&Service>) {
        if new.is_some_and(|new| new.endpoint.spec_version != Some(new.spec_version)) {
            self.unallocated.insert(id.clone());
        } else {
            self.unallocated.remove(id);
        }
    }

    /// A task has changed from `old` to `new`.
    pub(super) fn change_task(&mut self, old: Option<&Task>, new: Option<&Task>) {
        let in_state = |task: &Task, state| {
            let waits = task.status.state == state && task.desired_state.is_wanted();
            waits.then(|| (task.service_id.clone(), task.spec_version, task.id.clone()))
        };
        change_member(&mut self.new, old, new, |task| in_state(task, TaskState::New));
        change_member(&mut self.pending, old, new, |task| in_state(task, TaskState::Pending));
        let unconfirmed = |task: &Task| is_unconfirmed(task).then(|| task.id.clone());
        change_member(&mut self.unconfirmed, old, new, unconfirmed);
    }
}

/// Whether the nodes have yet to confirm where the task now belongs: in their tables, or out of them.
fn is_unconfirmed(task: &Task) -> bool {
    match task.routing {
        Routing::Unrouted => {
            task.status.state == TaskState::Running && task.desired_state.is_wanted()
        }
        Routing::Draining { .. } => true,
        Routing::Routed { .. } | Routing::Drained { .. } => false,
    }
}

/// Keeps one set of keys as a task changes: `key` says which it has.
pub(super) fn change_member<K: Ord + Clone>(
    set: &mut OrdSet<K>,
    old: Option<&Task>,
    new: Option<&Task>,
    key: impl Fn(&Task) -> Option<K>,
) {
    let (before, after) = (old.and_then(&key), new.and_then(&key));
    if before == after {
        return;
    }
    if let Some(key) = before {
        set.remove(&key);
    }
    if let Some(key) = after {
        set.insert(key);
    }
}
