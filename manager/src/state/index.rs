//! What follows from the tables and is kept beside them, so that nobody has to search.

use std::net::Ipv4Addr;

use imbl::OrdMap;
use imbl::OrdSet;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Document;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::placement_option::PlacementOption;
use swarmlite_proto::spec::HttpMatch;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;

use super::AddressOwner;
use super::Tables;
use super::presence::Presence;
use super::queues::Queues;
use super::queues::change_member;
use super::usage::Made;
use super::usage::Usage;

/// Everything that follows from [`Tables`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Indexes {
    pub(crate) services_by_name: OrdMap<String, ServiceId>,
    pub(crate) networks_by_name: OrdMap<String, NetworkId>,
    /// The network of the routing mesh: one at most.
    pub(super) ingress_networks: OrdSet<NetworkId>,
    pub(crate) secrets_by_name: OrdMap<String, SecretId>,
    pub(crate) configs_by_name: OrdMap<String, ConfigId>,
    pub(crate) tasks_by_service: OrdSet<(ServiceId, TaskId)>,
    pub(crate) tasks_by_node: OrdSet<(NodeId, TaskId)>,
    pub(crate) attachments_by_node: OrdMap<NodeId, OrdSet<AttachmentId>>,
    pub(crate) addresses: OrdMap<NetworkId, OrdMap<Ipv4Addr, AddressOwner>>,
    pub(crate) ingress_ports: OrdMap<(PortProtocol, u16), ServiceId>,
    /// The addresses that ended tasks had, as far as these are still known.
    pub(crate) left_addresses: OrdSet<(NetworkId, Ipv4Addr, TaskId)>,
    /// The services that ask for something about others with which they may not be together.
    pub(crate) keeping_apart: OrdSet<ServiceId>,
    /// The services that answer HTTP, by what their rules ask for, and whether those state a weight.
    pub(super) http_rules: OrdMap<HttpMatch, OrdMap<ServiceId, bool>>,
    pub(super) usage: Usage,
    pub(super) presence: Presence,
    pub(super) queues: Queues,
}

impl Indexes {
    /// The indexes of tables that were read from a snapshot.
    pub(crate) fn of(tables: &Tables) -> Self {
        let mut indexes = Self::default();
        tables.networks.values().for_each(|network| indexes.add_network(network));
        let (secrets, configs) = (&mut indexes.secrets_by_name, &mut indexes.configs_by_name);
        tables.secrets.values().for_each(|secret| add_name(secrets, secret));
        tables.configs.values().for_each(|config| add_name(configs, config));
        tables.services.values().for_each(|service| indexes.add_service(service));
        tables.nodes.values().for_each(|node| indexes.usage.change_node(None, Some(node)));
        for task in tables.tasks.values() {
            indexes.change_task(None, Some((task, tables.revision_of(task))));
        }
        tables.attachments.values().for_each(|attachment| indexes.add_attachment(attachment));
        indexes
    }

    pub(crate) fn add_network(&mut self, network: &Network) {
        self.networks_by_name.insert(network.spec.name.clone(), network.id.clone());
        if network.spec.ingress {
            self.ingress_networks.insert(network.id.clone());
        }
        if let Some(allocation) = network.allocation {
            self.claim(&network.id, allocation.gateway, AddressOwner::Gateway);
        }
    }

    pub(crate) fn remove_network(&mut self, network: &Network) {
        self.networks_by_name.remove(&network.spec.name);
        self.ingress_networks.remove(&network.id);
        if let Some(allocation) = network.allocation {
            self.release(&network.id, allocation.gateway);
        }
    }

    pub(crate) fn add_service(&mut self, service: &Service) {
        self.services_by_name.insert(service.spec.name.to_lowercase(), service.id.clone());
        for vip in &service.endpoint.virtual_ips {
            let owner = AddressOwner::Service(service.id.clone());
            self.claim(&vip.network_id, vip.addr.addr(), owner);
        }
        for key in ingress_ports(service) {
            self.ingress_ports.insert(key, service.id.clone());
        }
        for rule in service.spec.http_rules().unwrap_or_default() {
            let others = self.http_rules.entry(rule.asked()).or_default();
            others.insert(service.id.clone(), rule.weight.is_some());
        }
        self.queues.change_service(&service.id, Some(service));
        if PlacementOption::AntiAffinity.is_in(&service.spec) {
            self.keeping_apart.insert(service.id.clone());
        }
    }

    pub(crate) fn remove_service(&mut self, service: &Service) {
        self.services_by_name.remove(&service.spec.name.to_lowercase());
        for vip in &service.endpoint.virtual_ips {
            self.release(&vip.network_id, vip.addr.addr());
        }
        for key in ingress_ports(service) {
            self.ingress_ports.remove(&key);
        }
        for rule in service.spec.http_rules().unwrap_or_default() {
            let asked = rule.asked();
            if let Some(others) = self.http_rules.get_mut(&asked) {
                others.remove(&service.id);
                if others.is_empty() {
                    self.http_rules.remove(&asked);
                }
            }
        }
        self.queues.change_service(&service.id, None);
        self.keeping_apart.remove(&service.id);
    }

