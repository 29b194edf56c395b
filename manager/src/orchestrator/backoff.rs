//! Crash loops: a task that keeps failing soon after its start waits longer each time, beyond the fixed delay of the restart policy.
//!
//! Docker tries again every five seconds for ever, and so keeps nodes, registries and logs busy with what cannot work. Here the delay
//! doubles with every failure in a row, up to [`LONGEST`]. How many there were is read off the tasks that the slot still has, which is
//! why the reaper keeps as many as [`history`] says. The delay is never shorter than the policy's, and a task that only
//! ends, with exit code 0, is started again as the policy says: there are services that work like that.

use std::time::Duration;

use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use super::dirty::are_alike;
use super::slot::Slot;
use crate::state::State;

/// The longest delay, unless the policy's own is longer (Kubernetes, `MaxContainerBackOff`).
pub(super) const LONGEST: Duration = Duration::from_secs(5 * 60);

/// What the delay grows from if the policy has none.
const SHORTEST: Duration = Duration::from_secs(1);

/// A task that lived so long, its delay included, has worked: what fails then is no crash loop. Twice [`LONGEST`], so that the delay
/// cannot make up for it.
pub(super) const STABLE: Duration = Duration::from_secs(10 * 60);

/// The delay before the next try, where the policy's delay is `base`, after so many failures in a row.
pub(super) fn delay(base: Duration, failures: usize) -> Duration {
    let doublings = failures.saturating_sub(1);
    if doublings == 0 {
        return base;
    }
    let factor = u32::try_from(doublings).ok().and_then(|doublings| 2_u32.checked_pow(doublings));
    let grown = factor.and_then(|factor| base.max(SHORTEST).checked_mul(factor));
    grown.unwrap_or(LONGEST).clamp(base, LONGEST.max(base))
}

/// How many tasks of a slot tell all that [`delay`] asks: the longest delay is reached with the failures of all but the one that waits.
pub(super) fn history(base: Duration) -> usize {
    (1..).find(|failures| delay(base, *failures) >= LONGEST).unwrap_or(1) + 1
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
    fn the_delay_doubles_up_to_five_minutes() {
        let seconds = |failures| delay(Duration::from_secs(5), failures).as_secs();
        let delays: Vec<u64> = (0..10).map(seconds).collect();
        assert_eq!(delays, [5, 5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(history(Duration::from_secs(5)), 8);
    }

    #[test]
    fn a_policy_without_delay_has_one_from_the_second_failure_on() {
        let delays = [0, 1, 2, 3].map(|failures| delay(Duration::ZERO, failures).as_secs());
        assert_eq!(delays, [0, 0, 2, 4]);
    }

    proptest! {
        #[test]
        fn a_delay_is_never_shorter_than_the_policys_and_only_grows(
            base in 0_u64..100_000_000,
            failures in 0_usize..100,
        ) {
            let base = Duration::from_micros(base * 100);
            let now = delay(base, failures);
            prop_assert!(now >= base);
            prop_assert!(now <= LONGEST.max(base));
            prop_assert!(delay(base, failures + 1) >= now);
            prop_assert!(failures < history(base) || delay(base, failures) == LONGEST.max(base));
        }

        #[test]
        fn what_the_reaper_keeps_tells_the_longest_delay(base in 0_u64..1_000) {
            let base = Duration::from_secs(base);
            let known = history(base) - 1;
            prop_assert_eq!(delay(base, known), LONGEST.max(base));
        }
    }
}
