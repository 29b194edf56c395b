//! What a node is to know: computed from the state, and from nothing else.
//!
//! - `news`: what of it is different in the next state. `anew`: for which nodes that is not found from what has changed.
//! - `http`: what of it is about HTTP routing.

mod anew;
mod http;
pub mod news;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::iter;
use std::net::Ipv4Addr;
use std::sync::Arc;

use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::AttachmentAssignment;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::EndpointTask;
use swarmlite_proto::agent::IngressPort;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::agent::TaskAttachment;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Document;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::registry::PullCredentials;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::task_state::TaskState;

use crate::state::AddressOwner;
use crate::state::State;
use crate::state::document::DocumentKind;
use crate::state::is_on_node;

/// Everything that `node` is to know: its tasks, their secrets and configs, the networks it has to be on, the nodes of the data plane,
/// and every service and every attached container on those networks. A witness is to know nothing: it has no part in any of this.
#[must_use]
pub fn assignments_for(state: &State, node: &NodeId) -> BTreeMap<AssignmentKey, Assignment> {
    if state.nodes().get(node).is_some_and(|node| node.witness) {
        return BTreeMap::new();
    }
    let tasks = state.tasks_of_node(node).filter(|task| is_assigned(task));
    let mut assignments: Vec<Assignment> =
        tasks.filter_map(|task| task_assignment(state, node, task)).map(Assignment::Task).collect();
    assignments.extend(documents_of::<SecretKind>(state, node).map(Assignment::Secret));
    assignments.extend(http::certificates(state, node).map(Assignment::Secret));
    assignments.extend(http::assignment(state, node).map(Assignment::Http));
    assignments.extend(http::acme(state, node).map(Assignment::Acme));
    assignments.extend(documents_of::<ConfigKind>(state, node).map(Assignment::Config));
    assignments.extend(state.nodes().values().filter_map(|node| peer(node)).map(Assignment::Peer));
    for network in networks_of(state, node) {
        assignments.extend(on_network(state, network));
    }
    assignments.into_iter().map(|assignment| (assignment.key(), assignment)).collect()
}

/// A network, and all that a node on it has to know of it. Nothing before it has its addresses.
fn on_network(state: &State, network: &Network) -> Vec<Assignment> {
    let assignment = state.cluster().and_then(|cluster| network_assignment(cluster, network));
    let Some(assignment) = assignment else { return Vec::new() };
    let endpoints = endpoints(state, network).into_iter().map(Assignment::Endpoint);
    let attachments = attachments(state, network).map(Assignment::Attachment);
    iter::once(Assignment::Network(assignment)).chain(endpoints).chain(attachments).collect()
}

/// What has to be sent to a node that has `old` and should have `new`: what is new or changed, and what is no longer wanted.
///
/// Where the agent itself has said that a task is, is not sent back to it.
#[must_use]
pub fn diff(
    old: &BTreeMap<AssignmentKey, Assignment>,
    new: &BTreeMap<AssignmentKey, Assignment>,
) -> (Vec<Assignment>, Vec<AssignmentKey>) {
    let put = new
        .iter()
        .filter(|(key, assignment)| !old.get(key).is_some_and(|known| is_same(known, assignment)))
        .map(|(_, assignment)| assignment.clone())
        .collect();
    let remove = old.keys().filter(|key| !new.contains_key(key)).cloned().collect();
    (put, remove)
}

/// Whether a node that has `old` need not be told of `new`.
fn is_same(old: &Assignment, new: &Assignment) -> bool {
    match (old, new) {
        (Assignment::Task(old), Assignment::Task(new)) => {
            // Cheap: tasks of one spec share it, and a task never gets another.
            let TaskAssignment { id, desired_state, attachments, host_ports, .. } = &**old;
            (id, desired_state, attachments, host_ports)
                == (&new.id, &new.desired_state, &new.attachments, &new.host_ports)
        }
        _ => old == new,
    }
}

/// Whether its node has to know of a task. One that has ended stays known, so that its container and its logs stay, until it is
/// to be forgotten.
fn is_assigned(task: &Task) -> bool {
    task.status.state >= TaskState::Assigned
        && (task.desired_state < TaskState::Remove || !task.status.state.is_terminal())
}

