//! When sessions look at the state: at once after a quiet time, and with pauses while much changes, so that changes that follow one another are told
//! as one.
//!
//! All sessions look at the same states, so that what they tell of a change is found once for all of them ([`super::turns`]).

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::state::State;

/// How much longer the pause is for each session. In a small cluster a look costs next to nothing, and nobody need wait for the next.
const PER_SESSION: Duration = Duration::from_millis(1);

/// The pause that is long enough for people (swarmkit `manager/dispatcher/dispatcher.go`, `batchingWaitTime`).
const ENOUGH: Duration = Duration::from_millis(100);

/// The shortest pause for each session, however many there are. To wake one and have it look costs a few dozen microseconds, even if there is
/// nothing to tell: with shorter pauses thousands of them would look all the time, and nothing else would be done.
const PER_LOOK: Duration = Duration::from_micros(100);

/// How many looks need no pause after a quiet time. To replace one task takes some ten changes, each of which follows from the one before having been told:
/// they are not to be slower than if there were no pauses.
const AT_ONCE: u32 = 16;

/// Passes states on to those who look at `shown`, until nobody does. `sessions` says how many there are.
pub(super) async fn show(
    mut states: watch::Receiver<State>,
    shown: watch::Sender<State>,
    sessions: impl Fn() -> usize,
) {
    let mut pace = Pace::new(Instant::now());
    loop {
        // Both are cancel-safe.
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = shown.closed() => return,
        }
        sleep_until(pace.next(Instant::now(), pause(sessions()))).await;
        shown.send_replace(states.borrow_and_update().clone());
    }
}

fn pause(sessions: usize) -> Duration {
    let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
    let pause = PER_SESSION.saturating_mul(sessions).min(ENOUGH);
    pause.max(PER_LOOK.saturating_mul(sessions))
}

/// Says when the next look may be.
#[derive(Debug)]
struct Pace {
    /// The time of the last look.
    last: Instant,
    /// How much of the time before that looks have left over: as long as [`AT_ONCE`] pauses at most.
    saved: Duration,
}

impl Pace {
    /// After a quiet time.
    const fn new(now: Instant) -> Self {
        Self { last: now, saved: Duration::MAX }
    }

    /// When to look at something that has changed `now`.
    fn next(&mut self, now: Instant, pause: Duration) -> Instant {
        let saved = self.saved.saturating_add(now.saturating_duration_since(self.last));
        let saved = saved.min(pause * AT_ONCE);
        self.last = now + pause.saturating_sub(saved);
        self.saved = saved.saturating_sub(pause);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Op;
    use crate::state::fixture::commit;
    use crate::state::fixture::service;

    const PAUSE: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn looks_are_at_once_until_there_are_too_many() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for _ in 0..AT_ONCE {
            assert_eq!(pace.next(start, PAUSE), start);
        }
        let paused = pace.next(start, PAUSE);
        assert_eq!(paused, start + PAUSE);
        assert_eq!(pace.next(paused, PAUSE), paused + PAUSE);
        let later = paused + PAUSE * 3;
        assert_eq!([(); 3].map(|()| pace.next(later, PAUSE)), [later, later, later + PAUSE]);
        let much_later = later + PAUSE * 1000;
        for _ in 0..AT_ONCE {
            assert_eq!(pace.next(much_later, PAUSE), much_later);
        }
        assert_eq!(pace.next(much_later, PAUSE), much_later + PAUSE, "quiet times do not add up");
    }

    #[test]
    fn pauses_are_longer_in_larger_clusters() {
        let pauses = [0, 3, 100, 1000, 10_000].map(pause).map(|pause| pause.as_millis());
        assert_eq!(pauses, [0, 3, 100, 100, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_in_a_pause_is_shown_at_once_and_as_it_is_then() {
        let states = watch::Sender::new(State::default());
        let shown = watch::Sender::new(State::default());
        let mut looking = shown.subscribe();
        let showing = tokio::spawn(show(states.subscribe(), shown, || 1000));
        let change = |number: u64| {
            states.send_modify(|state| {
                let service = service(number, &format!("web{number}"));
                commit(state, vec![Op::PutService(Box::new(service))]).expect("is new");
            });
        };
        let services = |state: &State| state.services().len();
        let start = Instant::now();
        let mut made = 0;
        for _ in 0..AT_ONCE {
            made += 1;
            change(made);
            looking.changed().await.expect("goes on");
            assert_eq!(services(&looking.borrow_and_update()) as u64, made);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..5 {
            made += 1;
            change(made);
            tokio::task::yield_now().await;
        }
        looking.changed().await.expect("goes on");
        assert_eq!(services(&looking.borrow_and_update()) as u64, made, "all that came meanwhile");
        assert_eq!(start.elapsed().as_millis(), PAUSE.as_millis());
        drop(looking);
        showing.await.expect("ends when nobody looks");
    }
}
