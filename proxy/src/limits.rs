//! How long the proxy waits for what, and how much it takes.

use std::time::Duration;

/// For how long clients and tasks may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the head of a request, from its first byte on, and for the handshake of TLS.
    pub head: Duration,
    /// A connection on which a client asks nothing, and one on which it does not take its answer.
    pub idle: Duration,
    /// For connecting to a task.
    pub connect: Duration,
    /// For how long a task gets no requests after it could not be reached, as long as others can.
    pub aside: Duration,
    /// An unused connection to a task. Less than the five seconds after which the servers of Node.js and Uvicorn close theirs.
    pub unused: Duration,
    /// What is in flight when the proxy is to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            connect: Duration::from_secs(3),
            aside: Duration::from_secs(5),
            unused: Duration::from_secs(4),
            grace: Duration::from_secs(30),
        }
    }
}

/// For how long a task may be silent when its rule does not say (`HttpRoute::timeout`).
pub(crate) const SILENCE: Duration = Duration::from_secs(60);

/// The head of a request, in bytes. Browsers and other servers allow less.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