fn task_assignment(state: &State, node: &NodeId, task: &Task) -> Option<Box<TaskAssignment>> {
    let revision = state.revision_of(task)?;
    let ports = revision.service.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
    let attachments = task.attachments.iter().map(|attachment| TaskAttachment {
        network_id: attachment.network_id.clone(),
        addr: attachment.addr,
        aliases: attachment.aliases.clone(),
    });
    Some(Box::new(TaskAssignment {
        id: task.id.clone(),
        service_id: task.service_id.clone(),
        service_name: task.service_name.clone(),
        service_labels: task.labels.clone(),
        slot: task.slot,
        node_id: node.clone(),
        spec: Arc::clone(&revision.task),
        desired_state: told_state(task),
        observed_state: task.status.state,
        attachments: attachments.collect(),
        host_ports: ports.filter(|port| port.publish_mode == PublishMode::Host).cloned().collect(),
        credentials: credentials(state, task),
        generic_resources: task.generic_resources.clone(),
        log_driver: state.cluster().and_then(|it| it.spec.task_defaults.log_driver.clone()),
    }))
}

/// What came with the spec that `task` was made from. What came with an older one is not kept: the newest is the best guess then.
fn credentials(state: &State, task: &Task) -> PullCredentials {
    let Some(service) = state.services().get(&task.service_id) else {
        return PullCredentials::None;
    };
    let is_previous = task.spec_version != service.spec_version
        && Some(task.spec_version) == service.previous_spec_version;
    let auth = if is_previous { &service.previous_registry_auth } else { &service.registry_auth };
    auth.clone().map_or(PullCredentials::None, PullCredentials::Known)
}

/// Where the agent is told that its task should be. A task that is to end lives on until no node sends it anything new.
pub(crate) const fn told_state(task: &Task) -> TaskState {
    match task.routing {
        Routing::Draining { .. } => TaskState::Running,
        Routing::Unrouted | Routing::Routed { .. } | Routing::Drained { .. } => task.desired_state,
    }
}

/// The secrets, or configs, of the tasks of `node` that may still run: nobody else is told of them. One that was removed after its
/// service had let go of it is not there any more; the files of a container that runs stay.
fn documents_of<'a, K: DocumentKind>(
    state: &'a State,
    node: &NodeId,
) -> impl Iterator<Item = Arc<Document<Id<K>>>> + use<'a, K> {
    let revisions = live_tasks(state, node).filter_map(|task| state.revision_of(task));
    let needed = revisions.flat_map(|revision| K::needed(&revision.service));
    let ids: BTreeSet<Id<K>> = needed.filter_map(|needed| needed.id.parse().ok()).collect();
    ids.into_iter().filter_map(|id| state.documents::<K>().get(&id).cloned())
}

/// The tasks of `node` that have not ended.
fn live_tasks<'a>(
    state: &'a State,
    node: &NodeId,
) -> impl Iterator<Item = &'a Arc<Task>> + use<'a> {
    state.tasks_of_node(node).filter(|task| is_on_node(task))
}

fn peer(node: &Node) -> Option<PeerAssignment> {
    let data_path_addr = node.data_path_addr?;
    Some(PeerAssignment { node_id: node.id.clone(), index: node.index, data_path_addr })
}

/// The networks that `node` has to be on: those of its tasks that have not ended, those of its attached containers, running or not,
/// and the ingress network, as every node answers on published ports.
pub fn networks_of<'a>(state: &'a State, node: &NodeId) -> Vec<&'a Network> {
    let mut ids: BTreeSet<&NetworkId> = live_tasks(state, node)
        .flat_map(|task| &task.attachments)
        .map(|attachment| &attachment.network_id)
        .collect();
    ids.extend(state.attachments_of_node(node).map(|attachment| &attachment.network_id));
    ids.extend(state.ingress_network().map(|network| &network.id));
    ids.into_iter().filter_map(|id| state.networks().get(id)).map(AsRef::as_ref).collect()
}

fn network_assignment(cluster: &Cluster, network: &Network) -> Option<NetworkAssignment> {
    let allocation = network.allocation?;
    let spec = &network.spec;
    Some(NetworkAssignment {
        id: network.id.clone(),
        name: spec.name.clone(),
        vni: allocation.vni,
        data_path_port: cluster.data_path_port,
        subnet: allocation.subnet,
        gateway: allocation.gateway,
        ingress: spec.ingress,
        internal: spec.internal,
        attachable: spec.attachable,
        labels: spec.labels.clone(),
        options: spec.options.clone(),
    })
}

/// Every service that has an address on `network`, be it only that of a task which has not ended. Found by the addresses in use, so
/// that nothing else has to be looked at.
fn endpoints(state: &State, network: &Network) -> Vec<EndpointAssignment> {
    let mut services: BTreeMap<&ServiceId, Vec<(Ipv4Addr, &Task)>> = BTreeMap::new();
    for (addr, owner) in state.addresses(&network.id).into_iter().flatten() {
        match owner {
            AddressOwner::Gateway | AddressOwner::Attachment(_) => {}
            AddressOwner::Service(service) => {
                services.entry(service).or_default();
            }
            AddressOwner::Task(task) => {
                if let Some(task) = state.tasks().get(task) {
                    services.entry(&task.service_id).or_default().push((*addr, task));
                }
            }
        }
    }
    services.into_iter().map(|(id, tasks)| endpoint(state, network, id, tasks)).collect()
}

