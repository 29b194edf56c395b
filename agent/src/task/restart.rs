//! Whether a container that has ended is started again in place: the same task, the same container, the same addresses. Pure.
//!
//! How a task ends is reported, and the managers replace it, perhaps elsewhere. Two ends are not left to them:
//!
//! - **Nobody has witnessed the end**: since the last look at which the container ran, the engine was away or was restarted, or the agent
//!   was, or the machine. An engine that goes away stops its containers (unless it is set to `live-restore`), and what ends in that time is
//!   taken to have ended because of that: it is started again as soon as the engine is back, and no task fails. The engine does not tell
//!   when it was started, and the time at which a container ended says nothing about why; so what counts is whether the agent's view of the
//!   engine was unbroken: every call was answered, and the stream of events did not end. An engine that is being stopped takes no new
//!   connections before it stops its first container (moby `cmd/dockerd/daemon.go`), so that no such end is seen by the agent.
//! - **No manager answers** until the delay of the restart policy has passed. The agent then does by itself what the policy says. A container that keeps
//!   failing waits longer each time, as the managers have it, and so does one that cannot be started.

use std::time::Duration;

use swarmlite_proto::backoff::LONGEST;
use swarmlite_proto::backoff::STABLE;
use swarmlite_proto::backoff::doubled;
use swarmlite_proto::backoff::jittered;
use swarmlite_proto::backoff::restart_delay;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::time::Timestamp;

/// The wait after the engine has refused to start a container again for the first time; doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(200);

/// What is done about a container that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The end is reported; the managers decide.
    Report,
    /// Nothing for this long, unless a manager answers before.
    Wait(Duration),
    /// It is started again in place.
    Restart,
}

/// How a container has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct End {
    /// Whether it failed: it ended with another code than 0, or was stopped because it was not healthy.
    pub(crate) failed: bool,
    /// Whether the engine was watched all the time from the last look at which it ran.
    pub(crate) witnessed: bool,
    /// How long ago the end was noticed, or the engine last refused to start it again.
    pub(crate) ago: Duration,
    /// How often it has failed in a row, this time included.
    pub(crate) failures: usize,
    /// How often the engine has refused to start it again.
    pub(crate) refusals: u32,
    /// How much of what it waits beyond the policy's delay it is spared: 0 to 1, drawn for each end.
    pub(crate) jitter: f64,
}

/// What else counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    /// Whether the node is in session with a manager.
    pub(crate) managed: bool,
    /// Whether the task is to end by itself, as those of jobs are.
    pub(crate) job: bool,
    /// When it was started again by policy before, on this node.
    pub(crate) attempts: &'a [Timestamp],
    /// The time.
    pub(crate) now: Timestamp,
}

/// What is done about a container that has ended, of a task with this policy.
#[must_use]
pub(crate) fn verdict(
    policy: &RestartPolicy,
    end: &End,
    circumstances: &Circumstances<'_>,
) -> Verdict {
    if !end.witnessed {
        // Most programs end with 0 when they are asked to stop, so that this says nothing, unless the task was to end by itself.
        let restarts = match policy.condition {
            RestartCondition::None => false,
            RestartCondition::OnFailure | RestartCondition::Any => end.failed || !circumstances.job,
        };
        return match restarts {
            true if circumstances.managed => Verdict::Restart,
            true => after(end, refused_delay(end)),
            false => Verdict::Report,
        };
    }
    let wanted = match policy.condition {
        RestartCondition::None => false,
        RestartCondition::Any if !circumstances.job => true,
        RestartCondition::OnFailure | RestartCondition::Any => end.failed,
    };
    if circumstances.managed || !wanted || is_exhausted(policy, circumstances) {
        return Verdict::Report;
    }
    let delay = if end.refusals > 0 { refused_delay(end) } else { policy_delay(policy, end) };
    after(end, delay)
}

/// It is started again when this much time has passed.
fn after(end: &End, delay: Duration) -> Verdict {
    match delay.saturating_sub(end.ago) {
        Duration::ZERO => Verdict::Restart,
        rest => Verdict::Wait(rest),
    }
}

