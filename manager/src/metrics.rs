//! The numbers of a manager, for Prometheus.
//!
//! What happens is counted where it happens: [`RaftMetrics`], [`LoopMetrics`], [`SchedulingDelay`]. What follows from what there is, is
//! computed when somebody asks: [`Facts`].
//!
//! A fact that Docker tells too has the name it has there (swarmkit `manager/metrics`, `manager/state/raft`, `manager/dispatcher`), so that
//! dashboards made for Docker Swarm work; these names win over Prometheus' rules. All others begin with `swarmlite_`.
//!
//! Nothing is decided from these numbers.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use prometheus_client::registry::Unit;
use swarmlite_proto::api::NodeState;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::version::Generation;

use crate::quorum::Quorum;
use crate::state::State;

/// The bounds of Docker's histograms, in seconds (docker/go-metrics takes those of Prometheus' client for Go).
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The bounds for passes of loops, in seconds: most take microseconds.
const PASS_BOUNDS: [f64; 9] = [0.000_01, 0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];

/// One label and its value.
type Label = [(&'static str, &'static str); 1];

/// A gauge of things that are counted.
type Whole = Gauge<u64, AtomicU64>;

/// What became of a transaction that was proposed to this manager as the leader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// Raft has committed it, and the state has taken it.
    Accepted,
    /// Raft has committed it, and the state has not.
    Refused,
    /// Raft has not committed it, as far as is known.
    Failed,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What raft does. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct RaftMetrics {
    proposals: Family<Label, Counter>,
    latency: Histogram,
    snapshots: Histogram,
}

impl Default for RaftMetrics {
    fn default() -> Self {
        Self {
            proposals: Family::default(),
            latency: Histogram::new(BOUNDS),
            snapshots: Histogram::new(BOUNDS),
        }
    }
}

impl RaftMetrics {
    /// A transaction was proposed, and this became of it after `took`.
    pub(crate) fn proposed(&self, outcome: Outcome, took: Duration) {
        self.proposals.get_or_create(&[("outcome", outcome.as_str())]).inc();
        if !matches!(outcome, Outcome::Failed) {
            self.latency.observe(took.as_secs_f64());
        }
    }

    /// A snapshot was made.
    pub(crate) fn made_snapshot(&self, took: Duration) {
        self.snapshots.observe(took.as_secs_f64());
    }

    /// Has these numbers shown.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "swarmlite_raft_proposals",
            "Transactions proposed to this manager as the leader, by what became of them",
            self.proposals.clone(),
        );
        registry.register_with_unit(
            "swarm_raft_transaction_latency",
            "Raft transaction latency: from the proposal on the leader until it is applied there",
            Unit::Seconds,
            self.latency.clone(),
        );
        registry.register_with_unit(
            "swarm_raft_snapshot_latency",
            "Raft snapshot create latency",
            Unit::Seconds,
            self.snapshots.clone(),
        );
    }
}

/// What the loops of the leader do. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct LoopMetrics {
    passes: Family<Label, Histogram, fn() -> Histogram>,
    proposed: Family<Label, Counter>,
    refused: Family<Label, Counter>,
}

impl Default for LoopMetrics {
    fn default() -> Self {
        Self {
            passes: Family::new_with_constructor(|| Histogram::new(PASS_BOUNDS)),
            proposed: Family::default(),
            refused: Family::default(),
        }
    }
}

/// What one loop does.
#[derive(Clone, Debug)]
pub(crate) struct OneLoop {
    passes: Histogram,
    proposed: Counter,
    refused: Counter,
}

impl LoopMetrics {
    /// The numbers of the loop of this name.
    pub(crate) fn of(&self, name: &'static str) -> OneLoop {
        let label = [("loop", name)];
        OneLoop {
            passes: self.passes.get_or_create_owned(&label),
            proposed: self.proposed.get_or_create_owned(&label),
            refused: self.refused.get_or_create_owned(&label),
        }
    }

    /// Has these numbers shown.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "swarmlite_loop_pass_duration",
            "Time that a pass of a loop of the leader takes to decide",
            Unit::Seconds,
            self.passes.clone(),
        );
        registry.register(
            "swarmlite_loop_transactions_proposed",
            "Transactions that a loop of the leader has proposed",
            self.proposed.clone(),
        );
        registry.register(
            "swarmlite_loop_transactions_refused",
            "Transactions of a loop of the leader that were not carried out, mostly as something else was faster",
            self.refused.clone(),
        );
    }
}

impl OneLoop {
    /// It has decided for so long.
    pub(crate) fn passed(&self, took: Duration) {
        self.passes.observe(took.as_secs_f64());
    }

    /// It has proposed so many transactions, of which some were not carried out.
    pub(crate) fn proposed(&self, transactions: usize, refused: usize) {
        self.proposed.inc_by(transactions as u64);
        self.refused.inc_by(refused as u64);
    }
}

/// How long tasks take until they run. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct SchedulingDelay(Histogram);

impl Default for SchedulingDelay {
    fn default() -> Self {
        Self(Histogram::new(BOUNDS))
    }
}

impl SchedulingDelay {
    /// A task has begun to run.
    pub(crate) fn runs_after(&self, delay: Duration) {
        self.0.observe(delay.as_secs_f64());
    }

    /// Has this number shown.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "swarm_dispatcher_scheduling_delay",
            "Scheduling delay is the time a task takes to go from NEW to RUNNING state",
            Unit::Seconds,
            self.0.clone(),
        );
    }
}

