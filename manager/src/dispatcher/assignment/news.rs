//! What nodes have to be told when the state has changed, found from what has changed and not from all that they know.
//!
//! What is the same for several nodes is found once for all of them ([`Turn`]). What a node knows already is not kept anywhere: it follows from the
//! state that it was told of before. A node is told the same as if everything were computed anew and compared, which is left to do where
//! much may have changed ([`super::anew`]): when the node itself, a manager, the cluster, a network that it is on or a secret that it has is not what it was, or
//! when other certificates are needed for HTTP.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::EndpointDifference;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::protocol;
use swarmlite_proto::version::Generation;

use super::anew::Anew;
use super::assignments_for;
use super::attachment_assignment;
use super::diff;
use super::documents_of;
use super::endpoint;
use super::http;
use super::is_assigned;
use super::is_same;
use super::networks_of;
use super::on_network;
use super::peer;
use super::task_assignment;
use crate::state::Change;
use crate::state::Changes;
use crate::state::State;
use crate::state::holds_addresses;

/// What is different for a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// What it is to know now, known before or not.
    pub put: Vec<Assignment>,
    /// What it need not know any more.
    pub remove: Vec<AssignmentKey>,
    /// The services that it knows, and of which only tasks are different.
    pub differences: Vec<EndpointDifference>,
}

/// What has changed from one state to another, as far as nodes are told of it.
#[derive(Debug)]
pub struct Turn {
    old: State,
    new: State,
    /// For which nodes more has changed than is looked at here.
    anew: Anew,
    /// The tasks that have, by their nodes.
    tasks: BTreeMap<NodeId, BTreeSet<TaskId>>,
    /// For every node.
    everywhere: News,
    /// For the nodes on each network, without networks for which nothing is different.
    on_networks: BTreeMap<NetworkId, NewsThere>,
}

/// What is different on a network.
#[derive(Debug, Default)]
struct NewsThere {
    news: News,
    /// The services of the differences as they are now, for nodes that cannot read differences.
    whole: Vec<EndpointAssignment>,
}

/// Whom some news are for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// One node only: the news are of its own tasks.
    One,
    /// Whoever is on these networks, and on no other for which there is news.
    On(Vec<NetworkId>, Form),
}

/// How nodes are told of services of which only tasks have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// By the tasks that have changed.
    Differences,
    /// By all their tasks: those nodes do not speak [`protocol::ENDPOINT_DIFFERENCES`].
    Whole,
}

/// What is different for `node` in `state`, as it was told of the state `seen`, or of none yet: everything computed anew and compared.
#[must_use]
pub fn all_news(seen: Option<&State>, state: &State, node: &NodeId) -> News {
    let known = seen.map(|seen| assignments_for(seen, node)).unwrap_or_default();
    let (put, remove) = diff(&known, &assignments_for(state, node));
    News { put, remove, differences: Vec::new() }
}

impl Turn {
    /// What has changed from `old` to `new`.
    #[must_use]
    pub fn between(old: &State, new: &State) -> Self {
        let changes = new.changes_since(old);
        let mut turn = Self {
            old: old.clone(),
            new: new.clone(),
            anew: Anew::after(&changes, new),
            tasks: BTreeMap::new(),
            everywhere: News::default(),
            on_networks: BTreeMap::new(),
        };
        if turn.anew.is_for_all() {
            return turn;
        }
        changes.nodes.iter().for_each(|change| turn.add_node(change));
        for task in changes.tasks.iter().flat_map(Change::sides) {
            if let Some(node) = &task.node_id {
                turn.tasks.entry(node.clone()).or_default().insert(task.id.clone());
            }
        }
        for (network, service) in endpoints_of(new, &changes) {
            let endpoint = |state| endpoint_on(state, network, service);
            let there = turn.on_networks.entry(network.clone()).or_default();
            there.add_endpoint(endpoint(old), endpoint(new));
        }
        turn.on_networks.retain(|_, there| !there.news.is_empty());
        turn
    }

