//! Lines that wait to be written. Their number is bounded by their bytes: who answers a request never waits, and what finds no room is counted.

use std::mem;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;

/// The most bytes that wait: several thousand lines, which is far more than are made while a disk is written to.
const MAX_BYTES: usize = 4 << 20;

/// Lines that wait to be written.
#[derive(Debug, Default)]
pub struct Lines {
    waiting: Mutex<Vec<u8>>,
    added: Notify,
    dropped: AtomicU64,
}

impl Lines {
    /// Adds a line, with its end. It is dropped if there is no room.
    pub(crate) fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.len() + line.len() > MAX_BYTES {
            drop(waiting);
            return self.lose(1);
        }
        let was_empty = waiting.is_empty();
        waiting.extend_from_slice(line);
        drop(waiting);
        if was_empty {
            self.added.notify_one();
        }
    }

    /// Waits until there are lines, and takes all of them. For one writer: two would wait for each other's lines.
    pub async fn next(&self) -> Vec<u8> {
        loop {
            let lines = self.take();
            if !lines.is_empty() {
                return lines;
            }
            self.added.notified().await;
        }
    }

    /// Takes the lines that there are.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.lock())
    }

    /// Counts lines that could not be written.
    pub fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// How many lines were never written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_taken_together_and_in_order() {
        let lines = Lines::default();
        let (taken, ()) = tokio::join!(lines.next(), async {
            lines.add(b"one\n");
            lines.add(b"two\n");
        });
        assert_eq!(taken, b"one\ntwo\n");
        lines.add(b"three\n");
        assert_eq!(lines.next().await, b"three\n");
        assert!(lines.take().is_empty());
        assert_eq!(lines.dropped(), 0);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let lines = Lines::default();
        let line = vec![b'x'; 1 << 20];
        (0..6).for_each(|_| lines.add(&line));
        assert_eq!(lines.dropped(), 2);
        assert_eq!(lines.take().len(), MAX_BYTES);
        lines.add(b"y");
        assert_eq!((lines.take(), lines.dropped()), (b"y".to_vec(), 2));
    }
}
