//! On the leader: orders logs from agents, and hands them to readers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::logs::LogBatch;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogOrder;
use swarmlite_proto::logs::LogReport;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::logs::PublicationId;
use swarmlite_rpc::PacedReceiver;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ANSWER_TIMEOUT;
use super::QUEUE;
use super::reader::Failure;
use super::reader::ReaderState;
use super::reader::Wanted;
use crate::raft::Leadership;
use crate::state::State;
use crate::store::Store;

/// Says something to the agent of a node; `false` if it is not in session.
pub type Tell = Arc<dyn Fn(&NodeId, ManagerMessage) -> bool + Send + Sync>;

/// What the reader is told when its logs end because the leader is another now.
const DEPOSED: &str = "the leader of the swarm has changed";

/// Orders logs. Cheap to clone. Of use on the leader only: elsewhere no node is in session.
pub struct Broker<S> {
    store: S,
    leadership: watch::Receiver<Leadership>,
    tell: Tell,
    expected: Arc<Mutex<BTreeMap<PublicationId, Expected>>>,
}

/// A stream that an agent is to open.
struct Expected {
    node_id: NodeId,
    arrived: oneshot::Sender<PacedReceiver>,
}

impl<S: Clone> Clone for Broker<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            leadership: self.leadership.clone(),
            tell: Arc::clone(&self.tell),
            expected: Arc::clone(&self.expected),
        }
    }
}

impl<S> fmt::Debug for Broker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

impl<S: Store> Broker<S> {
    /// A broker that reaches agents through `tell`.
    #[must_use]
    pub fn new(store: S, leadership: watch::Receiver<Leadership>, tell: Tell) -> Self {
        Self { store, leadership, tell, expected: Arc::default() }
    }

    /// Follows who leads.
    pub(super) const fn leadership(&self) -> &watch::Receiver<Leadership> {
        &self.leadership
    }

    /// Begins to collect what `subscription` asks for. Dropping the receiver ends it.
    pub(super) fn subscribe(&self, subscription: LogSubscription) -> mpsc::Receiver<LogEvent> {
        let (events, receiver) = mpsc::channel(QUEUE);
        let broker = self.clone();
        tokio::spawn(async move {
            let mut leadership = broker.leadership.clone();
            let term = leadership.borrow().term;
            let deposed = move |now: &Leadership| !now.leader || now.term != term;
            tokio::select! {
                // Whatever is under way is hung up on.
                notes = broker.collect(subscription, &events) => {
                    // A reader that has gone needs no end.
                    drop(events.send(LogEvent::End(notes)).await);
                }
                () = events.closed() => {}
                // An error means that the manager ends, and then nobody is told anything.
                Ok(()) = async { leadership.wait_for(deposed).await.map(drop) } => {
                    drop(events.send(LogEvent::End(vec![DEPOSED.to_owned()])).await);
                }
            }
        });
        receiver
    }

    /// An agent has opened the stream `id`. Without anybody who waits for it, it is hung up on.
    pub(super) fn arrive(&self, id: PublicationId, node_id: &NodeId, stream: PacedReceiver) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.get(&id).is_some_and(|order| order.node_id == *node_id)
            && let Some(order) = expected.remove(&id)
        {
            // Who has given up waiting drops the stream.
            drop(order.arrived.send(stream));
        }
    }

    /// Hands everything to the reader. The answer is what is missing and why.
    async fn collect(
        &self,
        subscription: LogSubscription,
        events: &mpsc::Sender<LogEvent>,
    ) -> Vec<String> {
        let mut states = self.store.watch();
        let mut reader = ReaderState::new(subscription);
        let mut publications = JoinSet::new();
        loop {
            let state = states.borrow_and_update().clone();
            for wanted in reader.observe(&state) {
                let (broker, state, events) = (self.clone(), state.clone(), events.clone());
                publications
                    .spawn(async move { broker.publication(wanted, &state, &events).await });
            }
            if publications.is_empty() && !reader.follows() {
                return reader.into_notes();
            }
            // Both are cancel-safe.
            tokio::select! {
                Some(ended) = publications.join_next() => {
                    // One that panicked or was aborted has nothing to say.
                    for failure in ended.into_iter().flatten() {
                        reader.failed(failure);
                    }
                }
                changed = states.changed(), if reader.follows() => {
                    if changed.is_err() {
                        return reader.into_notes();
                    }
                }
            }
        }
    }

    /// Orders from one node, and hands on what it publishes until it has no more.
    async fn publication(
        &self,
        wanted: Wanted,
        state: &State,
        events: &mpsc::Sender<LogEvent>,
    ) -> Vec<Failure> {
        let Wanted { node_id, tasks, options } = wanted;
        // What an agent says of any other task is not what the reader asked for.
        let services = tasks.iter().filter_map(|id| Some((id, &state.tasks().get(id)?.service_id)));
        let services: BTreeMap<TaskId, ServiceId> =
            services.map(|(task, service)| (task.clone(), service.clone())).collect();
        let (id, mut expectation) = self.expect(&node_id);
        let order = LogOrder { id, tasks, options };
        if !(self.tell)(&node_id, ManagerMessage::PublishLogs(order)) {
            return vec![Failure::NotAvailable(node_id)];
        }
        let Ok(Ok(mut stream)) = timeout(ANSWER_TIMEOUT, &mut expectation.arrival).await else {
            return vec![Failure::NotAvailable(node_id)];
        };
        let mut failures = Vec::new();
        loop {
            match stream.receive().await {
                Ok(Some(LogReport::Lines(task_id, lines))) => {
                    let Some(service_id) = services.get(&task_id).cloned() else { continue };
                    let batch = LogBatch { node_id: node_id.clone(), service_id, task_id, lines };
                    if events.send(LogEvent::Lines(batch)).await.is_err() {
                        return failures;
                    }
                }
                Ok(Some(LogReport::Failed(task_id, reason))) => {
                    failures.push(Failure::Unreadable(task_id, reason));
                }
                Ok(Some(LogReport::Done)) => return failures,
                Ok(Some(LogReport::Begin(_)) | None) | Err(_) => {
                    failures.push(Failure::Disconnected(node_id));
                    return failures;
                }
            }
        }
    }

    /// Makes room for a stream of `node_id`.
    fn expect(&self, node_id: &NodeId) -> (PublicationId, Expectation<'_, S>) {
        let id = PublicationId(rand::random());
        let (arrived, arrival) = oneshot::channel();
        let expected = Expected { node_id: node_id.clone(), arrived };
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).insert(id, expected);
        (id, Expectation { broker: self, id, arrival })
    }
}

/// Waits for a stream. Nobody does after it is dropped.
struct Expectation<'a, S> {
    broker: &'a Broker<S>,
    id: PublicationId,
    arrival: oneshot::Receiver<PacedReceiver>,
}

impl<S> Drop for Expectation<'_, S> {
    fn drop(&mut self) {
        let mut expected = self.broker.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.remove(&self.id);
    }
}
