//! Load that never stops while something is done to the cluster: clients that check every answer and count what fails.
//!
//! ```text
//!   Load ── Source "client"  (a thread in that network namespace) ── Loop new connection   via node1
//!        │                                                        ── Loop keep-alive       via node1 ...
//!        └─ Source "node1"   (a thread in that of the node)       ── Loop line             via itself
//!                                   all of them write to one Ledger, by phases
//! ```
//!
//! It stands for the clients of a user, so it is strict and patient in the way that those are: a request that is refused, reset, cut off,
//! answered by somebody else or not answered in [`LIMIT`] has failed, nothing is tried twice, and a connection is not used any more
//! after `Connection: close`. A keep-alive connection that the server closes without having said so costs a request, as it does in practice.

mod client;
mod ledger;
mod source;
mod stream;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;

pub use crate::load::client::Kind;
use crate::load::ledger::Ledger;
pub use crate::load::ledger::Report;
pub use crate::load::source::Loop;
pub use crate::load::source::Source;

/// How long a request may take, the connection included.
pub const LIMIT: Duration = Duration::from_secs(5);
/// The pause between two requests of a loop: with some twenty loops two hundred requests a second, which leaves the processor to the cluster.
pub const PERIOD: Duration = Duration::from_millis(125);

/// Clients that ask until they are told to stop.
#[derive(Debug)]
pub struct Load {
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Load {
    /// Starts the loops of all `sources`; what they do is counted under the phase `name`.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started.
    pub fn start(name: &str, sources: Vec<Source>) -> anyhow::Result<Self> {
        let ledger = Arc::new(Ledger::new(name));
        let stop = Arc::new(AtomicBool::new(false));
        let start = |source: Source| {
            let (ledger, stop) = (Arc::clone(&ledger), Arc::clone(&stop));
            let thread = std::thread::Builder::new().name(source.name.clone());
            thread.spawn(move || source.run(&ledger, &stop)).context("start a thread")
        };
        let threads = sources.into_iter().map(start).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { ledger, stop, threads })
    }

    /// Requests that begin from now on are counted under the phase `name`.
    pub fn phase(&self, name: &str) {
        self.ledger.phase(name);
    }

    /// How many requests were made so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.ledger.report().requests()
    }

    /// How many of them have failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.ledger.report().failures()
    }

    /// Stops, and tells what happened.
    ///
    /// # Errors
    ///
    /// When a source could not do its work, which is no failure of a request.
    pub fn finish(mut self) -> anyhow::Result<Report> {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            let ended = thread.join().map_err(|_| anyhow::anyhow!("it panicked"));
            ended.and_then(|result| result).with_context(|| format!("the load from {name}"))?;
        }
        Ok(self.ledger.report())
    }
}

impl Drop for Load {
    /// A test that failed leaves no load behind for the next one.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
