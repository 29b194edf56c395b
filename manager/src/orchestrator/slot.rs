//! A slot: the tasks of one service that take each other's place, of which one is wanted at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use super::task::is_live;
use crate::placement::SlotKey;
use crate::state::State;

/// The tasks that have been in one slot.
#[derive(Clone, Debug)]
pub(super) struct Slot<'a> {
    pub(super) key: SlotKey,
    /// All that are still known, oldest first.
    pub(super) tasks: Vec<&'a Arc<Task>>,
}

impl<'a> Slot<'a> {
    /// A slot that no task has been in.
    pub(super) const fn empty(key: SlotKey) -> Self {
        Self { key, tasks: Vec::new() }
    }

    /// The tasks that are wanted.
    pub(super) fn live(&self) -> impl Iterator<Item = &'a Arc<Task>> + '_ {
        self.tasks.iter().copied().filter(|task| is_live(task))
    }

    /// The newest task that is not to be forgotten.
    pub(super) fn newest(&self) -> Option<&'a Arc<Task>> {
        self.tasks.iter().rev().copied().find(|task| task.desired_state < TaskState::Remove)
    }

    /// The task that was here before `task`.
    pub(super) fn predecessor(&self, task: &Task) -> Option<&'a Arc<Task>> {
        self.before(task).next()
    }

    /// The tasks that were here before `task`, the newest first.
    pub(super) fn before(&self, task: &Task) -> impl Iterator<Item = &'a Arc<Task>> + '_ {
        let position = self.tasks.iter().position(|other| other.id == task.id);
        self.tasks.iter().take(position.unwrap_or_default()).rev().copied()
    }

    /// Whether a task of it runs.
    pub(super) fn is_running(&self) -> bool {
        self.live().any(|task| task.status.state == TaskState::Running)
    }
}

/// The slots of a service in the order of their places.
pub(super) fn slots_of<'a>(state: &'a State, service: &ServiceId) -> BTreeMap<SlotKey, Slot<'a>> {
    let mut slots: BTreeMap<SlotKey, Slot<'a>> = BTreeMap::new();
    // A service may be gone before its tasks are, but it never changes from one to the other.
    let is_global = state
        .tasks_of_service(service)
        .find_map(|task| state.revision_of(task))
        .is_some_and(|revision| revision.service.mode.is_global());
    for task in state.tasks_of_service(service) {
        let key = SlotKey::of(task, is_global);
        slots.entry(key.clone()).or_insert_with(|| Slot::empty(key)).tasks.push(task);
    }
    for slot in slots.values_mut() {
        // In the order of the writes that made them, as clocks of leaders differ, and may be set back. A task that is wanted always comes after
        // those that were. Older states do not tell which write made a task.
        slot.tasks.sort_by_key(|task| {
            let made = (task.meta.spec_changed, task.meta.created_at, task.meta.version);
            (is_live(task), made, task.id.clone())
        });
    }
    slots
}
