//! How often tasks have ended while a service was watched, and when that is often enough.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::api::Service;
use swarmlite_proto::api::Task;
use swarmlite_proto::api::UpdateState;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::task_state::TaskState;

use super::End;
use super::Observation;

/// The place of a task in its service: its slot, or for global services its node.
type SlotId<'a> = (u64, Option<&'a NodeId>);

/// What is remembered between observations.
#[derive(Debug)]
pub(super) struct Failures {
    /// Gives up after so many; 0 stands for never.
    limit: u64,
    /// The tasks that had ended before they were watched. They are no failures of what is waited for.
    before: Option<BTreeSet<TaskId>>,
    /// The tasks that have ended since. The reaper forgets them earlier than we do.
    ended: BTreeMap<(u64, Option<NodeId>), BTreeSet<TaskId>>,
    /// Whether there was a reason to give up when last seen. Service and tasks are read one after the other, and
    /// what fits together badly only once is not believed.
    suspected: bool,
}

impl Failures {
    /// Gives up after so many failures of one slot; never if that is 0.
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, before: None, ended: BTreeMap::new(), suspected: false }
    }

    /// Counts from the next observation on: from now on tasks of another spec are seen.
    pub(super) fn start_again(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Takes in the tasks. Returns the end if it is pointless to wait for more.
    pub(super) fn observe(&mut self, seen: &Observation<'_>) -> Option<End> {
        let ended = || seen.tasks.iter().filter(|task| has_ended(task));
        let before =
            self.before.get_or_insert_with(|| ended().map(|task| task.id.clone()).collect());
        for task in ended().filter(|task| !before.contains(&task.id)) {
            let (slot, node) = place(task);
            self.ended.entry((slot, node.cloned())).or_default().insert(task.id.clone());
        }
        let end = self.too_many(seen).or_else(|| not_replaced(seen));
        let was_suspected = std::mem::replace(&mut self.suspected, end.is_some());
        end.filter(|_| was_suspected)
    }

    fn too_many(&self, seen: &Observation<'_>) -> Option<End> {
        let is_reached = |count: usize| self.limit > 0 && count as u64 >= self.limit;
        let ((slot, node), tasks) = self.ended.iter().find(|(_, tasks)| is_reached(tasks.len()))?;
        let name = name((*slot, node.as_ref()), seen);
        let why = format!(
            "service {} keeps failing: {} tasks of {name} have ended",
            seen.service.spec.name,
            tasks.len()
        );
        let last = seen.tasks.iter().filter(|task| tasks.contains(&task.id));
        Some(End::Failed { why, task: last.max_by_key(|task| order(task)).map(|it| it.id.clone()) })
    }
}

/// The end if a place stays empty: its last task has failed, and the restart policy starts no other. While an update is under way, tasks of
/// another spec that are not seen here may still be in the place.
fn not_replaced(seen: &Observation<'_>) -> Option<End> {
    let update = seen.service.update_status.as_ref().map(|status| status.state);
    let is_updating = matches!(update, Some(UpdateState::Updating | UpdateState::RollbackStarted));
    if is_updating || restarts_always(seen.service) {
        return None;
    }
    let mut last: BTreeMap<SlotId<'_>, &Task> = BTreeMap::new();
    for task in seen.tasks.iter().filter(|task| task.desired_state < TaskState::Remove) {
        let last = last.entry(place(task)).or_insert(task);
        if order(task) > order(last) {
            *last = task;
        }
    }
    let (place, task) = last.into_iter().find(|(_, task)| {
        task.desired_state.is_terminal()
            && matches!(task.status.state, TaskState::Failed | TaskState::Rejected)
    })?;
    let why = format!(
        "service {} keeps failing: {} has ended, and its restart policy allows no other task",
        seen.service.spec.name,
        name(place, seen)
    );
    Some(End::Failed { why, task: Some(task.id.clone()) })
}

/// Whether tasks are replaced whenever they end.
fn restarts_always(service: &Service) -> bool {
    service.spec.task_template.restart_policy.as_ref().is_none_or(|policy| {
        policy.condition != RestartCondition::None && policy.max_attempts.unwrap_or_default() == 0
    })
}

/// Whether a task has ended by itself.
fn has_ended(task: &Task) -> bool {
    matches!(task.status.state, TaskState::Complete | TaskState::Failed | TaskState::Rejected)
}

fn place(task: &Task) -> SlotId<'_> {
    (task.slot, task.node_id.as_ref().filter(|_| task.slot == 0))
}

/// Tasks of one place in the order in which they were wanted.
fn order(task: &Task) -> impl Ord + use<'_> {
    (!task.desired_state.is_terminal(), task.created_at, &task.id)
}

/// What a place is called.
fn name((slot, node): SlotId<'_>, seen: &Observation<'_>) -> String {
    let service = &seen.service.spec.name;
    let Some(id) = node else { return format!("{service}.{slot}") };
    let node = seen.nodes.iter().find(|node| node.id == *id);
    format!("{service} on {}", node.map_or(id.as_str(), |node| &node.description.hostname))
}
