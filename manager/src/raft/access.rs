//! [`Store`] over raft: what only the leader can do is done here if this manager leads, and passed on if not.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use openraft::LogIdOptionExt;
use openraft::error::CheckIsLeaderError;
use openraft::error::RaftError;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result as ProtoResult;
use swarmlite_proto::rpc;
use swarmlite_proto::version::Version;
use swarmlite_rpc::CallError;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout;

use super::RaftStore;
use super::Transport;
use super::batch::ProposeError;
use super::batch::Proposed;
use super::transport::was_not_sent;
use crate::metrics::Outcome;
use crate::state::State;
use crate::state::Transaction;
use crate::store::Store;
use crate::store::no_leader;

/// How long to wait for a leader, in all. swarmkit gives up after 10 ticks of a second; an election here takes about 3 seconds.
pub(crate) const NO_LEADER_AFTER: Duration = Duration::from_secs(10);

/// When to ask again if nothing is heard of a new leader.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Why an attempt has failed.
pub(crate) enum Failure {
    /// Nothing has happened, and another attempt may have an answer. This is said if none has one in time.
    Later(Error),
    /// This is the answer.
    Final(Error),
}

impl Failure {
    /// Nobody leads, or nobody knows who does.
    pub(crate) fn no_leader() -> Self {
        Self::Later(no_leader())
    }
}

/// Who can do what only the leader can.
enum Leader {
    This,
    Other(SocketAddr),
    Unknown,
}

impl<T: Transport> Store for RaftStore<T> {
    fn state(&self) -> State {
        self.inner.state.borrow().clone()
    }

    fn watch(&self) -> watch::Receiver<State> {
        self.inner.state.clone()
    }

    async fn read(&self) -> ProtoResult<State> {
        let index = self.with_leader(|| self.try_read_index()).await?;
        self.applied(index).await
    }

    async fn propose(&self, transaction: Transaction) -> ProtoResult<Version> {
        let proposed = self.with_leader(|| self.try_propose(&transaction)).await?;
        // Refusals too: whoever tries again must not work from the state that was refused.
        self.applied(proposed.index).await?;
        proposed.outcome
    }
}

impl<T: Transport> RaftStore<T> {
    /// Repeats `attempt` until it has an answer, or has had none for too long.
    pub(crate) async fn with_leader<A, F>(&self, attempt: impl Fn() -> F + Send) -> ProtoResult<A>
    where
        F: Future<Output = Result<A, Failure>> + Send,
    {
        let mut leadership = self.leadership();
        let mut why_not = no_leader();
        let attempts = async {
            loop {
                leadership.mark_unchanged();
                match attempt().await {
                    Ok(answer) => return Ok(answer),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Later(error)) => why_not = error,
                }
                // Without news too: the answer of a manager may have been older than what is known here.
                if let Ok(Err(_stopped)) = timeout(ASK_AGAIN, leadership.changed()).await {
                    return Err(no_leader());
                }
            }
        };
        let answered = timeout(NO_LEADER_AFTER, attempts).await;
        answered.unwrap_or(Err(why_not))
    }

    /// Where the leader is, if it is known and another manager.
    pub(crate) fn other_leader(&self) -> Option<SocketAddr> {
        match self.leader() {
            Leader::Other(addr) => Some(addr),
            Leader::This | Leader::Unknown => None,
        }
    }

    fn leader(&self) -> Leader {
        let leadership = *self.inner.leadership.borrow();
        match leadership.leader_addr {
            _ if leadership.leader => Leader::This,
            Some(addr) => Leader::Other(addr),
            None => Leader::Unknown,
        }
    }

    async fn try_propose(&self, transaction: &Transaction) -> Result<Proposed, Failure> {
        match self.leader() {
            Leader::This => self.propose_here(transaction.clone()).await,
            Leader::Other(addr) => self.ask(addr, rpc::PROPOSE, transaction).await,
            Leader::Unknown => Err(Failure::no_leader()),
        }
    }

    async fn try_read_index(&self) -> Result<u64, Failure> {
        match self.leader() {
            Leader::This => self.read_index_here().await,
            Leader::Other(addr) => self.ask(addr, rpc::READ_INDEX, &()).await.map_err(repeatable),
            Leader::Unknown => Err(Failure::no_leader()),
        }
    }

    /// Proposes as leader.
    pub(crate) async fn propose_here(&self, transaction: Transaction) -> Result<Proposed, Failure> {
        let began = Instant::now();
        let proposed = self.inner.batcher.propose(transaction).await;
        let outcome = match &proposed {
            Ok(Proposed { outcome: Ok(_), .. }) => Outcome::Accepted,
            Ok(_) => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        self.inner.metrics.proposed(outcome, began.elapsed());
        proposed.map_err(|error| match error {
            // An entry that was replaced by another leader's was never committed, so that another attempt is safe.
            ProposeError::NotLeader => Failure::no_leader(),
            error => Failure::Final(error.into()),
        })
    }

    /// As leader: the index that includes everything acknowledged before the call.
    pub(crate) async fn read_index_here(&self) -> Result<u64, Failure> {
        // Before: if there is another term afterwards, the answer may still be of this one.
        let term = self.inner.raft.metrics().borrow().current_term;
        match self.inner.raft.ensure_linearizable().await {
            Ok(log_id) => Ok(self.inner.resumed.read_index(term, log_id.index().unwrap_or(0))),
            Err(RaftError::APIError(
                CheckIsLeaderError::ForwardToLeader(_) | CheckIsLeaderError::QuorumNotEnough(_),
            )) => Err(Failure::no_leader()),
            Err(RaftError::Fatal(fatal)) => {
                Err(Failure::Final(ProposeError::Stopped(fatal.to_string()).into()))
            }
        }
    }

    /// Asks the leader.
    pub(crate) async fn ask<Q, A>(
        &self,
        leader: SocketAddr,
        path: &'static str,
        body: &Q,
    ) -> Result<A, Failure>
    where
        Q: serde::Serialize + Sync,
        A: serde::de::DeserializeOwned,
    {
        self.inner.network.transport.call(leader, path, body).await.map_err(|error| match error {
            CallError::Refused(error) if error.is(Reason::Starting) => {
                let message = format!("the manager at {leader}, which should lead, is starting");
                Failure::Later(Error { message, ..error })
            }
            CallError::Refused(error) => Failure::Final(error),
            error if was_not_sent(&error) => Failure::no_leader(),
            // It may have been carried out: only the caller can tell whether to repeat it.
            _ => Failure::Final(no_leader()),
        })
    }

    /// The state of this manager, once it includes `index`.
    async fn applied(&self, index: u64) -> ProtoResult<State> {
        let mut state = self.inner.state.clone();
        let applied = state.wait_for(|state| state.applied() >= index);
        match timeout(NO_LEADER_AFTER, applied).await {
            Ok(Ok(state)) => Ok(state.clone()),
            Ok(Err(_stopped)) => Err(ProposeError::Stopped("shut down".to_owned()).into()),
            Err(_elapsed) => Err(no_leader()),
        }
    }
}

/// A question can be asked again whatever became of it, also if who was asked stops just now.
pub(crate) fn repeatable(failure: Failure) -> Failure {
    match failure {
        Failure::Final(error)
            if error.is(Reason::NoLeader) || error.kind == ErrorKind::Unavailable =>
        {
            Failure::Later(error)
        }
        failure => failure,
    }
}
