//! When the successor of a task that ended by itself may start.

use std::sync::Arc;
use std::time::Duration;

use swarmlite_manager::state::State;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::Name;
use crate::world::World;

impl World {
    /// A task that took the place of one that ended by itself is not wanted running before the delay of the restart policy is over.
    pub(super) fn check_restarts(&mut self, before: &State, at: Timestamp) {
        let mut hasty = None;
        let state = self.log.state();
        for task in state.tasks().values() {
            let old = before.tasks().get(&task.id);
            if old.is_none()
                && let Some(ended) = replaced(before, state, task)
            {
                self.watch.restarts.insert(task.id.clone(), ended.id.clone());
            }
            let starts = is_to_start(task) && !old.is_some_and(|old| is_to_start(old));
            let ended = self.watch.restarts.get(&task.id).filter(|_| starts);
            let waited = at.since(task.meta.created_at);
            hasty = hasty.or(ended
                .and_then(|id| before.tasks().get(id))
                .filter(|ended| is_waited_for(state, ended) && waited < delay_of(before, ended))
                .map(|ended| format!("{} starts {waited:?} after {ended:?}", task.id)));
        }
        if let Some(what) = hasty.filter(|_| !self.watch.clocks_were_set) {
            self.watch.fail(Name::RestartsWait, what);
        }
    }
}

/// The task that ended by itself, and in whose place the same change puts `new`.
fn replaced<'a>(before: &'a State, state: &State, new: &Task) -> Option<&'a Arc<Task>> {
    let global = state.revision_of(new).is_some_and(|it| it.service.mode.is_global());
    before.tasks_of_service(&new.service_id).find(|old| {
        let now = state.tasks().get(&old.id).map(|now| now.desired_state);
        let (ended, was) = (old.status.state, old.desired_state);
        old.slot == new.slot
            && (!global || old.node_id == new.node_id)
            && (old.spec_version, old.job_iteration) == (new.spec_version, new.job_iteration)
            && matches!(ended, TaskState::Complete | TaskState::Failed | TaskState::Rejected)
            && was < TaskState::Shutdown
            && now == Some(TaskState::Shutdown)
    })
}

fn is_to_start(task: &Task) -> bool {
    matches!(task.desired_state, TaskState::Running | TaskState::Complete)
}

/// What has to leave its node, or is to be forgotten, is not what might end at once again.
fn is_waited_for(state: &State, ended: &Task) -> bool {
    let node = ended.node_id.as_ref().and_then(|node| state.nodes().get(node));
    node.is_none_or(|node| node.spec.availability != Availability::Drain)
        && ended.desired_state != TaskState::Remove
}

fn delay_of(state: &State, ended: &Task) -> Duration {
    let policy = state.revision_of(ended).and_then(|it| it.task.restart_policy.as_ref());
    policy.map_or(Duration::ZERO, |policy| policy.delay().to_duration())
}
