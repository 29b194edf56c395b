//! Whether nodes are drained: nothing of theirs runs any more, and what ran there runs elsewhere and has traffic.
//!
//! A pure state machine over what the API shows. It asks nothing and prints nothing: every observation yields lines for the display, and
//! what is still to be waited for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use swarmlite_proto::api::Node;
use swarmlite_proto::api::NodeState;
use swarmlite_proto::api::Service;
use swarmlite_proto::api::Task;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::task_state::TaskState;

use crate::convergence::Line;
use crate::convergence::MAX_BARS;
use crate::convergence::has_traffic;

/// Everything that one observation is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<'a> {
    /// The tasks on the nodes that are drained.
    pub(crate) on_nodes: &'a [Task],
    /// The services of [`Drain::services`] that still exist.
    pub(crate) services: &'a [Service],
    /// All their tasks.
    pub(crate) tasks: &'a [Task],
    /// All nodes.
    pub(crate) nodes: &'a [Node],
}

/// What one observation yields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remaining {
    /// Lines for the display.
    pub(crate) lines: Vec<Line>,
    /// What is still to be waited for, a line each. Empty when the nodes are drained.
    pub(crate) left: Vec<String>,
}

/// What is remembered between observations.
#[derive(Debug)]
pub(crate) struct Drain {
    nodes: BTreeSet<NodeId>,
    /// The replicas that have run on the nodes, as service and slot. What a node runs for a global service has no place elsewhere.
    replicas: BTreeSet<Replica>,
    /// Those that have left the nodes before. Whoever drains a node again waits for what of them is not back elsewhere.
    departed: BTreeSet<Replica>,
}

type Replica = (ServiceId, u64);

fn replica(task: &Task) -> Replica {
    (task.service_id.clone(), task.slot)
}

/// Where a task belongs, for people: a replica, or a node for global services.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TaskKey<'a> {
    service: &'a str,
    slot: u64,
    node: Option<&'a str>,
}

/// What is in a place.
#[derive(Default)]
struct Occupants<'a> {
    /// Tasks on the nodes that are drained, which have not ended.
    here: Vec<&'a Task>,
    /// The task that replaces them on another node.
    there: Option<&'a Task>,
}

impl Drain {
    /// Drains `nodes`, on which nothing has been seen yet.
    pub(crate) const fn new(nodes: BTreeSet<NodeId>) -> Self {
        Self { nodes, replicas: BTreeSet::new(), departed: BTreeSet::new() }
    }

    /// Takes in what is on the nodes, before they are drained and whenever they are looked at.
    pub(crate) fn take_in(&mut self, on_nodes: &[Task]) {
        for task in on_nodes.iter().filter(|task| task.slot > 0) {
            if !task.status.state.is_terminal() {
                self.replicas.insert(replica(task));
            } else if task.status.state == TaskState::Shutdown {
                self.departed.insert(replica(task));
            }
        }
    }

    /// The services whose replicas move.
    pub(crate) fn services(&self) -> BTreeSet<&ServiceId> {
        self.replicas.union(&self.departed).map(|(service, _)| service).collect()
    }

    /// The replicas that are moved: those that have run here, and those that ran here last before they were told to go.
    fn moving<'a>(&'a self, seen: &Observation<'a>) -> BTreeSet<&'a Replica> {
        let mut last: BTreeMap<Replica, &Task> = BTreeMap::new();
        for task in seen.tasks.iter().filter(|task| task.desired_state.is_terminal()) {
            let newest = last.entry(replica(task)).or_insert(task);
            if newest.created_at < task.created_at {
                *newest = task;
            }
        }
        let was_here = |replica: &&Replica| {
            last.get(*replica).is_some_and(|task| {
                task.status.state == TaskState::Shutdown
                    && task.node_id.as_ref().is_some_and(|node| self.nodes.contains(node))
            })
        };
        self.replicas.iter().chain(self.departed.iter().filter(was_here)).collect()
    }

