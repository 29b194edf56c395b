//! How the control plane reads the replicated state and proposes changes to it.

use std::future::Future;

use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::version::Version;
use tokio::sync::watch;

use crate::state::State;
use crate::state::Transaction;

/// The replicated state, as its users see it. Works the same on every manager: what only the leader can do is passed on to it.
pub trait Store: Clone + Send + Sync + 'static {
    /// The state as far as this manager has applied it: cheap, and perhaps a little old.
    fn state(&self) -> State;

    /// Follows the state. Every change wakes the receiver; several changes may be seen as one.
    fn watch(&self) -> watch::Receiver<State>;

    /// A state that includes everything acknowledged before the call, by whichever manager.
    ///
    /// # Errors
    ///
    /// [`swarmlite_proto::error::ErrorKind::Unknown`] with Docker's text when there is no leader.
    fn read(&self) -> impl Future<Output = Result<State>> + Send;

    /// Has `transaction` carried out. On return it is on the disks of a majority, and in the state of this manager.
    ///
    /// # Errors
    ///
    /// As [`State::apply`]; and as [`Store::read`] when there is no leader. After a failure without an answer from the
    /// leader, the transaction may have been carried out or not; its version checks keep a repetition from doing harm.
    fn propose(&self, transaction: Transaction) -> impl Future<Output = Result<Version>> + Send;
}

/// The refusal of a cluster without a leader, in Docker's words (swarmkit `manager/state/raft/raft.go`).
#[must_use]
pub fn no_leader() -> Error {
    Error::unknown(NO_LEADER).because(Reason::NoLeader)
}

const NO_LEADER: &str = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

#[cfg(any(test, feature = "testing"))]
pub mod memory;
