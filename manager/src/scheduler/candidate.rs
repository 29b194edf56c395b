//! What the scheduler knows of a node and of the tasks it has to place.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::validate::constraint::Constraint;
use swarmlite_proto::version::Version;

use super::claim::FreeResources;
use crate::placement::Reserved;
use crate::state::Revision;
use crate::state::State;

/// Failures older than this say nothing about a node (swarmkit `manager/scheduler/nodeinfo.go`, `monitorFailures`).
const FAILURE_MEMORY: Duration = Duration::from_secs(5 * 60);

/// Identical tasks: of one service, made from one spec.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Their service.
    pub service: ServiceId,
    /// The spec they were made from.
    pub version: Version,
    /// That spec.
    pub revision: Arc<Revision>,
    /// The constraints of it; `None` if one of them cannot be read, which no node can meet then.
    pub constraints: Option<Vec<Constraint>>,
    /// What each of them sets aside.
    pub reserved: Reserved,
    /// The ports that each of them needs on its node.
    pub host_ports: BTreeSet<(PortProtocol, u16)>,
}

/// A node, with what its tasks use of it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<'a> {
    /// The node.
    pub node: &'a Node,
    /// What it has that is not set aside. Negative if the node has shrunk.
    pub available: Reserved,
    /// Which of its named resources no task has.
    pub free: FreeResources,
    /// The ports of the node that tasks use.
    pub host_ports: BTreeSet<(PortProtocol, u16)>,
    /// How many tasks it should run.
    pub tasks: usize,
    /// The same by service.
    pub tasks_by_service: BTreeMap<ServiceId, usize>,
    /// Failures of late, by service and spec.
    pub failures: BTreeMap<(ServiceId, Version), usize>,
}

impl Group {
    /// The tasks of `service` made from the spec `version`.
    #[must_use]
    pub(crate) fn new(service: ServiceId, version: Version, revision: Arc<Revision>) -> Self {
        let placement = revision.task.placement.as_ref();
        let texts = placement.into_iter().flat_map(|placement| &placement.constraints);
        let constraints = texts.map(|text| Constraint::parse(text).ok()).collect();
        let reserved = Reserved::by(&revision);
        let host_ports = host_ports(&revision).collect();
        Self { service, version, revision, constraints, reserved, host_ports }
    }
}

impl<'a> Candidate<'a> {
    /// The node as its tasks leave it.
    #[must_use]
    pub(crate) fn new(state: &State, node: &'a Node, now: Timestamp) -> Self {
        let mut candidate = Self {
            node,
            available: Reserved::total(node),
            free: FreeResources::of(node),
            host_ports: BTreeSet::new(),
            tasks: 0,
            tasks_by_service: BTreeMap::new(),
            failures: BTreeMap::new(),
        };
        for task in state.tasks_of_node(&node.id) {
            candidate.count(state, task, now);
        }
        candidate
    }

    fn count(&mut self, state: &State, task: &Task, now: Timestamp) {
        if task.status.state.is_terminal() {
            let failed = matches!(task.status.state, TaskState::Failed | TaskState::Rejected);
            if failed && now.since(task.status.timestamp) < FAILURE_MEMORY {
                let key = (task.service_id.clone(), task.spec_version);
                *self.failures.entry(key).or_default() += 1;
            }
            return;
        }
        // A task of a global service that waits for this scheduler uses nothing yet.
        if task.status.state < TaskState::Assigned {
            return;
        }
        self.occupy(state, task);
    }

    /// Counts what `task`, which is here, uses. One that is being stopped still has its resources and its ports.
    pub(crate) fn occupy(&mut self, state: &State, task: &Task) {
        if let Some(revision) = state.revision_of(task) {
            self.available.subtract(&Reserved::by(revision));
            self.host_ports.extend(host_ports(revision));
        }
        self.free.take(&task.generic_resources);
        if task.desired_state.is_wanted() {
            self.tasks += 1;
            *self.tasks_by_service.entry(task.service_id.clone()).or_default() += 1;
        }
    }

    /// Takes back what [`Candidate::occupy`] counted.
    pub(crate) fn release(&mut self, state: &State, task: &Task) {
        if let Some(revision) = state.revision_of(task) {
            self.available.add(&Reserved::by(revision));
            for port in host_ports(revision) {
                self.host_ports.remove(&port);
            }
        }
        self.free.put_back(&task.generic_resources);
        if task.desired_state.is_wanted() {
            self.tasks = self.tasks.saturating_sub(1);
            let of_service = self.tasks_by_service.entry(task.service_id.clone()).or_default();
            *of_service = of_service.saturating_sub(1);
        }
    }

    /// Places one more task of `group` here. Returns which of the countable resources it is given.
    pub(crate) fn place(&mut self, group: &Group) -> Vec<GenericResource> {
        self.available.subtract(&group.reserved);
        self.host_ports.extend(group.host_ports.iter().copied());
        self.tasks += 1;
        *self.tasks_by_service.entry(group.service.clone()).or_default() += 1;
        self.free.give(&group.reserved.generic)
    }

    /// How many tasks of the service it should run.
    #[must_use]
    pub(crate) fn tasks_of(&self, service: &ServiceId) -> usize {
        self.tasks_by_service.get(service).copied().unwrap_or(0)
    }

    /// How often tasks of the group have failed here of late.
    #[must_use]
    pub(crate) fn failures_of(&self, group: &Group) -> usize {
        self.failures.get(&(group.service.clone(), group.version)).copied().unwrap_or(0)
    }

    /// Its id.
    #[must_use]
    pub(crate) const fn id(&self) -> &'a NodeId {
        &self.node.id
    }
}

/// The ports that a task of this spec takes on its node. A port that the engine chooses is always free.
fn host_ports(revision: &Revision) -> impl Iterator<Item = (PortProtocol, u16)> + '_ {
    let ports = revision.service.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
    ports
        .filter(|port| port.publish_mode == PublishMode::Host && port.published_port != 0)
        .map(|port| (port.protocol, port.published_port))
}
