//! The managers' side of sessions: tells agents what their nodes are to know, and writes down what they say.
//!
//! - [`assignment`]: what a node is to know.
//! - `session`: what one session says and asks for, as a pure state machine.
//! - `server`: the call that opens a session, and the shell that carries it out.
//! - `reports`: what nodes report of themselves, for other managers.
//! - `registry`: one session per node, and what each node's kernel tables have reached.
//! - `pace`: when sessions look at the state.
//! - `turns`: what sessions tell of a change, found once for all of them.
//! - `statuses`: writes the statuses of all sessions, in few transactions.
//!
//! Sessions live on the leader only and end with its leadership, so that agents look for the next leader. That a session has
//! ended says nothing about the node: whether a node is alive is decided by [`crate::liveness`], from when it was last heard of, and from
//! what other nodes report of it.

pub mod assignment;
mod pace;
mod registry;
mod reports;
mod server;
pub(crate) mod session;
mod statuses;
pub(crate) mod turns;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::id::NodeId;
use tokio::sync::watch;

use self::registry::Registry;
use self::statuses::StatusWriter;
use self::turns::Turns;
use crate::heartbeat::Sessions;
use crate::metrics::SchedulingDelay;
use crate::metrics::SessionProgress;
use crate::raft::Leadership;
use crate::reconcile::Programmed;
use crate::state::State;
use crate::store::Store;

/// Holds the sessions of agents. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher<S> {
    shared: Arc<Inner<S>>,
}

struct Inner<S> {
    store: S,
    /// The state that sessions tell of. Not always the newest.
    shown: watch::Receiver<State>,
    leadership: watch::Receiver<Leadership>,
    heard: watch::Sender<Sessions>,
    registry: Registry,
    turns: Turns,
    statuses: StatusWriter,
    delay: SchedulingDelay,
}

impl<S> fmt::Debug for Dispatcher<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("registry", &self.shared.registry)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Dispatcher<S> {
    /// A dispatcher that notes in `heard` when it hears of agents. Has to be called in a runtime.
    #[must_use]
    pub fn new(
        store: S,
        leadership: watch::Receiver<Leadership>,
        heard: watch::Sender<Sessions>,
    ) -> Self {
        let delay = SchedulingDelay::default();
        let statuses = StatusWriter::start(store.clone(), delay.clone());
        let (registry, turns) = (Registry::default(), Turns::default());
        let (sender, shown) = watch::channel(store.state());
        let seats = registry.clone();
        tokio::spawn(pace::show(store.watch(), sender, move || seats.sessions()));
        let inner = Inner { store, shown, leadership, heard, registry, turns, statuses, delay };
        Self { shared: Arc::new(inner) }
    }

    /// Follows which generation the kernel tables of each node have reached. Nodes that are not in session are missing.
    #[must_use]
    pub fn programmed(&self) -> watch::Receiver<Programmed> {
        self.shared.registry.programmed()
    }

    /// How far each node in session is.
    pub(crate) fn progress(&self) -> BTreeMap<NodeId, SessionProgress> {
        self.shared.registry.progress()
    }

    /// How long tasks have taken until they ran.
    pub(crate) fn scheduling_delay(&self) -> &SchedulingDelay {
        &self.shared.delay
    }

    /// Has `message` said to the agent of `node_id`. The answer is whether it is in session; whether it has heard, only itself can tell.
    #[must_use]
    pub fn tell(&self, node_id: &NodeId, message: ManagerMessage) -> bool {
        self.shared.registry.tell(node_id, message)
    }
}

#[cfg(test)]
mod tests;