/// How far raft is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RaftProgress {
    /// Whether this manager leads.
    pub(crate) leads: bool,
    /// The term.
    pub(crate) term: u64,
    /// The last entry of the log.
    pub(crate) last_log_index: u64,
    /// The last entry that the state includes.
    pub(crate) applied_index: u64,
    /// The last entry that the snapshot includes; 0 without a snapshot.
    pub(crate) snapshot_index: u64,
    /// Bytes that the log takes on the disk, if that can be told.
    pub(crate) log_bytes: Option<u64>,
}

/// How far the agent of a node in session is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionProgress {
    /// The last state that was looked at for it.
    pub(crate) told: Generation,
    /// What its node's kernel tables have reached, once it has said so.
    pub(crate) programmed: Option<Generation>,
}

/// What there is.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The replicated state, as far as this manager is.
    pub(crate) state: State,
    /// How far raft is.
    pub(crate) raft: RaftProgress,
    /// Which managers can be reached.
    pub(crate) quorum: Quorum,
    /// The agents in session. None unless this manager leads.
    pub(crate) sessions: BTreeMap<NodeId, SessionProgress>,
}

impl Facts {
    /// Has shown what follows from these.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.register_state(registry);
        self.register_raft(registry);
        self.register_sessions(registry);
    }

    fn register_state(&self, registry: &mut Registry) {
        let state = &self.state;
        let nodes = state.nodes().values();
        let nodes = nodes.map(|node| NodeState::from(node.status.state).as_str());
        let states =
            [NodeState::Unknown, NodeState::Down, NodeState::Ready, NodeState::Disconnected];
        let nodes = counts("state", states.map(NodeState::as_str), nodes);
        registry.register("swarm_manager_nodes", "The number of nodes", nodes);
        let tasks = state.tasks().values().map(|task| task.status.state.as_str());
        let tasks = counts("state", TaskState::ALL.map(TaskState::as_str), tasks);
        registry.register(
            "swarm_manager_tasks_total",
            "The number of tasks in the cluster object store",
            tasks,
        );
        let secrets = state.documents::<SecretKind>().len();
        let configs = state.documents::<ConfigKind>().len();
        for (kind, count) in [
            ("services", state.services().len()),
            ("networks", state.networks().len()),
            ("secrets", secrets),
            ("configs", configs),
        ] {
            registry.register(
                format!("swarm_manager_{kind}_total"),
                format!("The number of {kind} in the cluster object store"),
                ConstGauge::new(count as u64),
            );
        }
    }

    fn register_raft(&self, registry: &mut Registry) {
        let RaftProgress { leads, term, last_log_index, applied_index, snapshot_index, log_bytes } =
            self.raft;
        for (name, help, value) in [
            (
                "swarm_manager_leader",
                "Indicates if this manager node is a leader",
                u64::from(leads),
            ),
            ("swarmlite_raft_term", "The term of raft", term),
            (
                "swarmlite_raft_last_log_index",
                "The last entry of the log of this manager",
                last_log_index,
            ),
            (
                "swarmlite_raft_applied_index",
                "The last entry that the state of this manager includes",
                applied_index,
            ),
            (
                "swarmlite_raft_snapshot_index",
                "The last entry that the snapshot of this manager includes; 0 without a snapshot",
                snapshot_index,
            ),
        ] {
            registry.register(name, help, ConstGauge::new(value));
        }
        if let Some(bytes) = log_bytes {
            registry.register_with_unit(
                "swarmlite_raft_log_size",
                "What the log takes on the disk",
                Unit::Bytes,
                ConstGauge::new(bytes),
            );
        }
        let managers = self.state.nodes().values().filter(|node| node.manager.is_some());
        let reachability = managers.map(|node| self.quorum.reachability(node).as_str());
        let all = [Reachability::Reachable, Reachability::Unreachable, Reachability::Unknown];
        registry.register(
            "swarmlite_raft_managers",
            "The managers, by whether the leader reaches them",
            counts("reachability", all.map(Reachability::as_str), reachability),
        );
    }

    fn register_sessions(&self, registry: &mut Registry) {
        let told = Family::<[(&str, String); 1], Whole>::default();
        let programmed = Family::<[(&str, String); 1], Whole>::default();
        for (node, progress) in &self.sessions {
            let label = [("node_id", node.to_string())];
            told.get_or_create(&label).set(progress.told.0);
            if let Some(reached) = progress.programmed {
                programmed.get_or_create(&label).set(reached.0);
            }
        }
        registry.register(
            "swarmlite_dispatcher_sessions",
            "The agents in session with this manager",
            ConstGauge::new(self.sessions.len() as u64),
        );
        registry.register(
            "swarmlite_dispatcher_told_generation",
            "The last generation that a node was told, or had to be told nothing of",
            told,
        );
        registry.register(
            "swarmlite_dispatcher_programmed_generation",
            "The last generation that the kernel tables of a node have reached",
            programmed,
        );
    }
}

/// How often each of `values` is there; those of `known` that are not there 0 times.
fn counts<const N: usize>(
    label: &'static str,
    known: [&'static str; N],
    values: impl Iterator<Item = &'static str>,
) -> Family<Label, Whole> {
    let mut counts = BTreeMap::from(known.map(|value| (value, 0)));
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let family = Family::<Label, Whole>::default();
    for (value, count) in counts {
        family.get_or_create(&[(label, value)]).set(count);
    }
    family
}

#[cfg(test)]
mod tests;
