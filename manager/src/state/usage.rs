//! What the tasks of each node use of it: kept as tasks change, so that the scheduler looks at no task that has a node already.
//!
//! It follows from the tables alone. What a node has, and whether a task would fit there, is for those who place tasks.

use std::sync::LazyLock;

use imbl::OrdMap;
use imbl::OrdSet;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use super::Reserved;
use super::Revision;

/// A node without tasks.
static NOTHING: LazyLock<NodeUsage> = LazyLock::new(NodeUsage::default);

/// What the tasks of one node use of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeUsage {
    /// What they have set aside. Those that are being stopped still have it.
    pub(crate) reserved: Reserved,
    /// The ports of the node that they publish, each with how many of them do.
    pub(crate) host_ports: OrdMap<(PortProtocol, u16), usize>,
    /// The named resources that they were given, as kind and name, each with how many have it: a task and its successor, at most.
    pub(crate) given: OrdMap<(String, String), usize>,
    /// How many of them are wanted.
    pub(crate) tasks: usize,
    /// The same by service.
    pub(crate) tasks_by_service: OrdMap<ServiceId, usize>,
    /// Those that have failed here, by service and spec, with the time.
    failures: OrdMap<(ServiceId, Version, TaskId), Timestamp>,
}

impl NodeUsage {
    /// How many tasks of the service the node should run.
    #[must_use]
    pub(crate) fn tasks_of(&self, service: &ServiceId) -> usize {
        self.tasks_by_service.get(service).copied().unwrap_or(0)
    }

    /// When tasks of `service` that were made from the spec `version` have failed here.
    pub(crate) fn failures_of(
        &self,
        service: &ServiceId,
        version: Version,
    ) -> impl Iterator<Item = Timestamp> {
        let of_spec = self.failures.range((service.clone(), version, TaskId::FIRST)..);
        of_spec
            .take_while(move |((one, other, _), _)| one == service && *other == version)
            .map(|(_, at)| *at)
    }

    /// Counts a task of this spec that has `given` and that the node has to run.
    pub(crate) fn occupy(
        &mut self,
        service: &ServiceId,
        revision: Option<&Revision>,
        given: &[GenericResource],
        is_wanted: bool,
    ) {
        if let Some(revision) = revision {
            self.reserved.add(&Reserved::by(revision));
            host_ports(revision).for_each(|port| *self.host_ports.entry(port).or_default() += 1);
        }
        for key in named(given) {
            *self.given.entry(key).or_default() += 1;
        }
        if is_wanted {
            self.tasks += 1;
            *self.tasks_by_service.entry(service.clone()).or_default() += 1;
        }
    }

    /// Takes back what [`NodeUsage::occupy`] counted.
    pub(crate) fn release(
        &mut self,
        service: &ServiceId,
        revision: Option<&Revision>,
        given: &[GenericResource],
        is_wanted: bool,
    ) {
        if let Some(revision) = revision {
            self.reserved.subtract(&Reserved::by(revision));
            host_ports(revision).for_each(|port| count_down(&mut self.host_ports, &port));
        }
        for key in named(given) {
            count_down(&mut self.given, &key);
        }
        if is_wanted {
            self.tasks = self.tasks.saturating_sub(1);
            count_down(&mut self.tasks_by_service, service);
        }
    }
}

/// The usage of all nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Nodes without entry are not used.
    by_node: OrdMap<NodeId, NodeUsage>,
    /// The nodes that get tasks, those with the fewest first.
    by_load: OrdSet<(usize, NodeId)>,
}

impl Usage {
    pub(super) fn of_node(&self, node: &NodeId) -> &NodeUsage {
        self.by_node.get(node).unwrap_or_else(|| &*NOTHING)
    }

    pub(super) const fn by_load(&self) -> &OrdSet<(usize, NodeId)> {
        &self.by_load
    }

    /// A node has changed from `old` to `new`.
    pub(super) fn change_node(&mut self, old: Option<&Node>, new: Option<&Node>) {
        let (before, after) =
            (old.filter(|node| gets_tasks(node)), new.filter(|node| gets_tasks(node)));
        if before.is_some() == after.is_some() {
            return;
        }
        if let Some(node) = before {
            self.by_load.remove(&(self.of_node(&node.id).tasks, node.id.clone()));
        }
        if let Some(node) = after {
            self.by_load.insert((self.of_node(&node.id).tasks, node.id.clone()));
        }
    }