/// Every attached container on `network`.
fn attachments<'a>(
    state: &'a State,
    network: &Network,
) -> impl Iterator<Item = AttachmentAssignment> + use<'a> {
    let owners = state.addresses(&network.id).into_iter().flatten();
    let attachments = owners.filter_map(|(_, owner)| match owner {
        AddressOwner::Attachment(id) => state.attachments().get(id),
        AddressOwner::Gateway | AddressOwner::Service(_) | AddressOwner::Task(_) => None,
    });
    attachments.map(|attachment| attachment_assignment(state, attachment))
}

fn attachment_assignment(state: &State, attachment: &Attachment) -> AttachmentAssignment {
    let node = state.nodes().get(&attachment.node_id);
    let is_up = node.is_some_and(|node| node.status.state != NodeState::Down);
    let runs = attachment.container.as_ref().is_some_and(|container| container.running);
    AttachmentAssignment {
        id: attachment.id.clone(),
        network_id: attachment.network_id.clone(),
        node_id: attachment.node_id.clone(),
        addr: attachment.addr,
        aliases: attachment.aliases.clone(),
        container: attachment.container.clone(),
        serving: is_up && runs,
    }
}

fn endpoint(
    state: &State,
    network: &Network,
    id: &ServiceId,
    mut tasks: Vec<(Ipv4Addr, &Task)>,
) -> EndpointAssignment {
    tasks.sort_by_key(|(addr, task)| (&task.id, *addr));
    // A service that has been removed is known by its last tasks: they are routed until they have ended.
    let service = state.services().get(id);
    let name = service.map_or_else(
        || tasks.first().map_or_else(String::new, |(_, task)| task.service_name.clone()),
        |service| service.spec.name.clone(),
    );
    let spec = service.and_then(|service| service.spec.endpoint_spec.as_ref());
    EndpointAssignment {
        network_id: network.id.clone(),
        service_id: id.clone(),
        name,
        aliases: service.map_or_else(Vec::new, |service| aliases(service, network)),
        mode: spec.map_or(EndpointMode::Vip, |spec| spec.mode),
        vip: service.and_then(|service| virtual_ip(service, network)),
        balancing: service.map_or_else(Balancing::default, |service| balancing(service)),
        ports: service
            .filter(|_| network.spec.ingress)
            .map_or_else(Vec::new, |service| ingress_ports(service)),
        http: service
            .filter(|_| network.spec.ingress)
            .map_or_else(Vec::new, |service| http::rules(state, service)),
        tasks: tasks.into_iter().filter_map(|(addr, task)| route(state, addr, task)).collect(),
    }
}

fn aliases(service: &Service, network: &Network) -> Vec<String> {
    let on = service.spec.task_template.networks.iter();
    on.filter(|config| config.target == network.id.as_str())
        .flat_map(|config| config.aliases.iter().cloned())
        .collect()
}

fn virtual_ip(service: &Service, network: &Network) -> Option<Ipv4Addr> {
    let mut vips = service.endpoint.virtual_ips.iter();
    vips.find(|vip| vip.network_id == network.id).map(|vip| vip.addr.addr())
}

/// What a client asked for has been checked before it came into the state.
fn balancing(service: &Service) -> Balancing {
    service.spec.endpoint_options().unwrap_or_default().balancing()
}

fn ingress_ports(service: &Service) -> Vec<IngressPort> {
    let ports = service.endpoint.ports.iter();
    ports
        .filter(|port| port.publish_mode == PublishMode::Ingress && port.published_port != 0)
        .map(|port| IngressPort {
            protocol: port.protocol,
            published: port.published_port,
            target: port.target_port,
        })
        .collect()
}

/// Where packets for a task go. None as long as it has no node.
fn route(state: &State, addr: Ipv4Addr, task: &Task) -> Option<EndpointTask> {
    let node_id = task.node_id.clone().filter(|_| task.status.state >= TaskState::Assigned)?;
    let node = state.nodes().get(&node_id);
    let is_up = node.is_some_and(|node| node.status.state != NodeState::Down);
    let wanted = task.desired_state.is_wanted();
    let serving = task.status.is_ready() && wanted && is_up;
    Some(EndpointTask { task_id: task.id.clone(), addr, node_id, serving })
}

#[cfg(test)]
mod tests;
