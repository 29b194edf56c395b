//! The numbers of an agent, for Prometheus.
//!
//! [`TaskStates`] are counted as tasks move on; all else follows from what there is when somebody asks: [`Facts`]. A fact that Docker tells too
//! has the name it has there (swarmkit `node/node.go`); all others begin with `swarmlite_agent_`.
//!
//! Nothing is decided from these numbers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proxy::Proxy;

use crate::network::KernelProgress;
use crate::network::Reached;
use crate::standing::Known;

/// One label and its value.
type Label = [(&'static str, &'static str); 1];

/// How many tasks are in each state. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct TaskStates(Family<Label, Gauge>);

impl Default for TaskStates {
    fn default() -> Self {
        let states = Self(Family::default());
        for state in TaskState::ALL {
            states.of(state).set(0);
        }
        states
    }
}

impl TaskStates {
    /// Counts one more task, until that is dropped.
    pub(crate) fn count(&self, state: TaskState) -> CountedTask {
        self.of(state).inc();
        CountedTask { states: self.clone(), state }
    }

    fn of(&self, state: TaskState) -> Gauge {
        self.0.get_or_create_owned(&[("state", state.as_str())])
    }
}

/// A task among those that are counted.
#[derive(Debug)]
pub(crate) struct CountedTask {
    states: TaskStates,
    state: TaskState,
}

impl CountedTask {
    /// The task is in `state` now.
    pub(crate) fn is(&mut self, state: TaskState) {
        self.states.of(self.state).dec();
        self.states.of(state).inc();
        self.state = state;
    }
}

impl Drop for CountedTask {
    fn drop(&mut self) {
        self.states.of(self.state).dec();
    }
}

/// What there is.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Who the node is.
    pub(crate) identity: Identity,
    /// What it was told.
    pub(crate) known: Known,
    /// Whether it is in session with the leader.
    pub(crate) connected: bool,
    /// Statuses of tasks that the managers have not stored yet.
    pub(crate) waiting: usize,
    /// What it has for tasks. A witness has nothing.
    pub(crate) work: Option<WorkFacts>,
}

/// What there is where tasks run.
#[derive(Debug)]
pub(crate) struct WorkFacts {
    /// Whether the engine answers.
    pub(crate) engine: bool,
    /// What its kernel tables have reached.
    pub(crate) progress: KernelProgress,
    /// Which other nodes answer through the tunnel.
    pub(crate) reached: Reached,
    /// How many tasks are in each state.
    pub(crate) tasks: TaskStates,
    /// What answers HTTP, if anything does.
    pub(crate) proxy: Option<Arc<Proxy>>,
}

impl Facts {
    /// These numbers.
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        self.register_node(&mut registry);
        self.register_assignments(&mut registry);
        if let Some(work) = &self.work {
            work.register(&mut registry);
        }
        registry
    }

    fn register_node(&self, registry: &mut Registry) {
        let Identity { node_id, cluster_id, role, .. } = &self.identity;
        let info = Family::<[(&str, String); 2], Gauge>::default();
        let names = [("node_id", node_id.to_string()), ("swarm_id", cluster_id.to_string())];
        info.get_or_create(&names).set(1);
        registry.register("swarm_node_info", "Information related to the swarm", info);
        for (name, help, is) in [
            (
                "swarm_node_manager",
                "Whether this node is a manager or not",
                *role == NodeRole::Manager,
            ),
            (
                "swarmlite_agent_session_connected",
                "Whether the agent is in session with the leader",
                self.connected,
            ),
        ] {
            registry.register(name, help, ConstGauge::new(u32::from(is)));
        }
    }

    fn register_assignments(&self, registry: &mut Registry) {
        let assignments = Family::<Label, Gauge>::default();
        let known = self.known.as_deref().cloned().unwrap_or_default();
        for (kind, count) in [
            ("task", known.tasks.len()),
            ("network", known.networks.len()),
            ("node", known.peers.len()),
            ("service", known.endpoints.len()),
            ("secret", known.secrets.len()),
            ("config", known.configs.len()),
            ("attachment", known.attachments.len()),
        ] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            assignments.get_or_create(&[("kind", kind)]).set(count);
        }
        registry.register(
            "swarmlite_agent_assignments",
            "What the managers have told this node, by kind",
            assignments,
        );
        registry.register(
            "swarmlite_agent_statuses_waiting",
            "Tasks of whose status the managers have not confirmed that they have stored it",
            ConstGauge::new(self.waiting as u64),
        );
        registry.register(
            "swarmlite_agent_told_generation",
            "The generation of the last assignments",
            ConstGauge::new(known.generation.0),
        );
    }
}

