//! What the proxy has done, for metrics. Only counts.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use hyper::StatusCode;

/// What has become of the requests that a rule has taken, since there is a table with it.
#[derive(Debug, Default)]
pub struct Counters {
    /// Answers by the first digit of their status: `1xx`, which here are connections that went over to another protocol, to `5xx`.
    pub answers: [AtomicU64; 5],
    /// Connections to tasks that could not be opened.
    pub unreachable: AtomicU64,
    /// Requests that were refused, as their clients made too many.
    pub limited: AtomicU64,
    /// Whose turn it is among the tasks.
    turn: AtomicUsize,
    /// The same among the rules that share requests, of which this is the first.
    draw: AtomicU64,
}

impl Counters {
    pub(crate) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.answers.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn unreached(&self) {
        self.unreachable.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn limited(&self) {
        self.limited.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of this request.
    pub(crate) fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of this request among those that several services share.
    pub(crate) fn next_draw(&self) -> u64 {
        self.draw.fetch_add(1, Ordering::Relaxed)
    }
}