    /// A task has changed from `old` to `new`; each stands beside the spec that it was made from.
    pub(super) fn change_task(&mut self, old: Option<Made<'_>>, new: Option<Made<'_>>) {
        let (before, after) = (old.and_then(Part::of), new.and_then(Part::of));
        if before == after {
            return;
        }
        if let (Some(part), Some(made)) = (before, old) {
            self.change(part.node, |usage| part.leave(usage, made));
        }
        if let (Some(part), Some(made)) = (after, new) {
            self.change(part.node, |usage| part.enter(usage, made));
        }
    }

    fn change(&mut self, node: &NodeId, change: impl FnOnce(&mut NodeUsage)) {
        let usage = self.by_node.entry(node.clone()).or_default();
        let before = usage.tasks;
        change(usage);
        let after = usage.tasks;
        if *usage == *NOTHING {
            self.by_node.remove(node);
        }
        if before != after && self.by_load.remove(&(before, node.clone())).is_some() {
            self.by_load.insert((after, node.clone()));
        }
    }
}

/// A task, and the spec that it was made from.
pub(super) type Made<'a> = (&'a Task, Option<&'a Revision>);

/// What a task is for its node. All else of a task that counts there never changes.
#[derive(Clone, Copy, PartialEq)]
struct Part<'a> {
    node: &'a NodeId,
    given: &'a [GenericResource],
    kind: PartKind,
}

#[derive(Clone, Copy, PartialEq)]
enum PartKind {
    /// It is there, or on its way.
    There { is_wanted: bool },
    /// It has failed there.
    Failed { at: Timestamp },
}

impl<'a> Part<'a> {
    fn of((task, _): Made<'a>) -> Option<Self> {
        let node = task.node_id.as_ref()?;
        let status = &task.status;
        let kind = match status.state {
            TaskState::Failed | TaskState::Rejected => PartKind::Failed { at: status.timestamp },
            // One of a global service that waits for the scheduler uses nothing yet.
            state if state.is_terminal() || state < TaskState::Assigned => return None,
            _ => PartKind::There { is_wanted: task.desired_state.is_wanted() },
        };
        Some(Self { node, given: &task.generic_resources, kind })
    }

    fn enter(self, usage: &mut NodeUsage, (task, revision): Made<'_>) {
        match self.kind {
            PartKind::There { is_wanted } => {
                usage.occupy(&task.service_id, revision, self.given, is_wanted);
            }
            PartKind::Failed { at } => drop(usage.failures.insert(failure(task), at)),
        }
    }

    fn leave(self, usage: &mut NodeUsage, (task, revision): Made<'_>) {
        match self.kind {
            PartKind::There { is_wanted } => {
                usage.release(&task.service_id, revision, self.given, is_wanted);
            }
            PartKind::Failed { .. } => drop(usage.failures.remove(&failure(task))),
        }
    }
}

fn failure(task: &Task) -> (ServiceId, Version, TaskId) {
    (task.service_id.clone(), task.spec_version, task.id.clone())
}

/// Whether a node gets tasks at all.
pub(crate) fn gets_tasks(node: &Node) -> bool {
    node.status.state == NodeState::Ready && node.spec.availability == Availability::Active
}

/// The ports that a task of this spec takes on its node. A port that the engine chooses is always free.
pub(crate) fn host_ports(revision: &Revision) -> impl Iterator<Item = (PortProtocol, u16)> + '_ {
    let ports = revision.service.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
    ports
        .filter(|port| port.publish_mode == PublishMode::Host && port.published_port != 0)
        .map(|port| (port.protocol, port.published_port))
}

/// The named resources among `given`, as kind and name.
fn named(given: &[GenericResource]) -> impl Iterator<Item = (String, String)> + '_ {
    let named = given.iter().filter_map(|resource| resource.named_resource_spec.as_ref());
    named.map(|named| (named.kind.clone(), named.value.clone()))
}

/// Counts one less; nothing is kept of what is not there any more.
pub(super) fn count_down<K: Ord + Clone>(counts: &mut OrdMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        Some(_) => drop(counts.remove(key)),
        None => {}
    }
}