impl WorkFacts {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "swarmlite_agent_engine_up",
            "Whether the Docker Engine of this node answers, or has within the last 30 seconds",
            ConstGauge::new(u32::from(self.engine)),
        );
        registry.register(
            "swarmlite_agent_tasks",
            "The tasks of this node, by the state that the agent has found them in",
            self.tasks.0.clone(),
        );
        self.register_tables(registry);
        if let Some(proxy) = &self.proxy {
            register_http(proxy, registry);
        }
    }

    fn register_tables(&self, registry: &mut Registry) {
        registry.register(
            "swarmlite_agent_programmed_generation",
            "The generation that the kernel tables of this node have reached",
            ConstGauge::new(self.progress.generation.0),
        );
        registry.register(
            "swarmlite_agent_kernel_repairs",
            "Operations by which the agent has put right what others had changed in the kernel tables",
            ConstCounter::new(self.progress.repaired),
        );
        let peers = Family::<Label, Gauge>::default();
        for (state, nodes) in [("answering", &self.reached.answering), ("lost", &self.reached.lost)]
        {
            let count = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
            peers.get_or_create(&[("state", state)]).set(count);
        }
        registry.register(
            "swarmlite_agent_tunnel_peers",
            "Other nodes, by whether they answer this one through the tunnel",
            peers,
        );
    }
}

/// What the proxy has answered since it began to.
fn register_http(proxy: &Proxy, registry: &mut Registry) {
    let answers = Family::<[(&str, String); 3], Counter>::default();
    let unreachable = Family::<[(&str, String); 2], Counter>::default();
    let limited = Family::<[(&str, String); 2], Counter>::default();
    for rule in proxy.current().rules() {
        let labels = || {
            let asked = rule.route.asked().to_string();
            [("service", rule.service.name.clone()), ("rule", asked)]
        };
        for (class, count) in (1..).zip(&rule.counters.answers) {
            let [service, asked] = labels();
            let labels = [service, asked, ("status", format!("{class}xx"))];
            answers.get_or_create(&labels).inc_by(count.load(Ordering::Relaxed));
        }
        let count = rule.counters.unreachable.load(Ordering::Relaxed);
        unreachable.get_or_create(&labels()).inc_by(count);
        let count = rule.counters.limited.load(Ordering::Relaxed);
        limited.get_or_create(&labels()).inc_by(count);
    }
    registry.register(
        "swarmlite_agent_http_answers",
        "Answers of this node to HTTP requests, by the service, its rule and the class of the status",
        answers,
    );
    registry.register(
        "swarmlite_agent_http_unreachable",
        "Connections to tasks of a service that could not be opened to answer HTTP",
        unreachable,
    );
    registry.register(
        "swarmlite_agent_http_limited",
        "HTTP requests for a service that were refused, as their clients made more than its rules allow",
        limited,
    );
    registry.register(
        "swarmlite_agent_http_unmatched",
        "HTTP requests that no rule of a service takes",
        ConstCounter::new(proxy.unmatched()),
    );
    if let Some(log) = proxy.access_log() {
        registry.register(
            "swarmlite_agent_http_access_log_dropped",
            "Lines of the access log of this node that found no room, or could not be written",
            ConstCounter::new(log.lines.dropped()),
        );
    }
}

#[cfg(test)]
mod tests;
