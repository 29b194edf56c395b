//! Writes what agents say of their tasks. Whatever comes in while a transaction is under way goes into the next one, so that a
//! thousand agents cost few log entries and a single one does not wait.

use std::iter;

use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::metrics::SchedulingDelay;
use crate::state::Op;
use crate::state::Transaction;
use crate::store::Store;

/// Batches that wait. More, and the sessions wait: the agents then gather statuses on their side.
const QUEUE: usize = 1024;

/// A transaction is closed once it has this many statuses (swarmkit `manager/dispatcher/dispatcher.go`, `maxBatchItems`).
const ENOUGH: usize = 10_000;

/// Where sessions hand in statuses. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct StatusWriter {
    queue: mpsc::Sender<Batch>,
}

/// What one agent said at once.
struct Batch {
    node_id: NodeId,
    statuses: Vec<TaskStatusUpdate>,
    stored: oneshot::Sender<Result<()>>,
}

impl StatusWriter {
    /// Starts the task that writes to `store`. It ends with the last clone.
    pub(super) fn start<S: Store>(store: S, delay: SchedulingDelay) -> Self {
        let (queue, batches) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, batches, delay));
        Self { queue }
    }

    /// Hands in statuses; waits while the queue is full. The receiver tells what became of them: an error, or a closed channel,
    /// means that they may not have been written.
    pub(super) async fn hand_in(
        &self,
        node_id: NodeId,
        statuses: Vec<TaskStatusUpdate>,
    ) -> oneshot::Receiver<Result<()>> {
        let (stored, outcome) = oneshot::channel();
        // A closed queue closes the channel too, which is the answer.
        let _closed = self.queue.send(Batch { node_id, statuses, stored }).await;
        outcome
    }
}

async fn write<S: Store>(store: S, mut batches: mpsc::Receiver<Batch>, delay: SchedulingDelay) {
    while let Some(first) = batches.recv().await {
        let mut transaction = Transaction::new(Timestamp::now());
        let mut waiting = Vec::new();
        for batch in iter::once(first).chain(iter::from_fn(|| batches.try_recv().ok())) {
            let Batch { node_id, statuses, stored } = batch;
            note_starts(&store, &statuses, transaction.at, &delay);
            transaction.ops.extend(statuses.into_iter().map(|update| Op::ReportTask {
                node_id: node_id.clone(),
                task_id: update.task_id,
                status: Box::new(update.status),
            }));
            waiting.push(stored);
            if transaction.ops.len() >= ENOUGH {
                break;
            }
        }
        let outcome = match transaction.ops.is_empty() {
            true => Ok(()),
            false => store.propose(transaction).await.map(|_version| ()),
        };
        for stored in waiting {
            // Nobody waits any more when the session has ended.
            let _gone = stored.send(outcome.clone());
        }
    }
}

/// Counts how long those tasks took that were not known to run until `now`.
fn note_starts<S: Store>(
    store: &S,
    statuses: &[TaskStatusUpdate],
    now: Timestamp,
    delay: &SchedulingDelay,
) {
    let mut running =
        statuses.iter().filter(|update| update.status.state == TaskState::Running).peekable();
    if running.peek().is_none() {
        return;
    }
    let state = store.state();
    let tasks = running.filter_map(|update| state.tasks().get(&update.task_id));
    for task in tasks.filter(|task| task.status.state < TaskState::Running) {
        delay.runs_after(now.since(task.meta.created_at));
    }
}
