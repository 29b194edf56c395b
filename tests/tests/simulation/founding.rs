//! How the cluster begins: with its own object, the ingress network, and some machines.

use rand::RngExt;
use swarmlite_agent::testing::Machine;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::state::fixture;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::JoinTokens;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeResources;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::spec::SwarmSpec;

use crate::machines::Host;
use crate::world::Event;
use crate::world::World;

impl World {
    /// Makes the cluster.
    pub(crate) fn found(&mut self) {
        let mut ingress = fixture::network(98, "ingress", 0, "10.0.0.0/24");
        ingress.spec.ingress = true;
        ingress.allocation = None;
        let cluster = Cluster {
            id: ClusterId::random(&mut self.rng),
            meta: Default::default(),
            spec: SwarmSpec::defaults(),
            root_ca: RootCa { certificate: String::new(), key: String::new(), cross_signed: None },
            next_root_ca: None,
            join_tokens: JoinTokens { worker: String::new(), manager: String::new() },
            default_addr_pool: vec!["10.0.0.0/8".parse().expect("a subnet")],
            subnet_size: 27,
            data_path_port: 4789,
            next_raft_id: 4,
            removed_nodes: Vec::new(),
            unlock_key: None,
            format: Default::default(),
            restored: Default::default(),
        };
        let mut first = Transaction::new(self.clock(0))
            .with(Op::PutCluster(Box::new(cluster)))
            .with(Op::PutNetwork(Box::new(ingress)));
        for _ in 0..self.rng.random_range(3..6) {
            let node = self.new_machine();
            first.ops.push(Op::PutNode(Box::new(node)));
        }
        self.append(&first);
        self.elect();
        self.within(1000..=4000, Event::Command);
        self.within(4000..=9000, Event::Fault);
    }

    /// A machine that joins, and the node that it is. It calls until it is let in.
    pub(crate) fn new_machine(&mut self) -> Node {
        let index = u16::try_from(self.hosts.len() + 1).unwrap_or(u16::MAX);
        let seed = self.rng.random();
        let node = fixture::node(seed, index);
        let description = NodeDescription {
            hostname: format!("node{index}"),
            resources: NodeResources { nano_cpus: 4_000_000_000, ..NodeResources::default() },
            ..NodeDescription::default()
        };
        self.hosts.push(Host::new(Machine::new(node.id.clone()), description));
        for delay in [500, 5000, 30_000] {
            self.within(delay..=delay * 2, Event::Connect(self.hosts.len() - 1));
        }
        node
    }
}
