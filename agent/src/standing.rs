//! How the node stands with the managers, and what they have told it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::assignment::Assignments;

/// What the node is told, once it has been told anything.
pub type Known = Option<Arc<Assignments>>;

/// How the node stands with the managers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionState {
    /// No manager has answered yet.
    #[default]
    Connecting,
    /// In session with the leader.
    Connected(SocketAddr),
    /// The session has ended; a new one is being sought. The text says why.
    Lost(String),
}

impl SessionState {
    /// Whether a manager answers.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected(_))
    }
}
