//! What the manager told this node about networks, as values.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AttachmentAssignment;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::balance::Balancer;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::version::Generation;

/// What the manager told this node about networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkAssignments {
    /// What it was computed from.
    pub generation: Generation,
    /// The nodes of the data plane, this one included.
    pub peers: BTreeMap<NodeId, PeerAssignment>,
    /// The networks that this node has to be on.
    pub networks: BTreeMap<NetworkId, NetworkAssignment>,
    /// The services on them.
    pub endpoints: BTreeMap<(NetworkId, ServiceId), EndpointAssignment>,
    /// The standalone containers on them.
    pub attachments: BTreeMap<AttachmentId, AttachmentAssignment>,
}

impl NetworkAssignments {
    /// The part of a complete set of assignments that is about networks.
    pub fn new<'a>(
        generation: Generation,
        assignments: impl IntoIterator<Item = &'a Assignment>,
    ) -> Self {
        let mut networks = Self { generation, ..Self::default() };
        for assignment in assignments {
            match assignment {
                Assignment::Task(_)
                | Assignment::Secret(_)
                | Assignment::Config(_)
                | Assignment::Http(_)
                | Assignment::Acme(_) => {}
                Assignment::Network(network) => {
                    networks.networks.insert(network.id.clone(), network.clone());
                }
                Assignment::Peer(peer) => {
                    networks.peers.insert(peer.node_id.clone(), peer.clone());
                }
                Assignment::Endpoint(endpoint) => {
                    let key = (endpoint.network_id.clone(), endpoint.service_id.clone());
                    networks.endpoints.insert(key, endpoint.clone());
                }
                Assignment::Attachment(attachment) => {
                    networks.attachments.insert(attachment.id.clone(), attachment.clone());
                }
            }
        }
        networks
    }

    /// Puts the nearest that `balancer` can do in the place of what it cannot. Returns the services that this is about.
    ///
    /// Managers take no service that a node of the cluster cannot balance as asked, so this is for a node that has come later.
    /// Serving some task is better than serving none.
    pub fn adapt(&mut self, balancer: Balancer) -> BTreeMap<ServiceId, Substitute> {
        let mut substitutes = BTreeMap::new();
        for endpoint in self.endpoints.values_mut() {
            let asked = endpoint.balancing;
            let instead = balancer.nearest(asked);
            if instead != asked {
                endpoint.balancing = instead;
                let service = endpoint.name.clone();
                let substitute = Substitute { service, asked, instead };
                substitutes.insert(endpoint.service_id.clone(), substitute);
            }
        }
        substitutes
    }

    /// Has tasks on `nodes` get no new connections, as far as there are others that can take them. The addresses of all stay routed.
    pub fn avoid(&mut self, nodes: &BTreeSet<NodeId>) {
        for endpoint in self.endpoints.values_mut() {
            let mut serving = endpoint.tasks.iter().filter(|task| task.serving);
            // Serving by a node that may be there after all is better than serving by none.
            if serving.any(|task| !nodes.contains(&task.node_id)) {
                let avoided =
                    endpoint.tasks.iter_mut().filter(|task| nodes.contains(&task.node_id));
                avoided.for_each(|task| task.serving = false);
            }
        }
    }

    /// The services on one network.
    pub fn on<'a>(
        &'a self,
        network: &'a NetworkId,
    ) -> impl Iterator<Item = &'a EndpointAssignment> {
        self.endpoints.values().filter(move |endpoint| endpoint.network_id == *network)
    }

    /// Every address of a container on one network, with its node.
    pub fn addresses<'a>(
        &'a self,
        network: &'a NetworkId,
    ) -> impl Iterator<Item = (Ipv4Addr, &'a NodeId)> {
        let tasks = self.on(network).flat_map(|endpoint| &endpoint.tasks);
        let attached = self.attachments.values().filter(move |one| one.network_id == *network);
        tasks
            .map(|task| (task.addr, &task.node_id))
            .chain(attached.map(|one| (one.addr.addr(), &one.node_id)))
    }

    /// The network with this subnet. No two networks of a cluster have the same.
    #[must_use]
    pub fn with_subnet(&self, subnet: Ipv4Net) -> Option<&NetworkAssignment> {
        self.networks.values().find(|network| network.subnet == subnet)
    }
}

/// A service that this node cannot balance as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitute {
    /// Its name.
    pub service: String,
    /// How its connections should be spread.
    pub asked: Balancing,
    /// How this node spreads them.
    pub instead: Balancing,
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::agent::EndpointTask;
    use swarmlite_proto::spec::EndpointMode;

    use super::*;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(letter: char) -> T {
        letter.to_string().repeat(25).parse().expect("an id")
    }

    /// A service with a task on each of some nodes; those of nodes in upper case serve.
    fn service(nodes: &str) -> NetworkAssignments {
        let task = |node: char| EndpointTask {
            task_id: id(node.to_ascii_lowercase()),
            addr: Ipv4Addr::LOCALHOST,
            node_id: id(node.to_ascii_lowercase()),
            serving: node.is_ascii_uppercase(),
        };
        let endpoint = EndpointAssignment {
            network_id: id('n'),
            service_id: id('s'),
            name: "web".to_owned(),
            aliases: Vec::new(),
            mode: EndpointMode::Vip,
            vip: None,
            balancing: Balancing::default(),
            ports: Vec::new(),
            http: Vec::new(),
            tasks: nodes.chars().map(task).collect(),
        };
        let endpoints = BTreeMap::from([((id('n'), id('s')), endpoint)]);
        NetworkAssignments { endpoints, ..NetworkAssignments::default() }
    }

    #[test]
    fn tasks_on_avoided_nodes_do_not_serve_unless_no_other_does() {
        for (nodes, avoided, left) in [
            ("ABC", "", "ABC"),
            ("ABC", "b", "AbC"),
            ("ABC", "bc", "Abc"),
            ("ABC", "abc", "ABC"),
            ("aBC", "bc", "aBC"),
            ("aBA", "b", "abA"),
            ("ABC", "z", "ABC"),
        ] {
            let mut service_now = service(nodes);
            service_now.avoid(&avoided.chars().map(id).collect());
            assert_eq!(service_now, service(left), "{nodes} without {avoided}");
        }
    }
}