    /// A task has changed from `old` to `new`. What stays the same is not touched: most changes are of one field.
    pub(super) fn change_task(&mut self, old: Option<Made<'_>>, new: Option<Made<'_>>) {
        let (before, after) = (old.map(|(task, _)| task), new.map(|(task, _)| task));
        let of_service = |task: &Task| Some((task.service_id.clone(), task.id.clone()));
        change_member(&mut self.tasks_by_service, before, after, of_service);
        let of_node = |task: &Task| Some((task.node_id.clone()?, task.id.clone()));
        change_member(&mut self.tasks_by_node, before, after, of_node);
        let (held, holds) = (before.map_or(&[][..], held_by), after.map_or(&[][..], held_by));
        if held != holds {
            for attachment in held {
                self.release(&attachment.network_id, attachment.addr.addr());
            }
            for (attachment, task) in holds.iter().zip(after.into_iter().cycle()) {
                let owner = AddressOwner::Task(task.id.clone());
                self.claim(&attachment.network_id, attachment.addr.addr(), owner);
            }
        }
        self.change_left_addresses(before, after);
        self.usage.change_task(old, new);
        self.presence.change_task(before, after);
        self.queues.change_task(before, after);
    }

    fn change_left_addresses(&mut self, old: Option<&Task>, new: Option<&Task>) {
        let (before, after) = (old.map_or(&[][..], left_by), new.map_or(&[][..], left_by));
        if before == after {
            return;
        }
        let key = |attachment: &NetworkAttachment, task: &Task| {
            (attachment.network_id.clone(), attachment.addr.addr(), task.id.clone())
        };
        for (attachment, task) in before.iter().zip(old.into_iter().cycle()) {
            self.left_addresses.remove(&key(attachment, task));
        }
        for (attachment, task) in after.iter().zip(new.into_iter().cycle()) {
            self.left_addresses.insert(key(attachment, task));
        }
    }

    pub(crate) fn add_attachment(&mut self, attachment: &Attachment) {
        let Attachment { id, node_id, network_id, addr, .. } = attachment;
        self.attachments_by_node.entry(node_id.clone()).or_default().insert(id.clone());
        self.claim(network_id, addr.addr(), AddressOwner::Attachment(id.clone()));
        self.presence.add_attachment(attachment);
    }

    pub(crate) fn remove_attachment(&mut self, attachment: &Attachment) {
        remove_member(&mut self.attachments_by_node, &attachment.node_id, &attachment.id);
        self.release(&attachment.network_id, attachment.addr.addr());
        self.presence.remove_attachment(attachment);
    }

    fn claim(&mut self, network: &NetworkId, addr: Ipv4Addr, owner: AddressOwner) {
        self.addresses.entry(network.clone()).or_default().insert(addr, owner);
    }

    fn release(&mut self, network: &NetworkId, addr: Ipv4Addr) {
        if let Some(addresses) = self.addresses.get_mut(network) {
            addresses.remove(&addr);
            if addresses.is_empty() {
                self.addresses.remove(network);
            }
        }
    }
}

/// Adds the name of a secret or config to those of its kind; case does not count.
pub(crate) fn add_name<I: Clone>(names: &mut OrdMap<String, I>, document: &Document<I>) {
    names.insert(document.spec.name.to_lowercase(), document.id.clone());
}

/// Takes that name out again.
pub(crate) fn remove_name<I: Clone>(names: &mut OrdMap<String, I>, document: &Document<I>) {
    names.remove(&document.spec.name.to_lowercase());
}

/// Whether the addresses of a task are taken. Those of an ended one are free again. A task on a node that is cut off
/// is not ended before its node is back or gone, so that its address is not given away while its container may still use it.
pub(crate) fn holds_addresses(task: &Task) -> bool {
    !task.status.state.is_terminal()
}

/// The addresses that a task holds.
fn held_by(task: &Task) -> &[NetworkAttachment] {
    if holds_addresses(task) { &task.attachments } else { &[] }
}

/// The addresses that a task had until it ended.
fn left_by(task: &Task) -> &[NetworkAttachment] {
    if holds_addresses(task) { &[] } else { &task.attachments }
}

/// The ports that every node answers on for `service`: the allocated ones, and those asked for that are not allocated yet, so
/// that no other service can come between.
pub(crate) fn ingress_ports(service: &Service) -> impl Iterator<Item = (PortProtocol, u16)> + '_ {
    let asked = service.spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
    asked
        .chain(&service.endpoint.ports)
        .filter(|port| port.publish_mode == PublishMode::Ingress && port.published_port != 0)
        .map(|port| (port.protocol, port.published_port))
}

fn remove_member<K: Ord + Clone, M: Ord + Clone>(
    sets: &mut OrdMap<K, OrdSet<M>>,
    key: &K,
    member: &M,
) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(member);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}
