//! The logs of tasks, from the agents of their nodes to whoever reads them.
//!
//! - [`reader`]: what one reader still has to be given, as a pure state machine.
//! - [`broker`]: on the leader: orders logs from agents, and hands them to readers.
//! - [`server`]: the calls of agents that publish, and of managers whose clients read.
//! - [`source`]: on any manager: what its API reads from.
//!
//! ```text
//!  API of any manager ── source ──> broker of the leader ── order, in the session ──> agent
//!                        <── lines ──                     <── lines, on their own stream ──
//! ```
//!
//! Nothing is kept: a line that comes from an agent waits in a queue of [`QUEUE`] messages until the reader takes it, and no agent sends what
//! was not asked for. When the reader goes away, everything that was ordered for it is hung up on. No log ever touches the replicated state.

mod broker;
mod reader;
mod server;
mod source;

use std::time::Duration;

pub use self::broker::Broker;
pub use self::broker::Tell;
pub use self::source::LogSource;
pub use self::source::Logs;

/// Messages that wait for a reader on the leader.
const QUEUE: usize = 4;

/// How long an agent gets to answer an order. An agent whose node was cut off keeps its session for a while, and says nothing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
