//! A time that runs only while something is waited for.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::sleep_until;

/// How long something has been waited for. Most of what is read or written is there at once, so its timer is made when it is waited for the first time.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What is waited for, by its limit.
    running: Option<Duration>,
}

impl Patience {
    /// It is still waited for: an error when that has been so for as long as `limit`.
    pub(crate) fn poll(&mut self, limit: Duration, context: &mut Context<'_>) -> Poll<io::Error> {
        if self.running.replace(limit) != Some(limit) {
            let end = Instant::now() + limit;
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(end),
                None => self.sleep = Some(Box::pin(sleep_until(end))),
            }
        }
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        sleep.as_mut().poll(context).map(|()| io::ErrorKind::TimedOut.into())
    }

    /// It is there. What is waited for next has all of its time.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_the_limit_has_passed_however_often_it_is_asked() {
        let mut patience = Patience::default();
        let start = Instant::now();
        for _ in 0..4 {
            let waited = poll_fn(|context| patience.poll(5 * SECOND, context));
            assert!(timeout(SECOND, waited).await.is_err());
        }
        let error = poll_fn(|context| patience.poll(5 * SECOND, context)).await;
        assert_eq!((error.kind(), start.elapsed()), (io::ErrorKind::TimedOut, 5 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_next_has_all_of_its_time() {
        let mut patience = Patience::default();
        for limit in [5 * SECOND, 5 * SECOND, 3 * SECOND] {
            let waited = poll_fn(|context| patience.poll(limit, context));
            assert!(timeout(2 * SECOND, waited).await.is_err());
            patience.stop();
        }
        let start = Instant::now();
        poll_fn(|context| patience.poll(5 * SECOND, context)).await;
        assert_eq!(start.elapsed(), 5 * SECOND);
    }
}
