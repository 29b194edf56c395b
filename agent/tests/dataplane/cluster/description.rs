//! What the managers say of a cluster of three nodes with one service.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_agent::testing::DataPlaneHandle;
use swarmlite_agent::testing::NetworkAssignments;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::EndpointTask;
use swarmlite_proto::agent::IngressPort;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::version::Generation;

use crate::rig::Node;
use crate::rig::underlay;

/// How long all kernels may take to follow. It takes a second, and minutes on an emulated processor that
/// waits for its turn.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// The port that the nodes answer on, and the one that the tasks listen on.
pub(crate) const PUBLISHED: u16 = 8000;
pub(crate) const TARGET: u16 = 80;

/// The virtual address of the service on the application's network.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

/// The virtual address of the other service there.
pub(crate) const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 3);

/// The cluster as the managers would describe it: `whoami` with a task on node 1 and one on node 2.
pub(crate) struct Cluster {
    pub(crate) ingress: NetworkId,
    pub(crate) app: NetworkId,
    pub(crate) assignments: NetworkAssignments,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) whoami: ServiceId,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let nodes: Vec<NodeId> = (0..3).map(|_| NodeId::random(&mut rng)).collect();
        let (ingress, app) = (NetworkId::random(&mut rng), NetworkId::random(&mut rng));
        let mut assignments = NetworkAssignments::default();
        for (at, id) in (1_u8..).zip(&nodes) {
            let peer = PeerAssignment {
                node_id: id.clone(),
                index: NodeIndex(u16::from(at)),
                data_path_addr: IpAddr::V4(underlay(at)),
            };
            assignments.peers.insert(id.clone(), peer);
        }
        for (id, name, vni, subnet, gateway) in [
            (&ingress, "ingress", 4096, "10.255.0.0/16", [10, 255, 0, 1]),
            (&app, "app", 4097, "10.0.1.0/24", [10, 0, 1, 1]),
        ] {
            let network = NetworkAssignment {
                id: id.clone(),
                name: name.to_owned(),
                vni,
                data_path_port: 4789,
                subnet: subnet.parse().expect("subnet"),
                gateway: gateway.into(),
                ingress: name == "ingress",
                internal: false,
                attachable: false,
                labels: Default::default(),
                options: Default::default(),
            };
            assignments.networks.insert(id.clone(), network);
        }
        let whoami = ServiceId::random(&mut rng);
        let mut cluster = Self { ingress, app, assignments, nodes, whoami };
        cluster.whoami(&mut rng);
        cluster
    }

    fn whoami(&mut self, rng: &mut StdRng) {
        let port = |protocol| IngressPort { protocol, published: PUBLISHED, target: TARGET };
        for (network, vip, ports) in [
            (self.ingress.clone(), None, vec![port(PortProtocol::Tcp), port(PortProtocol::Udp)]),
            (self.app.clone(), Some(VIP), Vec::new()),
        ] {
            let base = if vip.is_some() { [10, 0, 1] } else { [10, 255, 0] };
            let tasks = (0_u8..2)
                .map(|at| EndpointTask {
                    task_id: TaskId::random(rng),
                    addr: Ipv4Addr::new(base[0], base[1], base[2], 11 + at),
                    node_id: self.nodes[usize::from(at)].clone(),
                    serving: true,
                })
                .collect();
            let endpoint = EndpointAssignment {
                network_id: network.clone(),
                service_id: self.whoami.clone(),
                name: "whoami".to_owned(),
                aliases: Vec::new(),
                mode: EndpointMode::Vip,
                vip,
                balancing: Balancing::default(),
                http: Vec::new(),
                ports,
                tasks,
            };
            self.assignments.endpoints.insert((network, self.whoami.clone()), endpoint);
        }
    }

    /// Adds another service on the application's network, whose task on node 3 is 10.0.1.13.
    pub(crate) fn add_other_service(&mut self) {
        let mut other =
            self.assignments.endpoints[&(self.app.clone(), self.whoami.clone())].clone();
        other.service_id = ServiceId::random(&mut StdRng::seed_from_u64(2));
        other.vip = Some(OTHER);
        other.tasks.truncate(1);
        other.tasks[0].addr = Ipv4Addr::new(10, 0, 1, 13);
        other.tasks[0].node_id = self.nodes[2].clone();
        self.assignments.endpoints.insert((self.app.clone(), other.service_id.clone()), other);
    }

    /// Says whether a task serves, on every network.
    pub(crate) fn set_serving(&mut self, task: usize, serving: bool) {
        for endpoint in self.assignments.endpoints.values_mut() {
            endpoint.tasks[task].serving = serving;
        }
    }

    /// Gives every node the next generation and waits until all kernels have it.
    pub(crate) async fn publish(&mut self, nodes: &[Node]) {
        self.assignments.generation = Generation(self.assignments.generation.0 + 1);
        for node in nodes {
            node.data_plane.set_assignments(self.assignments.clone()).await.expect("running");
        }
        for node in nodes {
            has_reached(&node.data_plane, self.assignments.generation).await;
        }
    }
}

/// Waits until the kernel of a node has what it was given.
pub(crate) async fn has_reached(data_plane: &DataPlaneHandle, wanted: Generation) {
    let mut progress = data_plane.progress();
    let reached = progress.wait_for(|progress| progress.generation >= wanted);
    tokio::time::timeout(LIMIT, reached).await.expect("in time").expect("running");
}
