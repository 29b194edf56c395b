//! Limits of time that hardly ever run out, and so are to cost next to nothing.
//!
//! One timer of the runtime serves all limits that follow one another on a connection. It is not set for each, and not taken back: only when it runs
//! out too early, for a limit that is long over, it is set to the one that counts by then.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::Sleep;

/// The timer of a connection, for one limit at a time.
#[derive(Clone, Debug)]
pub(crate) struct Timer(Arc<Mutex<Pin<Box<Sleep>>>>);

/// A limit. It ends when its time has come.
#[derive(Debug)]
pub(crate) struct Limit {
    timer: Timer,
    end: Instant,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Box::pin(tokio::time::sleep(Duration::ZERO)))))
    }

    /// The limit that counts from now on, in the place of the one before.
    pub(crate) fn until(&self, end: Instant) -> Limit {
        Limit { timer: self.clone(), end }
    }
}

impl Future for Limit {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sleep.deadline() > self.end {
            sleep.as_mut().reset(self.end);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() >= self.end {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(self.end);
        }
        Poll::Pending
    }
}

impl hyper::rt::Sleep for Limit {}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.until(Instant::now() + duration))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.until(deadline.into()))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How long until a limit ends that is set now, to so many seconds.
    async fn ends_after(timer: &Timer, seconds: u32) -> Duration {
        let now = Instant::now();
        timer.until(now + seconds * SECOND).await;
        now.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn limits_end_in_time_after_others_that_were_longer_or_shorter() {
        let timer = Timer::new();
        for seconds in [3, 1, 10, 10, 2] {
            // One that is given up first.
            let long = timer.until(Instant::now() + 5 * SECOND);
            assert!(timeout(SECOND, long).await.is_err());
            assert_eq!(ends_after(&timer, seconds).await, seconds * SECOND);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_over_ends_at_once() {
        let timer = Timer::new();
        let limit = timer.until(Instant::now() + SECOND);
        advance(2 * SECOND).await;
        let now = Instant::now();
        limit.await;
        assert_eq!(now.elapsed(), Duration::ZERO);
    }
}
