//! The replicated state: tables of objects, changed by transactions and by nothing else.
//!
//! [`State`] is a value: cloning it is cheap (the tables share structure), so that every reader works on a snapshot of its own.
//! [`State::apply`] is deterministic. Times and ids come in with the transaction, and every manager that applies the same
//! transactions in the same order has the same state. It refuses a transaction whole, or carries it out whole.
//!
//! This module never does I/O and reads no clock.

mod acme;
mod apply;
mod changes;
mod cursors;
pub mod document;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod http;
mod index;
pub mod lookup;
mod presence;
mod queues;
mod reserved;
mod rules;
mod tables;
mod transaction;
mod undo;
mod usage;

use std::net::Ipv4Addr;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::OrdSet;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::format::Format;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::TaskSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;
use swarmlite_proto::version::Version;

pub(crate) use self::acme::answers_acme;
pub use self::apply::out_of_sequence;
pub(crate) use self::changes::Change;
pub(crate) use self::changes::Changes;
pub use self::cursors::Cursors;
use self::index::Indexes;
pub(crate) use self::index::holds_addresses;
pub(crate) use self::presence::is_on_node;
pub(crate) use self::reserved::CPU;
pub(crate) use self::reserved::MEMORY;
pub(crate) use self::reserved::Reserved;
pub use self::rules::network_already_exists;
use self::tables::Tables;
pub use self::transaction::NodeReport;
pub use self::transaction::ObjectRef;
pub use self::transaction::Op;
pub use self::transaction::Transaction;
pub(crate) use self::usage::NodeUsage;
pub(crate) use self::usage::gets_tasks;
pub(crate) use self::usage::host_ports;
use crate::expression::ReadOnce;

/// Everything the cluster knows, at one raft index.
#[derive(Clone, Debug, Default)]
pub struct State {
    applied: u64,
    tables: Tables,
    indexes: Indexes,
}

/// A spec that a service has, had before, or still has tasks of. Kept once, however many tasks were made from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The whole spec.
    pub service: Arc<ServiceSpec>,
    /// What its tasks are made from, what its labels ask for included. Shared with the assignments of all of them.
    pub task: Arc<TaskSpec>,
    /// What its placement says in expressions, which follows from it.
    #[serde(skip)]
    pub(crate) expressions: ReadOnce,
}

/// What has an address on a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressOwner {
    /// The network's own gateway.
    Gateway,
    /// The virtual address of a service.
    Service(ServiceId),
    /// A task.
    Task(TaskId),
    /// A standalone container.
    Attachment(AttachmentId),
}

impl State {
    /// The raft index of the last transaction that this state includes.
    #[must_use]
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// The index from which a cluster goes on that may have lost its last transactions. Agents may have seen them, and refuse to go back: so that
    /// is the present time in milliseconds since 1970, which no log reaches that has grown by less than an entry in a millisecond. The same
    /// holds for ids in raft, each of which has cost an entry: those after it are new.
    #[must_use]
    pub(crate) fn index_past_all(&self, now: Timestamp) -> u64 {
        let now = now.since(Timestamp::EPOCH).as_millis();
        u64::try_from(now).unwrap_or(u64::MAX).max(self.applied.saturating_add(1))
    }

