//! What a node has to be told when the state has changed, found from what has changed and not from all that the node knows.
//!
//! It is told the same as if everything were computed anew and compared, which is left to do where much may have changed: when
//! the node itself, a manager, a network or the cluster is not what it was, when the node has more or fewer tasks than before, or when other
//! certificates are needed for HTTP.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;

use super::attachment_assignment;
use super::endpoint;
use super::http;
use super::is_assigned;
use super::peer;
use super::task_assignment;
use crate::state::Change;
use crate::state::Changes;
use crate::state::State;
use crate::state::holds_addresses;
use crate::state::is_on_node;

/// Everything that a node knows, by key.
type Known = BTreeMap<AssignmentKey, Assignment>;

/// What is different for a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// What it is to know now, known before or not.
    pub put: Vec<Assignment>,
    /// What it need not know any more.
    pub remove: Vec<AssignmentKey>,
}

/// What is different for `node`, which knows `known` of the state `old`, in the state `new`. `None` if everything has to be computed anew.
#[must_use]
pub fn news(old: &State, new: &State, node: &NodeId, known: &Known) -> Option<News> {
    let changes = new.changes_since(old);
    if changes.cluster || changes.rest {
        return None;
    }
    let mut news = News::default();
    for change in &changes.nodes {
        news.add_node(new, node, change, known)?;
    }
    if changes.services.iter().any(|change| changes_certificates(new, change)) {
        return None;
    }
    for change in &changes.tasks {
        news.add_task(new, node, change, known)?;
    }
    for (network, service) in endpoints_of(new, &changes, known) {
        news.add_endpoint(new, network, service, known);
    }
    Some(news)
}

impl News {
    /// A node has changed. `None` if that is about more than how it is reached, and whether it is up.
    fn add_node(
        &mut self,
        state: &State,
        node: &NodeId,
        change: &Change<'_, Node>,
        known: &Known,
    ) -> Option<()> {
        let id = &change.sides().next()?.id;
        let manager = |node: &Node| node.manager;
        if id == node || change.old.and_then(manager) != change.new.and_then(manager) {
            return None;
        }
        let assignment = change.new.and_then(peer).map(Assignment::Peer);
        self.add(AssignmentKey::Peer(id.clone()), assignment, known);
        if goes_or_comes(change) {
            let is_known = |it: &&Arc<Attachment>| is_on(known, &it.network_id);
            for attachment in state.attachments_of_node(id).filter(is_known) {
                let assignment = Assignment::Attachment(attachment_assignment(state, attachment));
                self.add(assignment.key(), Some(assignment), known);
            }
        }
        Some(())
    }

    /// A task has changed. `None` if that may change which networks the node is on, and which secrets and configs it needs.
    fn add_task(
        &mut self,
        state: &State,
        node: &NodeId,
        change: &Change<'_, Task>,
        known: &Known,
    ) -> Option<()> {
        if change.sides().all(|task| task.node_id.as_ref() != Some(node)) {
            return Some(());
        }
        let needs = |task: &'_ Task| is_on_node(task).then(|| task.attachments.clone());
        if change.old.and_then(needs) != change.new.and_then(needs) {
            return None;
        }
        let id = &change.sides().next()?.id;
        let assigned = change.new.filter(|task| is_assigned(task));
        let assignment = assigned.and_then(|task| task_assignment(state, node, task));
        self.add(AssignmentKey::Task(id.clone()), assignment.map(Assignment::Task), known);
        Some(())
    }

    /// A service, or a task of it, has changed that may be reached on `network`.
    fn add_endpoint(
        &mut self,
        state: &State,
        network: &NetworkId,
        service: &ServiceId,
        known: &Known,
    ) {
        let key = AssignmentKey::Endpoint(network.clone(), service.clone());
        let endpoint = endpoint_on(state, network, service);
        self.add(key, endpoint.map(Assignment::Endpoint), known);
    }

