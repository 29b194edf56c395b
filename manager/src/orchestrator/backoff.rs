//! Crash loops: a task that keeps failing soon after its start waits longer each time, beyond the fixed delay of the restart policy.
//!
//! Docker tries again every five seconds for ever, and so keeps nodes, registries and logs busy with what cannot work. Here the delay
//! doubles with every failure in a row, up to five minutes ([`restart_delay`]). How many there were is read off the tasks that the slot still has, which is
//! why the reaper keeps as many as [`history`] says. The delay is never shorter than the policy's, and a task that only
//! ends, with exit code 0, is started again as the policy says: there are services that work like that.

use std::time::Duration;

use swarmlite_proto::backoff::LONGEST;
use swarmlite_proto::backoff::STABLE;
use swarmlite_proto::backoff::restart_delay;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use super::slot::Slot;
use crate::placement::are_alike;
use crate::state::State;

/// How many tasks of a slot tell all that [`restart_delay`] asks: the longest delay is reached with the failures of all but the one that waits.
pub(super) fn history(base: Duration) -> usize {
    (1..).find(|failures| restart_delay(base, *failures) >= LONGEST).unwrap_or(1) + 1
}

/// How many tasks of `slot` have failed in a row, soon after their start, up to `last`.
pub(super) fn failures(state: &State, slot: &Slot<'_>, last: &Task) -> usize {
    let until = slot.tasks.iter().position(|task| task.id == last.id).map_or(0, |last| last + 1);
    let earlier = slot.tasks.iter().take(until).rev();
    earlier.take_while(|task| has_crashed(task) && belong_together(state, task, last)).count()
}

fn has_crashed(task: &Task) -> bool {
    matches!(task.status.state, TaskState::Failed | TaskState::Rejected)
        && task.status.timestamp.since(task.meta.created_at) < STABLE
}

/// A new spec, or a new iteration of a job, may work where the one before did not.
fn belong_together(state: &State, one: &Task, other: &Task) -> bool {
    one.job_iteration == other.job_iteration && are_alike(state, one, other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_failures_that_make_the_delay_longer_are_known() {
        assert_eq!(history(Duration::from_secs(5)), 8);
    }

    proptest! {
        #[test]
        fn what_the_reaper_keeps_tells_the_longest_delay(base in 0_u64..1_000) {
            let base = Duration::from_secs(base);
            let known = history(base) - 1;
            prop_assert_eq!(restart_delay(base, known), LONGEST.max(base));
            prop_assert_eq!(restart_delay(base, known + 1), LONGEST.max(base));
        }
    }
}
