//! Keeps one session with the leader: looks for it, registers, sends heartbeats and statuses, takes assignments.
//!
//! It only carries messages. What it receives is on disk before anybody else sees it, and when no manager answers nothing
//! changes for the rest of the node: everything goes on from what is known.

mod dial;
mod link;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::Registration;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::StreamError;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::assignment::Assignments;
use crate::assignment::Stale;
use crate::identity::chain;
use crate::ledger::Ledger;
use crate::ledger::LedgerError;
use crate::logs::Ordered;
use crate::reporter::Reporter;
use crate::session::dial::Candidates;
use crate::session::dial::backoff;
use crate::session::link::Link;

/// How long a manager gets to welcome an agent that has registered.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the managers get to store statuses before they are sent again.
const RESEND_AFTER: Duration = Duration::from_secs(5);

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

/// What a session needs and what it gives.
#[derive(Debug)]
pub struct Session {
    /// Calls managers in the name of the node.
    pub client: Client,
    /// What the node remembers.
    pub ledger: Arc<Ledger>,
    /// Who calls. A change is sent at once.
    pub registration: watch::Receiver<Registration>,
    /// Whether the container engine answers. A node without is of no use for tasks: it gives no sign of life, is down for the
    /// managers, and goes on learning how to reach the others.
    pub engine: watch::Receiver<bool>,
    /// Which generation the kernel's tables have reached.
    pub programmed: watch::Receiver<Generation>,
    /// Statuses to send.
    pub reporter: Reporter,
    /// Where assignments go, once they are on disk.
    pub known: watch::Sender<Known>,
    /// Where managers can be reached.
    pub managers: watch::Sender<Vec<SocketAddr>>,
    /// The role that the managers give the node, once they have said that it is not the one in its certificate. Whoever owns the
    /// identity renews it then.
    pub role: watch::Sender<Option<NodeRole>>,
    /// The authority that the node is to trust, PEM, once the managers have said that it is another.
    pub trust: watch::Sender<Option<String>>,
    /// Within which time the node is to renew its certificate, whenever the managers say so.
    pub renew: watch::Sender<Duration>,
    /// How the node stands with the managers.
    pub state: watch::Sender<SessionState>,
    /// Whether the node leaves the cluster: the managers are told, and no other session is sought.
    pub leaving: watch::Receiver<bool>,
    /// Where orders to publish logs go, with the address of the leader.
    pub log_orders: mpsc::Sender<Ordered>,
}

/// A session has ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    /// The manager could not be reached or said no.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The stream broke.
    #[error("the session broke")]
    Stream(#[from] StreamError),
    /// The manager ended the session: it leads no more, or shuts down.
    #[error("the manager ended the session")]
    Ended,
    /// The manager did not say welcome.
    #[error("no welcome within {} seconds", WELCOME_TIMEOUT.as_secs())]
    NoWelcome,
    /// The manager said something before it was time.
    #[error("unexpected message before {0}")]
    Unexpected(&'static str),
    /// The manager is behind what this node knows.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// What came could not be kept.
    #[error("cannot keep what the manager sent")]
    Ledger(#[from] LedgerError),
}

impl Session {
    /// Runs until the node leaves: a session after another.
    pub async fn run(self) {
        let mut failures = 0;
        while !*self.leaving.borrow() {
            let start = rand::random_range(0..usize::MAX);
            let mut candidates = Candidates::new(&self.managers.borrow(), start);
            while let Some(addr) = candidates.next() {
                let (error, useful) = self.attempt(addr).await;
                if useful {
                    failures = 0;
                }
                match &error {
                    SessionError::Call(CallError::NotLeader(leader)) => {
                        tracing::debug!(%addr, ?leader, "manager does not lead");
                        candidates.prefer(*leader);
                    }
                    _ => tracing::info!(%addr, error = chain(&error), "no session"),
                }
                self.state.send_replace(SessionState::Lost(chain(&error)));
                if *self.leaving.borrow() {
                    return;
                }
                // After a session that worked, look for the leader anew, among the managers that it told of.
                if useful {
                    break;
                }
            }
            tokio::time::sleep(backoff(failures, rand::random())).await;
            failures = failures.saturating_add(1);
        }
    }

    /// One session with the manager at `addr`: why it ended, and whether it worked until then.
    async fn attempt(&self, addr: SocketAddr) -> (SessionError, bool) {
        let opened = Link::open(self, addr).await;
        let mut link = match opened {
            Ok(link) => link,
            Err(error) => return (error, false),
        };
        tracing::info!(%addr, "in session");
        self.state.send_replace(SessionState::Connected(addr));
        let error = match link.run().await {
            Err(error) => error,
            Ok(never) => match never {},
        };
        (error, link.told_everything())
    }
}

#[cfg(test)]
mod tests;
