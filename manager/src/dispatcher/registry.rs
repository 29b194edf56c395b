//! Which nodes are in session, and how far their kernel tables are. In the memory of the leader, nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::version::Generation;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::SessionProgress;
use crate::reconcile::Programmed;

/// The sessions there are. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Registry {
    sessions: Arc<Mutex<Sessions>>,
    programmed: watch::Sender<Programmed>,
}

#[derive(Debug, Default)]
struct Sessions {
    opened: u64,
    by_node: BTreeMap<NodeId, Open>,
}

/// A session that is open.
#[derive(Debug)]
struct Open {
    number: u64,
    replaced: CancellationToken,
    orders: mpsc::Sender<ManagerMessage>,
    /// The generation of the last state that was looked at for it.
    told: Arc<AtomicU64>,
}

/// What others than the session itself have to say in it.
pub(super) type Orders = mpsc::Receiver<ManagerMessage>;

/// How many orders wait for a session. An agent that is that slow is as good as not there.
const ORDERS: usize = 64;

/// The one session of a node. Leaves the registry when dropped, unless another session has taken its place.
#[derive(Debug)]
pub(super) struct Seat {
    registry: Registry,
    node_id: NodeId,
    number: u64,
    replaced: CancellationToken,
    told: Arc<AtomicU64>,
}

impl Registry {
    /// Makes a seat for a session of `node_id`. If there is one, its session is told to end: an agent that calls again
    /// has given it up, even if nobody has noticed yet that its connection is dead.
    pub(super) fn open(&self, node_id: NodeId) -> (Seat, Orders) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.opened += 1;
        let (number, replaced) = (sessions.opened, CancellationToken::new());
        let (orders, receiver) = mpsc::channel(ORDERS);
        let told = Arc::new(AtomicU64::default());
        let open = Open { number, replaced: replaced.clone(), orders, told: Arc::clone(&told) };
        if let Some(before) = sessions.by_node.insert(node_id.clone(), open) {
            before.replaced.cancel();
        }
        // The node may have been restarted, with empty tables: only what it says in this session counts.
        self.programmed.send_if_modified(|programmed| programmed.remove(&node_id).is_some());
        (Seat { registry: self.clone(), node_id, number, replaced, told }, receiver)
    }

    /// Has `message` said in the session of `node_id`. The answer is whether there is one that will.
    pub(super) fn tell(&self, node_id: &NodeId, message: ManagerMessage) -> bool {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.by_node.get(node_id).is_some_and(|open| open.orders.try_send(message).is_ok())
    }

    pub(super) fn programmed(&self) -> watch::Receiver<Programmed> {
        self.programmed.subscribe()
    }

    /// How many sessions there are.
    pub(super) fn sessions(&self) -> usize {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).by_node.len()
    }

    /// How far each node in session is.
    pub(super) fn progress(&self) -> BTreeMap<NodeId, SessionProgress> {
        let programmed = self.programmed.borrow().clone();
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = sessions.by_node.iter().map(|(node_id, open)| {
            let told = Generation(open.told.load(Ordering::Relaxed));
            let programmed = programmed.get(node_id).copied();
            (node_id.clone(), SessionProgress { told, programmed })
        });
        progress.collect()
    }
}

impl Seat {
    /// The node that is in session.
    pub(super) const fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    /// Waits until another session of the same node begins.
    pub(super) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }

    /// Whether another session of the same node has begun.
    pub(super) fn is_replaced(&self) -> bool {
        self.replaced.is_cancelled()
    }

    /// Notes that the node was told what is different for it up to `generation`. For those who look on only, and therefore without a lock.
    pub(super) fn told(&self, generation: Generation) {
        self.told.store(generation.0, Ordering::Relaxed);
    }

    /// Notes what the node's kernel tables have reached.
    pub(super) fn programmed(&self, generation: Generation) {
        let sessions = self.registry.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.seated(self) {
            self.registry.programmed.send_if_modified(|programmed| {
                programmed.insert(self.node_id.clone(), generation) != Some(generation)
            });
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut sessions = self.registry.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.seated(self) {
            sessions.by_node.remove(&self.node_id);
            let programmed = &self.registry.programmed;
            programmed.send_if_modified(|programmed| programmed.remove(&self.node_id).is_some());
        }
    }
}

impl Sessions {
    /// Whether nobody has taken this seat since.
    fn seated(&self, seat: &Seat) -> bool {
        self.by_node.get(&seat.node_id).is_some_and(|open| open.number == seat.number)
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::version::Generation;

    use super::*;
    use crate::state::fixture::node;

    #[tokio::test]
    async fn a_new_session_takes_the_seat_and_the_old_one_leaves_no_trace() {
        let registry = Registry::default();
        let id = node(1, 1).id;
        let programmed = registry.programmed();
        let (old, _) = registry.open(id.clone());
        old.programmed(Generation(7));
        assert_eq!(programmed.borrow().get(&id), Some(&Generation(7)));
        let (new, _) = registry.open(id.clone());
        let told = old.replaced();
        tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("is told");
        assert!(programmed.borrow().is_empty());
        assert_eq!(registry.progress()[&id].programmed, None);
        new.told(Generation(6));
        old.told(Generation(9));
        new.programmed(Generation(5));
        old.programmed(Generation(8));
        drop(old);
        assert_eq!(programmed.borrow().get(&id), Some(&Generation(5)));
        let progress = registry.progress()[&id];
        assert_eq!((progress.told, progress.programmed), (Generation(6), Some(Generation(5))));
        drop(new);
        assert!(programmed.borrow().is_empty());
        assert!(registry.progress().is_empty());
    }
}
