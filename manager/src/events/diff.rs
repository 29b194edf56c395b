//! From two states to what has happened between them. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use swarmlite_proto::api::NodeState;
use swarmlite_proto::api::UpdateState;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::Document;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::time::Timestamp;

use super::Actor;
use super::Event;
use crate::quorum::Quorum;
use crate::state::State;
use crate::state::document::DocumentKind;

/// What a manager sees.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its copy of the state.
    pub state: State,
    /// Who leads, and which managers can be reached.
    pub quorum: Quorum,
}

/// What an event says of an object.
type Attributes = BTreeMap<String, String>;

/// Everything that has happened between `old` and `new`, in the order of time. What was removed was removed `now`, as far as can be told.
/// An object that came and went in between was never seen, and one that changed twice has changed once.
#[must_use]
pub fn between(old: &Seen, new: &Seen, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    table(&mut events, now, old.state.services(), new.state.services(), service);
    table(&mut events, now, old.state.networks(), new.state.networks(), |network, _| {
        attributes(&network.spec.name)
    });
    documents::<SecretKind>(&mut events, now, &old.state, &new.state);
    documents::<ConfigKind>(&mut events, now, &old.state, &new.state);
    let node_seen = |node: &Node, before: Option<&Node>| {
        let mut attributes = attributes(hostname(node));
        if let Some(before) = before {
            node_changes(&mut attributes, before, node);
            standing(&mut attributes, (before, &old.quorum), (node, &new.quorum));
        }
        attributes
    };
    table(&mut events, now, old.state.nodes(), new.state.nodes(), node_seen);
    events.extend(elections(old, new, now));
    events.sort_by_key(|event| event.time_nano);
    events
}

/// What all objects of the cluster have.
trait Object {
    fn meta(&self) -> Meta;
}

impl<I> Object for Document<I> {
    fn meta(&self) -> Meta {
        self.meta
    }
}

macro_rules! objects {
    ($($object:ty),*) => {$(
        impl Object for $object {
            fn meta(&self) -> Meta {
                self.meta
            }
        }
    )*};
}

objects!(Service, Network, Node);

/// What has happened to the objects of one table. `describe` is given an object and, if it has changed, what it was before.
fn table<K: Kind, T: Object + Eq>(
    events: &mut Vec<Event>,
    now: Timestamp,
    old: &OrdMap<Id<K>, Arc<T>>,
    new: &OrdMap<Id<K>, Arc<T>>,
    describe: impl Fn(&T, Option<&T>) -> Attributes,
) {
    let event = |action, id: &Id<K>, attributes, at| {
        Event::new(K::NAME, action, Actor { id: id.to_string(), attributes }, at)
    };
    events.extend(old.diff(new).map(|change| match change {
        DiffItem::Add(id, object) => {
            event("create", id, describe(object, None), object.meta().created_at)
        }
        DiffItem::Update { old: (_, before), new: (id, object) } => {
            event("update", id, describe(object, Some(before)), object.meta().updated_at)
        }
        DiffItem::Remove(id, object) => event("remove", id, describe(object, None), now),
    }));
}

/// What has happened to the secrets, or to the configs.
fn documents<K: DocumentKind>(events: &mut Vec<Event>, now: Timestamp, old: &State, new: &State) {
    let describe =
        |document: &Document<Id<K>>, _: Option<&Document<Id<K>>>| attributes(&document.spec.name);
    table(events, now, old.documents::<K>(), new.documents::<K>(), describe);
}

fn attributes(name: &str) -> Attributes {
    Attributes::from([("name".to_owned(), name.to_owned())])
}

/// Notes what something was and is, if these differ.
fn change(attributes: &mut Attributes, what: &str, old: &str, new: &str) {
    if old != new {
        attributes.insert(format!("{what}.old"), old.to_owned());
        attributes.insert(format!("{what}.new"), new.to_owned());
    }
}

fn service(service: &Service, before: Option<&Service>) -> Attributes {
    let mut attributes = attributes(&service.spec.name);
    let Some(before) = before else { return attributes };
    change(&mut attributes, "image", image(before), image(service));
    if let (Some(old), Some(new)) = (replicas(before), replicas(service)) {
        change(&mut attributes, "replicas", &old.to_string(), &new.to_string());
    }
    match (update_state(before), update_state(service)) {
        (None, Some(new)) => {
            attributes.insert("updatestate.new".to_owned(), new);
        }
        (Some(old), Some(new)) => change(&mut attributes, "updatestate", &old, &new),
        (_, None) => {}
    }
    attributes
}

fn image(service: &Service) -> &str {
    service.spec.task_template.container_spec.as_ref().map_or("", |container| &container.image)
}

const fn replicas(service: &Service) -> Option<u64> {
    match service.spec.mode {
        ServiceMode::Replicated { replicas } => Some(replicas),
        _ => None,
    }
}

fn update_state(service: &Service) -> Option<String> {
    let state = service.update_status.as_ref()?.state;
    Some(UpdateState::from(state).as_str().to_owned())
}

fn hostname(node: &Node) -> &str {
    node.description.as_ref().map_or("", |description| &description.hostname)
}

fn node_changes(attributes: &mut Attributes, old: &Node, new: &Node) {
    change(
        attributes,
        "availability",
        old.spec.availability.as_str(),
        new.spec.availability.as_str(),
    );
    change(attributes, "role", old.spec.role.as_str(), new.spec.role.as_str());
    let state = |node: &Node| NodeState::from(node.status.state).as_str();
    change(attributes, "state", state(old), state(new));
}

/// What has changed of a manager's place among the managers.
fn standing(attributes: &mut Attributes, old: (&Node, &Quorum), new: (&Node, &Quorum)) {
    if old.0.manager.is_none() || new.0.manager.is_none() {
        return;
    }
    let leads =
        |(node, quorum): (&Node, &Quorum)| (quorum.leader.as_ref() == Some(&node.id)).to_string();
    let reachability = |(node, quorum): (&Node, &Quorum)| quorum.reachability(node).as_str();
    change(attributes, "leader", &leads(old), &leads(new));
    change(attributes, "reachability", reachability(old), reachability(new));
}

/// What has changed of managers whose objects have not: who leads is not in the state. Nothing is told as long as nobody leads.
///
/// Almost always it is nothing, and to find that out must not take a look at every node.
fn elections(old: &Seen, new: &Seen, now: Timestamp) -> Vec<Event> {
    if old.quorum == new.quorum || old.quorum.leader.is_none() || new.quorum.leader.is_none() {
        return Vec::new();
    }
    let changed = |node: &Arc<Node>| {
        let before = old.state.nodes().get(&node.id).filter(|before| *before == node)?;
        let mut changes = attributes(hostname(node));
        standing(&mut changes, (before, &old.quorum), (node, &new.quorum));
        let actor = Actor { id: node.id.to_string(), attributes: changes };
        (actor.attributes.len() > 1).then(|| Event::new("node", "update", actor, now))
    };
    let managers = new.state.nodes().values().filter(|node| node.manager.is_some());
    managers.filter_map(changed).collect()
}