/// How long a container waits that has ended.
fn policy_delay(policy: &RestartPolicy, end: &End) -> Duration {
    let base = policy.delay().to_duration();
    jittered(restart_delay(base, end.failures), base, end.jitter)
}

/// How long a container waits that the engine has refused to start again so often.
fn refused_delay(end: &End) -> Duration {
    match end.refusals.checked_sub(1) {
        Some(doublings) => {
            jittered(doubled(FIRST_RETRY, doublings, LONGEST), Duration::ZERO, end.jitter)
        }
        None => Duration::ZERO,
    }
}

/// How many ends in a row were failures, when one is added after which the container had `lived` so long. Who ends with 0 may work like
/// that.
#[must_use]
pub(crate) fn failures_in_a_row(before: usize, failed: bool, lived: Duration) -> usize {
    match failed {
        true if lived < STABLE => before.saturating_add(1),
        true => 1,
        false => 0,
    }
}

/// The attempts that count at `now`: with a window, only those within it.
#[must_use]
pub(crate) fn counted(
    policy: &RestartPolicy,
    attempts: &[Timestamp],
    now: Timestamp,
) -> Vec<Timestamp> {
    let window = policy.window.unwrap_or_default();
    let counts = |at: &&Timestamp| window.is_zero() || now.since(**at) <= window.to_duration();
    attempts.iter().filter(counts).copied().collect()
}

