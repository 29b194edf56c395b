//! What all agents of the fleet have heard and said.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

/// Counts for all agents.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Bytes of messages from the managers, before TLS.
    pub(crate) heard: AtomicU64,
    /// Bytes of messages to the managers, before TLS.
    pub(crate) said: AtomicU64,
    /// Sets of assignments.
    pub(crate) sets: AtomicU64,
    /// Agents that have been told everything, in the session they are in.
    pub(crate) in_session: AtomicUsize,
    /// Sessions that have ended.
    pub(crate) lost: AtomicUsize,
    deliveries: Mutex<Vec<Delivery>>,
}

/// A set of assignments, as an agent got it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// The state it was computed from.
    pub(crate) generation: Generation,
    /// When the agent had read it.
    pub(crate) at: Timestamp,
    /// Whether there was a task of the agent's own in it.
    pub(crate) own: bool,
}

impl Tally {
    /// Notes a set that has come.
    pub(crate) fn delivered(&self, delivery: Delivery) {
        self.sets.fetch_add(1, Ordering::Relaxed);
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    }

    /// The sets that have come since this was asked last.
    pub(crate) fn take_deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut *self.deliveries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
