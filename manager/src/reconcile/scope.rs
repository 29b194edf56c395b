//! What a pass has to look at: what has changed since the last one, and what follows from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;

use crate::state::Changes;
use crate::state::State;

/// Something that is decided about by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A service, with its tasks.
    Service(ServiceId),
    /// A node, with its tasks.
    Node(NodeId),
}

/// What a pass has to look at. A loop that decides about each service, or each node, by itself need look at no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All there is.
    #[default]
    Everything,
    /// Nothing but this.
    Only(Touched),
}

/// Services and nodes for which something has changed, be it one of their tasks. Those that are gone are among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    services: BTreeSet<ServiceId>,
    nodes: BTreeSet<NodeId>,
    /// Whether a node itself has changed, which concerns whoever wants a task on every node.
    some_node: bool,
}

impl Touched {
    /// All of it, one by one.
    pub(super) fn items(&self) -> impl Iterator<Item = Item> + '_ {
        let services = self.services.iter().cloned().map(Item::Service);
        services.chain(self.nodes.iter().cloned().map(Item::Node))
    }
}

impl Scope {
    /// What follows from `changes`, which have led to `state`: the services of the tasks and nodes that have changed, and the nodes of the tasks and
    /// services that have. Nearly all depends on the cluster object.
    pub(super) fn of(changes: &Changes<'_>, state: &State) -> Self {
        if changes.cluster {
            return Self::Everything;
        }
        let mut touched = Touched { some_node: !changes.nodes.is_empty(), ..Touched::default() };
        for node in changes.nodes.iter().flat_map(|change| change.sides()) {
            touched.nodes.insert(node.id.clone());
            touched
                .services
                .extend(state.tasks_of_node(&node.id).map(|task| task.service_id.clone()));
        }
        for service in changes.services.iter().flat_map(|change| change.sides()) {
            touched.services.insert(service.id.clone());
            let nodes = state.tasks_of_service(&service.id).filter_map(|task| task.node_id.clone());
            touched.nodes.extend(nodes);
        }
        for task in changes.tasks.iter().flat_map(|change| change.sides()) {
            touched.services.insert(task.service_id.clone());
            touched.nodes.extend(task.node_id.clone());
        }
        Self::Only(touched)
    }

    /// Adds one more thing to look at.
    pub(super) fn add(&mut self, item: Item) {
        match (self, item) {
            (Self::Everything, _) => {}
            (Self::Only(touched), Item::Service(id)) => drop(touched.services.insert(id)),
            (Self::Only(touched), Item::Node(id)) => drop(touched.nodes.insert(id)),
        }
    }

    /// Adds all of another scope.
    pub(super) fn extend(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Everything, _) => {}
            (_, Self::Everything) => *self = Self::Everything,
            (Self::Only(touched), Self::Only(more)) => {
                touched.services.extend(more.services);
                touched.nodes.extend(more.nodes);
                touched.some_node |= more.some_node;
            }
        }
    }

    /// The services to look at, in the order of their ids.
    pub(crate) fn services<'a>(&self, state: &'a State) -> Vec<&'a Arc<Service>> {
        match self {
            Self::Only(touched) => {
                touched.services.iter().filter_map(|id| state.services().get(id)).collect()
            }
            Self::Everything => state.services().values().collect(),
        }
    }

    /// The same for services that have a task on every node: a node that comes or changes concerns all of them.
    pub(crate) fn services_on_every_node<'a>(&self, state: &'a State) -> Vec<&'a Arc<Service>> {
        match self {
            Self::Only(touched) if touched.some_node => Self::Everything.services(state),
            _ => self.services(state),
        }
    }

    /// The services to look at, also those of which only tasks are left, in the order of their ids.
    pub(crate) fn services_known(&self, state: &State) -> BTreeSet<ServiceId> {
        match self {
            Self::Only(touched) => touched.services.clone(),
            Self::Everything => {
                let of_tasks = state.tasks().values().map(|task| &task.service_id);
                of_tasks.chain(state.services().keys()).cloned().collect()
            }
        }
    }

    /// The nodes to look at, in the order of their ids.
    pub(crate) fn nodes<'a>(&self, state: &'a State) -> Vec<&'a Arc<Node>> {
        match self {
            Self::Only(touched) => {
                touched.nodes.iter().filter_map(|id| state.nodes().get(id)).collect()
            }
            Self::Everything => state.nodes().values().collect(),
        }
    }
}