    /// Whom the news of `node` are for. `None` if everything has to be computed anew for it.
    #[must_use]
    pub fn audience(&self, node: &NodeId) -> Option<Audience> {
        let is_witness = self.new.nodes().get(node).is_some_and(|node| node.witness);
        if is_witness || self.anew.is_for(node, [&self.old, &self.new]) {
            return None;
        }
        if self.tasks.contains_key(node) {
            return Some(Audience::One);
        }
        if self.on_networks.is_empty() {
            return Some(Audience::On(Vec::new(), Form::Differences));
        }
        let networks = networks_of(&self.new, node).into_iter().map(|network| &network.id);
        let networks = networks.filter(|network| self.on_networks.contains_key(*network));
        Some(Audience::On(networks.cloned().collect(), self.form(node)))
    }

    /// What is different for `node`, which is one of this audience and was told of the state before.
    #[must_use]
    pub fn news(&self, node: &NodeId, audience: &Audience) -> News {
        let mut news = self.everywhere.clone();
        match audience {
            Audience::One => {
                self.add_own(node, &mut news);
            }
            Audience::On(networks, form) => {
                let there = networks.iter().filter_map(|network| self.on_networks.get(network));
                there.for_each(|there| news.extend(there, *form));
            }
        }
        news
    }

    /// What the agent of `node` can read.
    fn form(&self, node: &NodeId) -> Form {
        let speaks = self
            .new
            .nodes()
            .get(node)
            .is_some_and(|node| node.versions.protocol.speaks(protocol::ENDPOINT_DIFFERENCES));
        if speaks { Form::Differences } else { Form::Whole }
    }

    /// A node has changed.
    fn add_node(&mut self, change: &Change<'_, Node>) {
        let Some(id) = change.sides().next().map(|node| node.id.clone()) else { return };
        let assignment = |node: Option<&Node>| node.and_then(peer).map(Assignment::Peer);
        self.everywhere.add(assignment(change.old), assignment(change.new));
        if goes_or_comes(change) {
            for attachment in self.new.attachments_of_node(&id) {
                let assignment = |state| attachment_assignment(state, attachment);
                let assignment = |state| Some(Assignment::Attachment(assignment(state)));
                let there = self.on_networks.entry(attachment.network_id.clone()).or_default();
                there.news.add(assignment(&self.old), assignment(&self.new));
            }
        }
    }

    /// Tasks of `node` have changed: they themselves, what they need, and on which networks the node is.
    fn add_own(&self, node: &NodeId, news: &mut News) {
        for id in self.tasks.get(node).into_iter().flatten() {
            let assignment = |state: &State| {
                let task = state.tasks().get(id)?;
                let is_here = task.node_id.as_ref() == Some(node) && is_assigned(task);
                let assignment = is_here.then(|| task_assignment(state, node, task))??;
                Some(Assignment::Task(assignment))
            };
            news.add(assignment(&self.old), assignment(&self.new));
        }
        let secrets = |state| {
            let of_tasks = documents_of::<SecretKind>(state, node);
            of_tasks.chain(http::certificates(state, node)).map(Assignment::Secret)
        };
        news.compare(secrets(&self.old), secrets(&self.new));
        let configs = |state| documents_of::<ConfigKind>(state, node).map(Assignment::Config);
        news.compare(configs(&self.old), configs(&self.new));
        let (before, now) = (self.networks(&self.old, node), self.networks(&self.new, node));
        let form = self.form(node);
        for (id, network) in &before {
            let there = self.on_networks.get(id).into_iter();
            match now.contains_key(id) {
                true => there.for_each(|there| news.extend(there, form)),
                false => news.compare(on_network(&self.old, network), Vec::new()),
            }
        }
        for (_, network) in now.iter().filter(|(id, _)| !before.contains_key(*id)) {
            news.compare(Vec::new(), on_network(&self.new, network));
        }
    }

    fn networks<'a>(
        &self,
        state: &'a State,
        node: &NodeId,
    ) -> BTreeMap<&'a NetworkId, &'a Network> {
        networks_of(state, node).into_iter().map(|network| (&network.id, network)).collect()
    }
}

