//! Keeps one session with the leader: looks for it, registers, sends heartbeats and statuses, takes assignments.
//!
//! It only carries messages. What it receives is on disk before anybody else sees it, and when no manager answers nothing
//! changes for the rest of the node: everything goes on from what is known.

mod dial;
mod error;
mod link;
mod setup;

use std::net::SocketAddr;

use swarmlite_proto::error::chain;
use swarmlite_rpc::CallError;

use self::dial::Candidates;
use self::dial::backoff;
use self::error::SessionError;
use self::link::Link;
pub(crate) use self::setup::Session;
use crate::standing::SessionState;

impl Session {
    /// Runs until the node leaves: a session after another.
    pub(crate) async fn run(self) {
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
