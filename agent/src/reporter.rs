//! What became of tasks, on its way to the managers: the latest status of each task, kept until the managers have stored it.
//!
//! Nothing is lost when no manager answers, and nothing piles up: a newer status takes the place of an older one.

use std::collections::BTreeMap;

use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::TaskStatus;
use tokio::sync::watch;

/// How many statuses go in one message: one transaction of the managers should stay small.
const BATCH: usize = 256;

/// Collects statuses. Clones share what is collected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter {
    pending: watch::Sender<BTreeMap<TaskId, TaskStatus>>,
}

impl Reporter {
    /// Has `status` sent as soon as a manager answers. A state never goes back: an older one is dropped.
    pub(crate) fn report(&self, task: &TaskId, status: TaskStatus) {
        self.pending.send_if_modified(|pending| {
            let newer = pending.get(task).is_none_or(|known| known.state <= status.state);
            if newer {
                pending.insert(task.clone(), status);
            }
            newer
        });
    }

    /// The statuses that are to be sent next.
    #[must_use]
    pub(crate) fn batch(&self) -> Vec<TaskStatusUpdate> {
        let pending = self.pending.borrow();
        pending
            .iter()
            .take(BATCH)
            .map(|(task, status)| TaskStatusUpdate {
                task_id: task.clone(),
                status: status.clone(),
            })
            .collect()
    }

    /// Forgets what the managers have stored. A status that has changed since it was sent stays.
    pub(crate) fn stored(&self, batch: &[TaskStatusUpdate]) {
        self.pending.send_if_modified(|pending| {
            for update in batch {
                if pending.get(&update.task_id) == Some(&update.status) {
                    pending.remove(&update.task_id);
                }
            }
            false
        });
    }

    /// How many statuses have not been stored yet.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.pending.borrow().len()
    }

    /// Wakes whenever there is something new.
    #[must_use]
    pub(crate) fn changes(&self) -> watch::Receiver<BTreeMap<TaskId, TaskStatus>> {
        self.pending.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::task_state::TaskState;

    use super::*;

    fn status(state: TaskState) -> TaskStatus {
        TaskStatus { state, ..TaskStatus::default() }
    }

    fn task(letter: char) -> TaskId {
        letter.to_string().repeat(25).parse().expect("an id")
    }

    #[test]
    fn only_the_latest_status_is_sent_and_never_an_older_one() {
        let reporter = Reporter::default();
        for state in [TaskState::Accepted, TaskState::Running, TaskState::Starting] {
            reporter.report(&task('a'), status(state));
        }
        let batch = reporter.batch();
        assert_eq!(batch.len(), 1);
        assert_eq!(batch[0].status.state, TaskState::Running);
    }

    #[test]
    fn what_changed_after_it_was_sent_is_sent_again() {
        let reporter = Reporter::default();
        reporter.report(&task('a'), status(TaskState::Running));
        reporter.report(&task('b'), status(TaskState::Running));
        let sent = reporter.batch();
        reporter.report(&task('a'), status(TaskState::Failed));
        reporter.stored(&sent);
        let left = reporter.batch();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].status.state, TaskState::Failed);
        reporter.stored(&left);
        assert_eq!(reporter.waiting(), 0);
    }
}
