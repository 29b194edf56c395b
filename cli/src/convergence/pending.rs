//! How long tasks have waited for a node, and when the user is to be told why.

use std::time::Duration;

use swarmlite_proto::api::Task;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

/// Tasks that wait for a node no longer than this may just have come before what they need.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is remembered between observations.
#[derive(Debug, Default)]
pub(super) struct Pending {
    since: Option<Timestamp>,
    told: bool,
}

impl Pending {
    /// Takes in the tasks. Returns whether it is time to say why some of them have no node: once for each time that they wait.
    pub(super) fn observe(&mut self, tasks: &[Task], now: Timestamp) -> bool {
        if !tasks.iter().any(waits) {
            *self = Self::default();
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let is_time = !self.told && now.since(since) >= PATIENCE;
        self.told |= is_time;
        is_time
    }
}

/// Whether a task was refused by the nodes that there are.
fn waits(task: &Task) -> bool {
    task.status.state == TaskState::Pending
        && task.desired_state.is_wanted()
        && !task.status.err.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::tasks;

    #[test]
    fn whoever_waits_long_enough_is_told_once() {
        let waiting = tasks();
        let placed = &waiting[1..];
        let mut pending = Pending::default();
        let mut told = |seconds: u64, tasks: &[Task]| {
            pending.observe(tasks, Timestamp::EPOCH + Duration::from_secs(seconds))
        };
        assert_eq!(
            [0, 2, 3, 4, 9].map(|second| told(second, &waiting)),
            [false, false, true, false, false]
        );
        // Whatever waits later is another matter.
        assert_eq!([10, 20].map(|second| told(second, placed)), [false, false]);
        assert_eq!([21, 23, 24].map(|second| told(second, &waiting)), [false, false, true]);
    }

    #[test]
    fn what_no_node_has_refused_yet_does_not_count() {
        let mut new = tasks();
        new[0].status.err.clear();
        let mut pending = Pending::default();
        for seconds in [0, 10] {
            assert!(!pending.observe(&new, Timestamp::EPOCH + Duration::from_secs(seconds)));
        }
    }
}
