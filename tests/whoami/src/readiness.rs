//! Whether the server says that it is ready: a switch that requests turn, and that another request reads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

/// The switch. Clones share it. It is on at first.
#[derive(Clone, Debug)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Readiness {
    /// Status and body of the answer to `GET /ready`.
    pub(crate) fn answer(&self) -> (&'static str, &'static str) {
        if self.0.load(Ordering::Relaxed) {
            ("200 OK", "ready\n")
        } else {
            ("503 Service Unavailable", "not ready\n")
        }
    }

    /// Turns the switch.
    pub(crate) fn turn(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}
