//! For which nodes everything is computed anew after a change: those for which more may be different than is looked at one by one. All others pay
//! nothing for it.

use std::collections::BTreeSet;

use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;

use super::documents_of;
use super::http;
use super::networks_of;
use crate::state::Change;
use crate::state::Changes;
use crate::state::State;

/// What has changed of which much may follow.
#[derive(Debug)]
pub(super) struct Anew {
    /// Something that concerns every node.
    all: bool,
    /// Nodes themselves.
    nodes: BTreeSet<NodeId>,
    /// Networks, or which containers are attached to them.
    networks: BTreeSet<NetworkId>,
    secrets: BTreeSet<SecretId>,
    configs: BTreeSet<ConfigId>,
}

impl Anew {
    /// After these changes, which led to the state `new`.
    pub(super) fn after(changes: &Changes<'_>, new: &State) -> Self {
        let networks = changes.networks.iter().flat_map(Change::sides).map(|it| &it.id);
        let attached = changes.attachments.iter().flat_map(Change::sides).map(|it| &it.network_id);
        let secrets = changes.secrets.iter().flat_map(Change::sides);
        let configs = changes.configs.iter().flat_map(Change::sides);
        let nodes = changes.nodes.iter().flat_map(Change::sides);
        Self {
            all: changes.cluster
                || changes.acme
                || changes.nodes.iter().any(has_other_manager)
                || changes.services.iter().any(|change| changes_certificates(new, change)),
            nodes: nodes.map(|node| node.id.clone()).collect(),
            networks: networks.chain(attached).cloned().collect(),
            secrets: secrets.map(|secret| secret.id.clone()).collect(),
            configs: configs.map(|config| config.id.clone()).collect(),
        }
    }

    /// Whether it is all nodes.
    pub(super) const fn is_for_all(&self) -> bool {
        self.all
    }

    /// Whether `node` is one of them, as it is in one of the two `states`.
    pub(super) fn is_for(&self, node: &NodeId, states: [&State; 2]) -> bool {
        let has_changed = |state| {
            self.has_network(state, node)
                || self.has_secret(state, node)
                || self.has_config(state, node)
        };
        self.all || self.nodes.contains(node) || states.into_iter().any(has_changed)
    }

    fn has_network(&self, state: &State, node: &NodeId) -> bool {
        let is_changed = |id: &NetworkId| self.networks.contains(id);
        !self.networks.is_empty() && networks_of(state, node).iter().any(|it| is_changed(&it.id))
    }

    fn has_secret(&self, state: &State, node: &NodeId) -> bool {
        let all = || documents_of::<SecretKind>(state, node).chain(http::certificates(state, node));
        !self.secrets.is_empty() && all().any(|it| self.secrets.contains(&it.id))
    }

    fn has_config(&self, state: &State, node: &NodeId) -> bool {
        let all = || documents_of::<ConfigKind>(state, node);
        !self.configs.is_empty() && all().any(|it| self.configs.contains(&it.id))
    }
}

/// Whether a node is a manager that was none or another, or the other way round.
fn has_other_manager(change: &Change<'_, Node>) -> bool {
    let manager = |node: &Node| node.manager;
    change.old.and_then(manager) != change.new.and_then(manager)
}

/// Whether other secrets may be needed for the HTTP rules of a service than before.
fn changes_certificates(state: &State, change: &Change<'_, Service>) -> bool {
    let has_none =
        |service: &Service| !state.http_rules_of(&service.spec).iter().any(http::needs_secret);
    match (change.old, change.new) {
        (Some(old), Some(new)) => !http::same_certificates(state, old, new),
        (old, new) => !old.into_iter().chain(new).all(has_none),
    }
}
