//! Whether a running task is to get requests, from what its readiness check has said so far. Pure.
//!
//! A task that has not passed its check yet is not ready; one pass makes it ready, and so many failures in a row make it not ready again.

use std::time::Duration;

use swarmlite_proto::spec::ReadinessConfig;

/// The longest time between checks of a task that has not passed yet: whoever waits for it should not wait for the next check.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// Why a task is not ready that was not checked yet.
pub(crate) const UNCHECKED: &str = "its readiness check has not passed yet";

/// What one check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The task is ready.
    Passed,
    /// It is not, for this reason.
    Failed(String),
    /// It could not be found out. Says nothing about the task.
    Unknown,
}

/// What is known about a task.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    interval: Duration,
    start_period: Duration,
    retries: i64,
    not_ready: Option<String>,
    /// Failures in a row.
    failures: i64,
    has_passed: bool,
}

impl Readiness {
    /// A task that was `not_ready` for this reason, or was ready, when it was last heard of.
    #[must_use]
    pub(crate) fn new(config: &ReadinessConfig, not_ready: Option<String>) -> Self {
        Self {
            interval: config.interval().to_duration(),
            start_period: config.start_period.to_duration(),
            retries: config.retries(),
            has_passed: not_ready.is_none(),
            not_ready,
            failures: 0,
        }
    }

    /// Why the task is not ready; none if it is.
    #[must_use]
    pub(crate) fn not_ready(&self) -> Option<&str> {
        self.not_ready.as_deref()
    }

    /// Takes what a check has said, this long after the container was started.
    pub(crate) fn take(&mut self, outcome: Outcome, age: Duration) {
        match outcome {
            Outcome::Unknown => {}
            Outcome::Passed => {
                self.failures = 0;
                self.not_ready = None;
                self.has_passed = true;
            }
            Outcome::Failed(_) if self.not_ready.is_none() && age < self.start_period => {}
            Outcome::Failed(reason) => {
                self.failures = self.failures.saturating_add(1);
                let why = match self.not_ready {
                    None => self.failures >= self.retries,
                    // The first reason that is one. Others are not told, as each would be written by the managers.
                    Some(_) => self.failures == 1,
                };
                if why {
                    self.not_ready = Some(reason);
                }
            }
        }
    }

    /// How long to wait until the next check.
    #[must_use]
    pub(crate) fn pause(&self) -> Duration {
        if self.has_passed { self.interval } else { self.interval.min(FIRST_INTERVAL) }
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::time::Nanoseconds;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn config() -> ReadinessConfig {
        ReadinessConfig {
            interval: Nanoseconds::from_secs(7),
            retries: 2,
            start_period: Nanoseconds::from_secs(60),
            ..ReadinessConfig::default()
        }
    }

    fn failed(reason: &str) -> Outcome {
        Outcome::Failed(reason.to_owned())
    }

    #[test]
    fn a_task_is_ready_once_it_has_passed_and_not_before() {
        let mut task = Readiness::new(&config(), Some(UNCHECKED.to_owned()));
        assert_eq!((task.not_ready(), task.pause()), (Some(UNCHECKED), SECOND));
        task.take(Outcome::Unknown, SECOND);
        assert_eq!(task.not_ready(), Some(UNCHECKED));
        task.take(failed("a"), SECOND);
        task.take(failed("b"), SECOND);
        assert_eq!((task.not_ready(), task.pause()), (Some("a"), SECOND));
        task.take(Outcome::Passed, SECOND);
        assert_eq!((task.not_ready(), task.pause()), (None, SECOND * 7));
    }

    #[test]
    fn so_many_failures_in_a_row_make_it_not_ready_and_one_pass_ready() {
        let late = SECOND * 60;
        let mut task = Readiness::new(&config(), None);
        for outcome in [failed("a"), Outcome::Passed, failed("b"), Outcome::Unknown] {
            task.take(outcome, late);
            assert_eq!(task.not_ready(), None);
        }
        task.take(failed("c"), late);
        assert_eq!((task.not_ready(), task.pause()), (Some("c"), SECOND * 7));
        task.take(failed("d"), late);
        assert_eq!(task.not_ready(), Some("c"));
        task.take(Outcome::Passed, late);
        assert_eq!(task.not_ready(), None);
    }

    #[test]
    fn in_the_start_period_no_failure_counts() {
        let mut task = Readiness::new(&config(), None);
        for _ in 0..10 {
            task.take(failed("a"), SECOND * 59);
        }
        task.take(failed("b"), SECOND * 60);
        assert_eq!(task.not_ready(), None);
        task.take(failed("c"), SECOND * 61);
        assert_eq!(task.not_ready(), Some("c"));
    }

    #[test]
    fn defaults_stand_in_for_what_is_not_given() {
        let mut task = Readiness::new(&ReadinessConfig::default(), None);
        assert_eq!(task.pause(), SECOND * 5);
        for expected in [None, None, Some("a")] {
            task.take(failed("a"), SECOND);
            assert_eq!(task.not_ready(), expected);
        }
    }
}