    fn add(&mut self, key: AssignmentKey, now: Option<Assignment>, known: &Known) {
        match (now, known.get(&key)) {
            (Some(now), before) if before != Some(&now) => self.put.push(now),
            (None, Some(_)) => self.remove.push(key),
            _ => {}
        }
    }
}

/// The services that have changed, or that have tasks which have, or whose nodes have, on each network that the node is on.
fn endpoints_of<'a>(
    state: &'a State,
    changes: &Changes<'a>,
    known: &Known,
) -> BTreeSet<(&'a NetworkId, &'a ServiceId)> {
    let of_tasks = changes.tasks.iter().flat_map(|change| change.sides());
    let of_tasks = of_tasks.flat_map(|task| {
        task.attachments.iter().map(|attachment| (&attachment.network_id, &task.service_id))
    });
    let of_services = changes.services.iter().flat_map(|change| change.sides());
    let of_services = of_services
        .flat_map(|service| networks_of(state, service).map(|network| (network, &service.id)));
    let nodes = changes.nodes.iter().filter(|change| goes_or_comes(change));
    let of_nodes = nodes.filter_map(|change| change.sides().next());
    let of_nodes = of_nodes.flat_map(|node| state.tasks_of_node(&node.id)).flat_map(|task| {
        task.attachments.iter().map(|attachment| (&attachment.network_id, &task.service_id))
    });
    let all = of_tasks.chain(of_services).chain(of_nodes);
    all.filter(|(network, _)| is_on(known, network)).collect()
}

/// Whether other secrets may be needed for the HTTP rules of a service than before.
fn changes_certificates(state: &State, change: &Change<'_, Service>) -> bool {
    let has_none = |service: &Service| {
        state.http_rules_of(&service.spec).iter().all(|rule| rule.certificate.is_none())
    };
    match (change.old, change.new) {
        (Some(old), Some(new)) => !http::same_certificates(state, old, new),
        (old, new) => !old.into_iter().chain(new).all(has_none),
    }
}

/// Whether a node is up that was not, or the other way round.
fn goes_or_comes(change: &Change<'_, Node>) -> bool {
    let is_up = |node: &Node| node.status.state != NodeState::Down;
    change.old.is_some_and(is_up) != change.new.is_some_and(is_up)
}

/// Whether a node that knows `known` is on `network`.
fn is_on(known: &Known, network: &NetworkId) -> bool {
    known.contains_key(&AssignmentKey::Network(network.clone()))
}

/// The networks on which a service, or a task that it still has, has an address.
fn networks_of<'a>(
    state: &'a State,
    service: &'a Service,
) -> impl Iterator<Item = &'a NetworkId> + use<'a> {
    let of_service = service.endpoint.virtual_ips.iter().map(|vip| &vip.network_id);
    let tasks = state.tasks_of_service(&service.id);
    let of_tasks = tasks.flat_map(|task| &task.attachments).map(|it| &it.network_id);
    of_service.chain(of_tasks)
}

/// A service as it can be reached on a network: not at all if neither it nor one of its tasks has an address there.
fn endpoint_on(
    state: &State,
    network: &NetworkId,
    service: &ServiceId,
) -> Option<EndpointAssignment> {
    let network = state.networks().get(network)?;
    let is_there = |attachment: &&NetworkAttachment| attachment.network_id == network.id;
    let tasks = state.tasks_of_service(service).filter(|task| holds_addresses(task));
    let tasks: Vec<_> = tasks
        .flat_map(|task| {
            let there = task.attachments.iter().filter(is_there);
            there.map(move |attachment| (attachment.addr.addr(), task.as_ref()))
        })
        .collect();
    let has_address = state.services().get(service).is_some_and(|service| {
        service.endpoint.virtual_ips.iter().any(|vip| vip.network_id == network.id)
    });
    (has_address || !tasks.is_empty()).then(|| endpoint(state, network, service, tasks))
}
