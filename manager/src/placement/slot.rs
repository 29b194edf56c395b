//! What tells the slots of a service apart, which task counts in each, and which tasks of its slot a new task waits for.

use std::collections::BTreeMap;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use crate::state::State;

/// What identifies a slot within its service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SlotKey {
    /// Its number, in a replicated service.
    Number(u64),
    /// Its node, in a global one.
    Node(NodeId),
}

impl SlotKey {
    /// Where a task belongs. The tasks of global services have a node from the start and no number.
    pub(crate) fn of(task: &Task, is_global: bool) -> Self {
        match &task.node_id {
            Some(node) if is_global => Self::Node(node.clone()),
            _ => Self::Number(task.slot),
        }
    }
}

/// The task that counts in each slot of a service: of two, the one that is to stay.
pub(crate) fn live_slots<'a>(state: &'a State, service: &Service) -> BTreeMap<SlotKey, &'a Task> {
    let is_global = service.spec.mode.is_global();
    let mut slots: BTreeMap<SlotKey, &Task> = BTreeMap::new();
    let live = state
        .tasks_of_service(&service.id)
        .map(AsRef::as_ref)
        .filter(|task: &&Task| task.desired_state.is_wanted() && !task.status.state.is_terminal());
    for task in live {
        let slot = slots.entry(SlotKey::of(task, is_global)).or_insert(task);
        if task.meta.created_at > slot.meta.created_at {
            *slot = task;
        }
    }
    slots
}

/// The tasks that `task` is to replace once they have stopped: they still have what it will need.
pub(crate) fn predecessors<'a>(state: &'a State, task: &Task) -> impl Iterator<Item = &'a Task> {
    let is_global =
        state.revision_of(task).is_some_and(|revision| revision.service.mode.is_global());
    let (id, key) = (task.id.clone(), SlotKey::of(task, is_global));
    let waits = task.desired_state < TaskState::Running;
    let others = waits.then(|| state.tasks_of_service(&task.service_id));
    others.into_iter().flatten().map(AsRef::as_ref).filter(move |other: &&Task| {
        other.id != id
            && SlotKey::of(other, is_global) == key
            && other.desired_state.is_wanted()
            && !other.status.state.is_terminal()
    })
}