impl News {
    /// Whether nothing is different.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty() && self.differences.is_empty()
    }

    /// The message that tells of it, in the state `generation`.
    #[must_use]
    pub fn into_set(self, generation: Generation, complete: bool) -> AssignmentSet {
        let Self { put, remove, differences } = self;
        AssignmentSet { generation, complete, put, remove, differences }
    }

    /// Something that was to be known as `old` is to be known as `new`.
    fn add(&mut self, old: Option<Assignment>, new: Option<Assignment>) {
        match (old, new) {
            (Some(old), Some(new)) if is_same(&old, &new) => {}
            (_, Some(new)) => self.put.push(new),
            (Some(old), None) => self.remove.push(old.key()),
            (None, None) => {}
        }
    }

    /// All of `old` was to be known, and all of `new` is.
    fn compare(
        &mut self,
        old: impl IntoIterator<Item = Assignment>,
        new: impl IntoIterator<Item = Assignment>,
    ) {
        let keyed = |assignment: Assignment| (assignment.key(), assignment);
        let mut before: BTreeMap<_, _> = old.into_iter().map(keyed).collect();
        let now: BTreeMap<_, _> = new.into_iter().map(keyed).collect();
        for (key, assignment) in now {
            self.add(before.remove(&key), Some(assignment));
        }
        self.remove.extend(before.into_keys());
    }

    fn extend(&mut self, there: &NewsThere, form: Form) {
        let NewsThere { news, whole } = there;
        self.put.extend(news.put.iter().cloned());
        self.remove.extend(news.remove.iter().cloned());
        match form {
            Form::Differences => self.differences.extend(news.differences.iter().cloned()),
            Form::Whole => self.put.extend(whole.iter().cloned().map(Assignment::Endpoint)),
        }
    }
}

impl NewsThere {
    /// A service was to be known as `old` and is to be known as `new`.
    fn add_endpoint(&mut self, old: Option<EndpointAssignment>, new: Option<EndpointAssignment>) {
        match (old, new) {
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => match EndpointDifference::between(&old, &new) {
                Some(difference) => {
                    self.news.differences.push(difference);
                    self.whole.push(new);
                }
                None => self.news.put.push(Assignment::Endpoint(new)),
            },
            (old, new) => {
                self.news.add(old.map(Assignment::Endpoint), new.map(Assignment::Endpoint));
            }
        }
    }
}

/// The services that have changed, or that have tasks which have, or whose nodes have, on each network.
fn endpoints_of<'a>(
    state: &'a State,
    changes: &Changes<'a>,
) -> BTreeSet<(&'a NetworkId, &'a ServiceId)> {
    let of_tasks = changes.tasks.iter().flat_map(|change| change.sides());
    let of_tasks = of_tasks.flat_map(|task| {
        task.attachments.iter().map(|attachment| (&attachment.network_id, &task.service_id))
    });
    let of_services = changes.services.iter().flat_map(|change| change.sides());
    let of_services = of_services.flat_map(|service| {
        networks_of_service(state, service).map(|network| (network, &service.id))
    });
    let nodes = changes.nodes.iter().filter(|change| goes_or_comes(change));
    let of_nodes = nodes.filter_map(|change| change.sides().next());
    let of_nodes = of_nodes.flat_map(|node| state.tasks_of_node(&node.id)).flat_map(|task| {
        task.attachments.iter().map(|attachment| (&attachment.network_id, &task.service_id))
    });
    of_tasks.chain(of_services).chain(of_nodes).collect()
}

/// Whether a node is up that was not, or the other way round.
fn goes_or_comes(change: &Change<'_, Node>) -> bool {
    let is_up = |node: &Node| node.status.state != NodeState::Down;
    change.old.is_some_and(is_up) != change.new.is_some_and(is_up)
}

/// The networks on which a service, or a task that it still has, has an address.
fn networks_of_service<'a>(
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
