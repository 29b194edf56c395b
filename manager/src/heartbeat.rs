//! Signs of life: how often agents have to give one, and when each was last heard of.
//!
//! What silence means is for [`crate::liveness`] to say.

use std::time::Duration;

use imbl::OrdMap;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::DispatcherConfig;
use swarmlite_proto::time::Timestamp;

use crate::load::Loads;
use crate::reports::Traffics;
use crate::state::State;
use crate::suspicion::Suspicions;

/// A node is down when it was silent for so many heartbeat periods (swarmkit `manager/dispatcher/dispatcher.go`).
pub(crate) const GRACE_PERIODS: u32 = 3;

/// When each agent was last heard of. Lives in the memory of the leader, and starts empty with every leader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Every pass of every loop looks at a copy of its own, which costs nothing.
    last_heard: OrdMap<NodeId, Timestamp>,
    /// What the machines of nodes have to do. Nobody is woken by it.
    pub(crate) loads: Loads,
    /// What nodes answer over HTTP. Nobody is woken by it.
    pub(crate) traffic: Traffics,
    /// Which nodes others cannot reach.
    pub(crate) suspicions: Suspicions,
}

impl Sessions {
    /// Of nodes that were not heard of, but of which it is known what they have to do: for copies of the cluster that something is tried out on.
    pub(crate) fn with_loads(loads: Loads) -> Self {
        Self { loads, ..Self::default() }
    }

    /// Notes a sign of life from an agent that was told to give one per `period`. Returns whether the loops should know at once,
    /// which is so after a silence in which the node was given up, or was asked for this: fit for [`tokio::sync::watch::Sender::send_if_modified`].
    pub fn heard(&mut self, node: &NodeId, now: Timestamp, period: Duration) -> bool {
        let before = self.last_heard.insert(node.clone(), now);
        let waited_for = self.suspicions.heard(node);
        waited_for || before.is_none_or(|before| now.since(before) >= period * GRACE_PERIODS)
    }

    /// Forgets a node that has said good-bye, or that was removed. Returns whether it was known.
    pub fn forget(&mut self, node: &NodeId) -> bool {
        self.suspicions.heard(node);
        self.loads.remove(node);
        self.traffic.remove(node);
        self.last_heard.remove(node).is_some()
    }

    /// When the node was last heard of.
    #[must_use]
    pub fn last_heard(&self, node: &NodeId) -> Option<Timestamp> {
        self.last_heard.get(node).copied()
    }
}

/// How often agents have to give a sign of life.
#[must_use]
pub(crate) fn heartbeat_period(state: &State) -> Duration {
    state
        .cluster()
        .map(|cluster| cluster.spec.dispatcher.heartbeat_period)
        .filter(|period| !period.is_zero())
        .unwrap_or(DispatcherConfig::DEFAULT_HEARTBEAT)
        .to_duration()
}
