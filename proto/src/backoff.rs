//! How long to wait before something is tried again that keeps failing. Pure: randomness is an argument.

use std::time::Duration;

/// The longest delay before a task that keeps failing is started again, unless the policy's own is longer (Kubernetes,
/// `MaxContainerBackOff`).
pub const LONGEST: Duration = Duration::from_secs(5 * 60);

/// A task that lived so long has worked: what fails then is no crash loop. Twice [`LONGEST`], so that the delay cannot make up for it where
/// that is counted in.
pub const STABLE: Duration = Duration::from_secs(10 * 60);

/// What the delay grows from if the policy has none.
const SHORTEST: Duration = Duration::from_secs(1);

/// The delay before a task is started again, where its policy's delay is `base`, after so many failures in a row. Never shorter than
/// `base`.
#[must_use]
pub fn restart_delay(base: Duration, failures: usize) -> Duration {
    match u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX) {
        0 => base,
        doublings => doubled(base.max(SHORTEST), doublings, LONGEST.max(base)),
    }
}

/// `first`, doubled so many times, and at most `longest`.
#[must_use]
pub fn doubled(first: Duration, doublings: u32, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest)
}

/// `wait`, or less: `jitter` (0 to 1) takes away up to half of what is in it beyond `least`, so that those who failed together are not back
/// together.
#[must_use]
pub fn jittered(wait: Duration, least: Duration, jitter: f64) -> Duration {
    wait - wait.saturating_sub(least).mul_f64(jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_delay_doubles_up_to_five_minutes() {
        let seconds = |failures| restart_delay(Duration::from_secs(5), failures).as_secs();
        let delays: Vec<u64> = (0..10).map(seconds).collect();
        assert_eq!(delays, [5, 5, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn a_policy_without_delay_has_one_from_the_second_failure_on() {
        let delays = [0, 1, 2, 3].map(|failures| restart_delay(Duration::ZERO, failures).as_secs());
        assert_eq!(delays, [0, 0, 2, 4]);
    }

    proptest! {
        #[test]
        fn a_delay_is_never_shorter_than_the_policys_and_only_grows(
            base in 0_u64..100_000_000,
            failures in 0_usize..100,
            jitter in -1.0..2.0,
        ) {
            let base = Duration::from_micros(base * 100);
            let now = restart_delay(base, failures);
            prop_assert!(now >= base);
            prop_assert!(now <= LONGEST.max(base));
            prop_assert!(restart_delay(base, failures + 1) >= now);
            let jittered = jittered(now, base, jitter);
            prop_assert!(base <= jittered && jittered <= now && jittered >= now / 2);
        }
    }
}
