//! What has happened in the cluster, as Docker's events (moby `daemon/events.go`): which objects came, went and changed.
//!
//! Every manager tells of its own copy of the state, so that whoever listens to it goes on hearing when the leader changes. The last ones
//! are kept in memory for those who ask what has been; nothing of this is on any disk.

mod diff;

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde::Serialize;
use swarmlite_proto::time::Timestamp;
use tokio::sync::broadcast;
use tokio::sync::watch;

pub use self::diff::Seen;
pub use self::diff::between;
use crate::quorum::Quorum;
use crate::store::Store;

/// How many are kept, and how many a slow listener may be behind (moby `daemon/events/events.go`).
const KEPT: usize = 256;

/// Something that has happened to an object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What kind of object: `service`, `node`, `network`, `secret` or `config`.
    #[serde(rename = "Type")]
    pub kind: &'static str,
    /// What happened: `create`, `update` or `remove`.
    #[serde(rename = "Action")]
    pub action: &'static str,
    /// To which object.
    #[serde(rename = "Actor")]
    pub actor: Actor,
    /// Always `swarm`.
    pub scope: &'static str,
    /// When, in seconds since 1970.
    pub time: i64,
    /// When, in nanoseconds since 1970.
    #[serde(rename = "timeNano")]
    pub time_nano: i64,
}

/// The object that something happened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its name, and what has changed, before and after.
    #[serde(rename = "Attributes")]
    pub attributes: BTreeMap<String, String>,
}

impl Event {
    /// Something that happened `at` that moment.
    fn new(kind: &'static str, action: &'static str, actor: Actor, at: Timestamp) -> Self {
        let (time, nanoseconds) = at.to_unix();
        let time_nano = time.saturating_mul(1_000_000_000).saturating_add(nanoseconds.into());
        Self { kind, action, actor, scope: "swarm", time, time_nano }
    }
}

/// The last events, and those to come. Clones are the same.
#[derive(Clone, Debug)]
pub struct EventLog {
    shared: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kept: Mutex<VecDeque<Arc<Event>>>,
    live: broadcast::Sender<Arc<Event>>,
}

impl Default for EventLog {
    fn default() -> Self {
        let kept = Mutex::new(VecDeque::with_capacity(KEPT));
        Self { shared: Arc::new(Inner { kept, live: broadcast::Sender::new(KEPT) }) }
    }
}

impl EventLog {
    /// The events that are kept, in the order in which they were seen, and those that come after them.
    #[must_use]
    pub fn subscribe(&self) -> (Vec<Arc<Event>>, broadcast::Receiver<Arc<Event>>) {
        // Under the lock: none is in both, and none in neither.
        let kept = self.lock();
        (kept.iter().cloned().collect(), self.shared.live.subscribe())
    }

    /// Adds `events`, and forgets as many old ones.
    pub fn add(&self, events: Vec<Event>) {
        let mut kept = self.lock();
        for event in events.into_iter().map(Arc::new) {
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(Arc::clone(&event));
            // Nobody may be listening.
            let _nobody = self.shared.live.send(event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Event>>> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells `log` of every change, for ever. What is there at the start is no news.
pub(crate) async fn follow<S: Store>(store: S, mut quorum: watch::Receiver<Quorum>, log: EventLog) {
    let mut states = store.watch();
    let state = states.borrow_and_update().clone();
    let mut seen = Seen { state, quorum: quorum.borrow_and_update().clone() };
    loop {
        // Both are cancel-safe.
        let changed = tokio::select! {
            changed = states.changed() => changed,
            changed = quorum.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        let state = states.borrow_and_update().clone();
        let now = Seen { state, quorum: quorum.borrow_and_update().clone() };
        log.add(between(&seen, &now, Timestamp::now()));
        seen = now;
    }
}

#[cfg(test)]
mod tests;
