//! What a server has open and what it is doing, and when it may end.
//!
//! A server that is asked to end is good to its clients when it goes on accepting and answering for as long as somebody talks to it,
//! and ends soon after. It must not wait beyond the ten seconds that Docker leaves between SIGTERM and SIGKILL.

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

/// How long a server that was asked to end stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grace {
    /// With no connection: as long as it takes to accept what the kernel has already taken in.
    pub(crate) empty: Duration,
    /// With connections on which nothing happens.
    pub(crate) idle: Duration,
    /// In any case.
    pub(crate) most: Duration,
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            empty: Duration::from_millis(50),
            idle: Duration::from_secs(3),
            most: Duration::from_secs(8),
        }
    }
}

/// What a server has open and is doing.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    ending: bool,
    open: usize,
    busy: usize,
    changed_at: Instant,
}

impl Activity {
    /// Nothing is open, and nothing is done.
    pub(crate) fn new() -> Self {
        let state = State { ending: false, open: 0, busy: 0, changed_at: now() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// From now on the server is about to end.
    pub(crate) fn end(&self) {
        self.change(|state| state.ending = true);
    }

    /// Whether the server is about to end: its answers then say that they are the last of their connection.
    pub(crate) fn is_ending(&self) -> bool {
        self.lock().ending
    }

    /// Counts a connection until the value is dropped.
    pub(crate) fn connection(&self) -> Counted<'_> {
        self.change(|state| state.open += 1);
        Counted { activity: self, back: |state| state.open -= 1 }
    }

    /// Counts a request that is being answered until the value is dropped.
    pub(crate) fn request(&self) -> Counted<'_> {
        self.change(|state| state.busy += 1);
        Counted { activity: self, back: |state| state.busy -= 1 }
    }

    /// Waits until the server may end.
    pub(crate) fn wait_for_end(&self, grace: Grace) {
        let deadline = now() + grace.most;
        let mut state = self.lock();
        loop {
            let may_end_at = match (state.busy, state.open) {
                (0, 0) => deadline.min(state.changed_at + grace.empty),
                (0, _) => deadline.min(state.changed_at + grace.idle),
                _ => deadline,
            };
            let left = may_end_at.saturating_duration_since(now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.changed_at = now();
        drop(state);
        self.changed.notify_all();
    }
}

/// Something that is counted while it lasts.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    activity: &'a Activity,
    back: fn(&mut State),
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.activity.change(self.back);
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of threads, whose waits are the system's")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Grace = Grace {
        empty: Duration::from_millis(20),
        idle: Duration::from_millis(100),
        most: Duration::from_millis(300),
    };

    /// How long a server stays that has what `with` gives.
    fn stays<'a, T>(activity: &'a Activity, with: impl FnOnce(&'a Activity) -> T) -> Duration {
        let held = with(activity);
        let begun = now();
        activity.end();
        activity.wait_for_end(GRACE);
        drop(held);
        begun.elapsed()
    }

    #[test]
    fn the_more_there_is_to_do_the_longer_it_stays_and_never_too_long() {
        let activity = Activity::new();
        let empty = stays(&activity, |_| ());
        let idle = stays(&activity, Activity::connection);
        let busy = stays(&activity, |activity| (activity.connection(), activity.request()));
        assert!(GRACE.empty <= empty && empty < GRACE.idle, "{empty:?}");
        assert!(GRACE.idle <= idle && idle < GRACE.most, "{idle:?}");
        assert!(GRACE.most <= busy, "{busy:?}");
    }

    #[test]
    fn the_end_of_the_last_connection_is_the_end() {
        let activity = Activity::new();
        let connection = activity.connection();
        std::thread::scope(|scope| {
            let ended = scope.spawn(|| stays(&activity, |_| ()));
            drop(connection);
            assert!(ended.join().unwrap() < GRACE.idle);
        });
    }
}