    /// Looks at where everything is.
    pub(crate) fn observe(&self, seen: Observation<'_>) -> Remaining {
        let names = Names::new(&seen);
        let mut places: BTreeMap<TaskKey<'_>, Occupants<'_>> = BTreeMap::new();
        let moving = self.moving(&seen);
        let moving = moving.iter().filter(|(service, _)| names.services.contains_key(service));
        for (service, slot) in moving.copied() {
            let place = TaskKey { service: names.services[service], slot: *slot, node: None };
            let wanted_elsewhere = seen.tasks.iter().filter(|task| {
                (&task.service_id, task.slot) == (service, *slot)
                    && !task.desired_state.is_terminal()
                    && task.node_id.as_ref().is_none_or(|node| !self.nodes.contains(node))
            });
            places.entry(place).or_default().there = wanted_elsewhere
                .max_by_key(|task| (has_traffic(task), task.status.state, task.created_at));
        }
        let remaining = seen.on_nodes.iter().filter(|task| names.remains(task));
        for task in remaining.clone() {
            places.entry(names.place(task)).or_default().here.push(task);
        }
        let moved = places.iter().filter(|(place, it)| place.node.is_none() && it.is_settled());
        let overall = format!(
            "{} tasks left, {} of {} replicas moved",
            remaining.count(),
            moved.count(),
            places.keys().filter(|place| place.node.is_none()).count()
        );
        let mut lines = vec![Line::new("overall progress", overall)];
        if places.len() <= MAX_BARS {
            let line = |(place, it): (&TaskKey<'_>, &Occupants<'_>)| {
                Line::new(place.to_string(), it.describe(&names))
            };
            lines.extend(places.iter().map(line));
        }
        let left = places.iter().filter(|(_, it)| !it.is_settled());
        let left = left.map(|(place, it)| format!("{place}: {}", it.describe(&names))).collect();
        Remaining { lines, left }
    }
}

impl<'a> Occupants<'a> {
    /// Whether there is nothing to wait for: all has ended here, and the replacement has traffic, or there is none to come, as for a service
    /// that was scaled down meanwhile or must not be restarted.
    fn is_settled(&self) -> bool {
        self.here.is_empty() && self.there.is_none_or(has_traffic)
    }

    fn describe(&self, names: &Names<'a>) -> String {
        let here: Vec<_> = self.here.iter().map(|task| names.describe(task)).collect();
        match (&here[..], self.there.map(|task| names.describe(task))) {
            ([], None) => "ended".to_owned(),
            ([], Some(there)) => there,
            (_, None) => here.join(", "),
            (_, Some(there)) => format!("{}; replacement: {there}", here.join(", ")),
        }
    }
}

impl fmt::Display for TaskKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Some(node) => write!(f, "{}.{node}", self.service),
            None => write!(f, "{}.{}", self.service, self.slot),
        }
    }
}

/// What services and nodes are called, and which nodes are down.
struct Names<'a> {
    services: BTreeMap<&'a ServiceId, &'a str>,
    nodes: BTreeMap<&'a NodeId, &'a Node>,
}

impl<'a> Names<'a> {
    fn new(seen: &Observation<'a>) -> Self {
        Self {
            services: seen.services.iter().map(|it| (&it.id, &*it.spec.name)).collect(),
            nodes: seen.nodes.iter().map(|it| (&it.id, it)).collect(),
        }
    }

    /// Whether a task on a node has not ended, as far as can be known. Nobody waits for a node that is down.
    fn remains(&self, task: &Task) -> bool {
        let node = task.node_id.as_ref().and_then(|node| self.nodes.get(node));
        !task.status.state.is_terminal()
            && node.is_some_and(|node| node.status.state != NodeState::Down)
    }

    fn place(&self, task: &'a Task) -> TaskKey<'a> {
        let service = self.services.get(&task.service_id).copied();
        let node = task.node_id.as_ref().filter(|_| task.slot == 0).map(|node| self.node(node));
        TaskKey { service: service.unwrap_or(task.service_id.as_str()), slot: task.slot, node }
    }

    fn node(&self, id: &'a NodeId) -> &'a str {
        self.nodes.get(id).map_or(id.as_str(), |node| &*node.description.hostname)
    }

    /// What a task does, and where.
    fn describe(&self, task: &'a Task) -> String {
        if !task.status.err.is_empty() {
            return task.status.err.replace('\n', " ");
        }
        let what = match (task.status.state, &*task.routing) {
            (TaskState::Running, "unrouted") => "routing",
            (TaskState::Running, "draining") => "draining",
            (TaskState::Running, "drained") => "stopping",
            (state, _) => state.as_str(),
        };
        match &task.node_id {
            Some(node) => format!("{what} on {}", self.node(node)),
            None => what.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