    /// The generation of what is computed from this state.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        Generation(self.applied)
    }

    /// The cluster object; absent only before the first transaction.
    #[must_use]
    pub fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.tables.cluster.as_ref()
    }

    /// The format of what is replicated and kept.
    #[must_use]
    pub fn format(&self) -> Format {
        self.cluster().map(|cluster| cluster.format).unwrap_or_default()
    }

    /// All nodes, by id.
    #[must_use]
    pub const fn nodes(&self) -> &OrdMap<NodeId, Arc<Node>> {
        &self.tables.nodes
    }

    /// All services, by id.
    #[must_use]
    pub const fn services(&self) -> &OrdMap<ServiceId, Arc<Service>> {
        &self.tables.services
    }

    /// All tasks, by id.
    #[must_use]
    pub const fn tasks(&self) -> &OrdMap<TaskId, Arc<Task>> {
        &self.tables.tasks
    }

    /// All networks, by id.
    #[must_use]
    pub const fn networks(&self) -> &OrdMap<NetworkId, Arc<Network>> {
        &self.tables.networks
    }

    /// How far giving out has come.
    #[must_use]
    pub const fn cursors(&self) -> &Cursors {
        &self.tables.cursors
    }

    /// All standalone containers on networks of the cluster, by id.
    #[must_use]
    pub const fn attachments(&self) -> &OrdMap<AttachmentId, Arc<Attachment>> {
        &self.tables.attachments
    }

    /// Those of them that are on a node, in the order of their ids.
    pub fn attachments_of_node<'a>(
        &'a self,
        node: &NodeId,
    ) -> impl Iterator<Item = &'a Arc<Attachment>> + use<'a> {
        let ids = self.indexes.attachments_by_node.get(node);
        ids.into_iter().flatten().filter_map(|id| self.tables.attachments.get(id))
    }

    /// The spec that a service had at `version`. There for every version that a task was made from.
    #[must_use]
    pub fn revision(&self, service: &ServiceId, version: Version) -> Option<&Arc<Revision>> {
        self.tables.revision(service, version)
    }

    /// The spec that `task` was made from.
    #[must_use]
    pub fn revision_of(&self, task: &Task) -> Option<&Arc<Revision>> {
        self.revision(&task.service_id, task.spec_version)
    }

    /// The tasks of a service, deleted services included, in the order of their ids.
    pub fn tasks_of_service<'a>(
        &'a self,
        service: &ServiceId,
    ) -> impl Iterator<Item = &'a Arc<Task>> + use<'a> {
        let service = service.clone();
        let ids = self.indexes.tasks_by_service.range((service.clone(), TaskId::FIRST)..);
        let of_service = ids.take_while(move |(other, _)| *other == service);
        of_service.filter_map(|(_, id)| self.tables.tasks.get(id))
    }

    /// The tasks of a node, in the order of their ids.
    pub fn tasks_of_node<'a>(
        &'a self,
        node: &NodeId,
    ) -> impl Iterator<Item = &'a Arc<Task>> + use<'a> {
        let node = node.clone();
        let ids = self.indexes.tasks_by_node.range((node.clone(), TaskId::FIRST)..);
        let of_node = ids.take_while(move |(other, _)| *other == node);
        of_node.filter_map(|(_, id)| self.tables.tasks.get(id))
    }

    /// What the tasks of a node use of it.
    pub(crate) fn usage(&self, node: &NodeId) -> &NodeUsage {
        self.indexes.usage.of_node(node)
    }

    /// The nodes that get tasks, by how many they should run.
    pub(crate) const fn by_load(&self) -> &OrdSet<(usize, NodeId)> {
        self.indexes.usage.by_load()
    }

    /// The tasks that wait for addresses, those that are made from one spec beside each other.
    pub(crate) fn new_tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.indexes.queues.new.iter().filter_map(|(_, _, id)| self.tables.tasks.get(id))
    }

    /// The tasks that wait for a node, those that are made from one spec beside each other.
    pub(crate) fn pending_tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.indexes.queues.pending.iter().filter_map(|(_, _, id)| self.tables.tasks.get(id))
    }

    /// The tasks of which nodes have yet to confirm that they are in their tables, or out of them.
    pub(crate) fn unconfirmed_tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.indexes.queues.unconfirmed.iter().filter_map(|id| self.tables.tasks.get(id))
    }

    /// The services whose spec is newer than their addresses and ports.
    pub(crate) fn unallocated_services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.indexes.queues.unallocated.iter().filter_map(|id| self.tables.services.get(id))
    }

    /// The nodes that are on a network for their tasks or containers. On the ingress network are all, and not only these.
    pub(crate) fn nodes_on<'a>(
        &'a self,
        network: &NetworkId,
    ) -> impl Iterator<Item = &'a Arc<Node>> + use<'a> {
        self.indexes.presence.nodes(network).filter_map(|id| self.tables.nodes.get(id))
    }

    /// The addresses on a network that ended tasks had, as far as these are still known.
    pub(crate) fn left_addresses<'a>(
        &'a self,
        network: &NetworkId,
    ) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        let network = network.clone();
        let first = (network.clone(), Ipv4Addr::UNSPECIFIED, TaskId::FIRST);
        let from = self.indexes.left_addresses.range(first..);
        from.take_while(move |(other, _, _)| *other == network).map(|(_, addr, _)| *addr)
    }

    /// The service of this name; case does not count.
    #[must_use]
    pub fn service_by_name(&self, name: &str) -> Option<&Arc<Service>> {
        self.tables.services.get(self.indexes.services_by_name.get(&name.to_lowercase())?)
    }

    /// The services that ask for something about others with which their tasks may not be together.
    pub(crate) fn keeping_apart(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.indexes.keeping_apart.iter().filter_map(|id| self.tables.services.get(id))
    }

    /// The network of this name.
    #[must_use]
    pub fn network_by_name(&self, name: &str) -> Option<&Arc<Network>> {
        self.tables.networks.get(self.indexes.networks_by_name.get(name)?)
    }

    /// The network of the routing mesh.
    #[must_use]
    pub fn ingress_network(&self) -> Option<&Arc<Network>> {
        self.tables.networks.get(self.indexes.ingress_networks.get_min()?)
    }

    /// The addresses in use on a network, gateway, virtual addresses, tasks and attachments. Ended tasks have none.
    #[must_use]
    pub fn addresses(&self, network: &NetworkId) -> Option<&OrdMap<Ipv4Addr, AddressOwner>> {
        self.indexes.addresses.get(network)
    }

    /// The service that every node answers for on this port.
    #[must_use]
    pub fn ingress_port(&self, protocol: PortProtocol, port: u16) -> Option<&ServiceId> {
        self.indexes.ingress_ports.get(&(protocol, port))
    }
}

/// `cluster` as it goes on from `index` after transactions may have been lost ([`State::index_past_all`]).
#[must_use]
pub(crate) fn going_on_from(index: u64, cluster: &Cluster) -> Cluster {
    Cluster {
        next_raft_id: index.saturating_add(1),
        restored: Version::at(index),
        ..cluster.clone()
    }
}

/// What a snapshot of the state is on disk and on the wire.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    applied: u64,
    tables: Tables,
}

impl From<State> for Snapshot {
    fn from(state: State) -> Self {
        Self { applied: state.applied, tables: state.tables }
    }
}

impl From<Snapshot> for State {
    fn from(snapshot: Snapshot) -> Self {
        let indexes = Indexes::of(&snapshot.tables);
        Self { applied: snapshot.applied, tables: snapshot.tables, indexes }
    }
}

#[cfg(feature = "testing")]
impl State {
    /// Whether what is kept beside the tables is what follows from them.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.indexes == Indexes::of(&self.tables)
    }
}

#[cfg(test)]
impl State {
    /// What is kept beside the tables is what follows from them.
    pub(crate) fn assert_sound(&self) {
        assert_eq!(self.indexes, Indexes::of(&self.tables));
    }

    /// As it is read from a snapshot from before there were cursors.
    pub(crate) fn without_cursors(mut self) -> Self {
        self.tables.cursors = Cursors::default();
        self
    }
}

#[cfg(test)]
pub(crate) mod tests;