fn is_exhausted(policy: &RestartPolicy, circumstances: &Circumstances<'_>) -> bool {
    let max = usize::try_from(policy.max_attempts.unwrap_or(0)).unwrap_or(usize::MAX);
    max > 0 && counted(policy, circumstances.attempts, circumstances.now).len() >= max
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::time::Nanoseconds;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const CRASH: End = End {
        failed: true,
        witnessed: true,
        ago: Duration::from_secs(60),
        failures: 1,
        refusals: 0,
        jitter: 0.0,
    };
    const SUCCESS: End = End { failed: false, failures: 0, ..CRASH };

    fn alone() -> Circumstances<'static> {
        Circumstances { managed: false, job: false, attempts: &[], now: Timestamp::EPOCH }
    }

    fn policy(condition: RestartCondition) -> RestartPolicy {
        RestartPolicy { condition, ..RestartPolicy::default() }
    }

    #[test]
    fn managers_are_left_to_decide_if_there_are_any() {
        let managed = Circumstances { managed: true, ..alone() };
        for end in [CRASH, SUCCESS, End { ago: Duration::ZERO, ..CRASH }] {
            assert_eq!(verdict(&RestartPolicy::default(), &end, &managed), Verdict::Report);
        }
    }

    #[test]
    fn without_managers_the_condition_decides() {
        use RestartCondition::Any;
        use RestartCondition::None;
        use RestartCondition::OnFailure;
        use Verdict::Report;
        use Verdict::Restart;
        for (condition, job, after_crash, after_success) in [
            (None, false, Report, Report),
            (OnFailure, false, Restart, Report),
            (Any, false, Restart, Restart),
            (None, true, Report, Report),
            (OnFailure, true, Restart, Report),
            (Any, true, Restart, Report),
        ] {
            let alone = Circumstances { job, ..alone() };
            let verdict = |end| verdict(&policy(condition), end, &alone);
            assert_eq!(verdict(&CRASH), after_crash, "{condition:?} job {job}");
            assert_eq!(verdict(&SUCCESS), after_success, "{condition:?} job {job}");
        }
    }

    #[test]
    fn the_delay_counts_from_the_end() {
        let fresh = End { ago: Duration::from_secs(2), ..CRASH };
        let wait = |policy: &RestartPolicy| verdict(policy, &fresh, &alone());
        let default = RestartPolicy::default();
        assert_eq!(wait(&default), Verdict::Wait(Duration::from_secs(3)), "5 s is the default");
        let delayed = |seconds| RestartPolicy {
            delay: Some(Nanoseconds::from_secs(seconds)),
            ..RestartPolicy::default()
        };
        assert_eq!(wait(&delayed(9)), Verdict::Wait(Duration::from_secs(7)));
        assert_eq!(wait(&delayed(2)), Verdict::Restart);
        assert_eq!(wait(&delayed(0)), Verdict::Restart);
    }

    /// How many seconds `end` waits, of a task whose policy has this delay.
    fn waits(delay: i64, end: End) -> f64 {
        let policy = RestartPolicy {
            delay: Some(Nanoseconds::from_secs(delay)),
            ..RestartPolicy::default()
        };
        match verdict(&policy, &End { ago: Duration::ZERO, ..end }, &alone()) {
            Verdict::Wait(rest) => rest.as_secs_f64(),
            Verdict::Restart => 0.0,
            Verdict::Report => f64::INFINITY,
        }
    }

    #[test]
    fn what_keeps_failing_waits_longer_each_time_up_to_a_limit() {
        let delays = |delay, jitter| {
            [1, 2, 3, 4, 100].map(|failures| waits(delay, End { failures, jitter, ..CRASH }))
        };
        assert_eq!(delays(5, 0.0), [5.0, 10.0, 20.0, 40.0, 300.0]);
        assert_eq!(delays(5, 1.0), [5.0, 7.5, 12.5, 22.5, 152.5], "never less than the policy's");
        assert_eq!(delays(0, 0.0), [0.0, 2.0, 4.0, 8.0, 300.0], "no busy loop");
        assert_eq!(waits(5, SUCCESS), 5.0);
    }

    #[test]
    fn what_cannot_be_started_waits_longer_each_time_up_to_a_limit() {
        for witnessed in [true, false] {
            let delays =
                [1, 2, 3, 50].map(|refusals| waits(5, End { refusals, witnessed, ..CRASH }));
            assert_eq!(delays, [0.2, 0.4, 0.8, 300.0]);
        }
    }

    #[test]
    fn failures_are_in_a_row_if_each_comes_soon() {
        let ends =
            [(true, SECOND), (true, SECOND), (true, STABLE), (true, SECOND), (false, SECOND)];
        let mut failures = 0;
        let counts = ends.map(|(failed, lived)| {
            failures = failures_in_a_row(failures, failed, lived);
            failures
        });
        assert_eq!(counts, [1, 2, 1, 2, 0]);
    }

    #[test]
    fn attempts_are_counted_within_the_window() {
        let at = |seconds| Timestamp::EPOCH + Duration::from_secs(seconds);
        let attempts = [at(10), at(20), at(30)];
        let tried = Circumstances { attempts: &attempts, now: at(35), ..alone() };
        let limited = |max, window| RestartPolicy {
            max_attempts: Some(max),
            window: Some(Nanoseconds::from_secs(window)),
            ..RestartPolicy::default()
        };
        for (max, window, expected) in [
            (0, 0, Verdict::Restart),
            (3, 0, Verdict::Report),
            (4, 0, Verdict::Restart),
            (3, 20, Verdict::Restart),
            (2, 20, Verdict::Report),
            (1, 4, Verdict::Restart),
        ] {
            let verdict = verdict(&limited(max, window), &CRASH, &tried);
            assert_eq!(verdict, expected, "{max} in {window} s");
        }
        assert_eq!(counted(&limited(1, 20), &attempts, at(35)), [at(20), at(30)]);
    }

    #[test]
    fn what_ended_unwitnessed_is_started_again_at_once_whoever_is_there() {
        use RestartCondition::Any;
        use RestartCondition::None;
        use RestartCondition::OnFailure;
        use Verdict::Report;
        use Verdict::Restart;
        for (condition, job, failed, expected) in [
            (None, false, true, Report),
            (OnFailure, false, true, Restart),
            (OnFailure, false, false, Restart),
            (Any, false, false, Restart),
            (Any, true, false, Report),
            (Any, true, true, Restart),
        ] {
            for managed in [false, true] {
                let end = End { failed, witnessed: false, ago: Duration::ZERO, ..CRASH };
                let policy = RestartPolicy { max_attempts: Some(1), ..policy(condition) };
                let circumstances =
                    Circumstances { managed, job, attempts: &[Timestamp::EPOCH], ..alone() };
                let verdict = verdict(&policy, &end, &circumstances);
                assert_eq!(verdict, expected, "{condition:?} job {job} failed {failed}");
            }
        }
    }
}
