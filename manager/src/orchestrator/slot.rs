//! A slot: the tasks of one service that take each other's place, of which one is wanted at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use super::is_live;
use super::restart;
use crate::state::State;

/// What identifies a slot within its service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Its number, in a replicated service.
    Slot(u64),
    /// Its node, in a global one.
    Node(NodeId),
}

impl Place {
    /// Where a task belongs. The tasks of global services have a node from the start and no number.
    pub(super) fn of(task: &Task, is_global: bool) -> Self {
        match &task.node_id {
            Some(node) if is_global => Self::Node(node.clone()),
            _ => Self::Slot(task.slot),
        }
    }
}

/// The tasks that have been in one place.
#[derive(Clone, Debug)]
pub(super) struct Slot<'a> {
    pub(super) place: Place,
    /// All that are still known, oldest first.
    pub(super) tasks: Vec<&'a Arc<Task>>,
}

impl<'a> Slot<'a> {
    /// A place where no task has been.
    pub(super) const fn empty(place: Place) -> Self {
        Self { place, tasks: Vec::new() }
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
        let position = self.tasks.iter().position(|other| other.id == task.id)?;
        self.tasks.get(position.checked_sub(1)?).copied()
    }

    /// Whether the place is taken: by a task that is wanted, or by one that has ended and must not be restarted.
    pub(super) fn is_occupied(&self, state: &State) -> bool {
        self.live().next().is_some() || self.exhausted(state).is_some()
    }

    /// The last task of a place that stays empty until the spec changes, as the restart policy forbids another.
    pub(super) fn exhausted(&self, state: &State) -> Option<&'a Arc<Task>> {
        let newest = self.newest()?;
        let stays_empty = !is_live(newest) && !restart::is_allowed(state, newest, self);
        stays_empty.then_some(newest)
    }

    /// Whether a task of it runs.
    pub(super) fn is_running(&self) -> bool {
        self.live().any(|task| task.status.state == TaskState::Running)
    }
}

/// The slots of a service in the order of their places.
pub(super) fn slots_of<'a>(state: &'a State, service: &ServiceId) -> BTreeMap<Place, Slot<'a>> {
    let mut slots: BTreeMap<Place, Slot<'a>> = BTreeMap::new();
    // A service may be gone before its tasks are, but it never changes from one to the other.
    let is_global = state
        .tasks_of_service(service)
        .find_map(|task| state.revision_of(task))
        .is_some_and(|revision| revision.service.mode.is_global());
    for task in state.tasks_of_service(service) {
        let place = Place::of(task, is_global);
        slots.entry(place.clone()).or_insert_with(|| Slot::empty(place)).tasks.push(task);
    }
    for slot in slots.values_mut() {
        // Clocks of leaders differ a little, but a task that is wanted always comes after those that were.
        slot.tasks.sort_by_key(|task| {
            (is_live(task), task.meta.created_at, task.meta.version, task.id.clone())
        });
    }
    slots
}
