//! What is to happen, in the order of time, and among what is to happen at one moment in the order in which it was said.

use std::collections::BTreeMap;
use std::time::Duration;

use swarmlite_proto::time::Timestamp;

/// What is to happen, and what time it is.
pub(crate) struct Queue<E> {
    now: Timestamp,
    said: u64,
    events: BTreeMap<(Timestamp, u64), E>,
}

impl<E> Queue<E> {
    /// Nothing is to happen, and it is this late.
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { now, said: 0, events: BTreeMap::new() }
    }

    /// What time it is: it goes on evenly, unlike any clock.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Has something happen.
    pub(crate) fn at(&mut self, when: Timestamp, event: E) {
        self.said += 1;
        self.events.insert((when.max(self.now), self.said), event);
    }

    /// Has something happen after so long.
    pub(crate) fn after(&mut self, delay: Duration, event: E) {
        self.at(self.now + delay, event);
    }

    /// The next thing that happens until `end`; the time is then its own.
    pub(crate) fn next(&mut self, end: Timestamp) -> Option<E> {
        let entry = self.events.first_entry().filter(|entry| entry.key().0 <= end);
        let Some(entry) = entry else {
            self.now = self.now.max(end);
            return None;
        };
        let ((when, _), event) = entry.remove_entry();
        self.now = when;
        Some(event)
    }
}
