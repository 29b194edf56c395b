//! Clusters to measure with: nodes that are ready, as their agents describe them, and services with their tasks.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use swarmlite_manager::ca::ClusterInit;
use swarmlite_manager::ca::found;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::Snapshot;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::state::fixture;
use swarmlite_manager::testing::Leader;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::ContainerStatus;
use swarmlite_proto::object::EngineDescription;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::NodeResources;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::PluginDescription;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::object::TlsInfo;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::DEFAULT_ADDRESS_POOL;
use swarmlite_proto::spec::DEFAULT_DATA_PATH_PORT;
use swarmlite_proto::spec::DEFAULT_SUBNET_SIZE;
use swarmlite_proto::spec::MANAGER_PORT;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

/// So many changes are in one transaction, as in those of the loops.
const OPS: usize = 200;

/// The drivers that an engine has when nobody adds one.
const PLUGINS: [(&str, &[&str]); 3] = [
    ("Log", &["awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "syslog"]),
    ("Network", &["bridge", "host", "ipvlan", "macvlan", "null", "overlay"]),
    ("Volume", &["local"]),
];

/// When all of this happens.
pub(crate) fn now() -> Timestamp {
    Timestamp::EPOCH + Duration::from_secs(1_700_000_000)
}

/// A cluster of so many nodes, one of which is a manager, in which nothing is left to do.
pub(crate) fn of(nodes: usize) -> State {
    let mut state = founded();
    let mut first = state.nodes().values().next().expect("the manager").as_ref().clone();
    let tls_info = TlsInfo {
        trust_root: state.cluster().expect("is there").root_ca.certificate.clone(),
        ..TlsInfo::default()
    };
    describe(&mut first, 0, &tls_info);
    // Not the ids that the founder has drawn.
    let mut rng = fixture::rng(1);
    let others = (1..nodes).map(|at| {
        let mut node = fixture::node(0, index(at));
        node.id = NodeId::random(&mut rng);
        describe(&mut node, at, &tls_info);
        node
    });
    state = with_nodes(state, &[first].into_iter().chain(others).collect::<Vec<_>>());
    settle(&mut state);
    assert_eq!(state.nodes().len(), nodes, "two have one id");
    state
}

fn founded() -> State {
    let init = ClusterInit {
        spec: SwarmSpec::default(),
        advertise_addr: (Ipv4Addr::new(192, 0, 2, 1), MANAGER_PORT).into(),
        availability: Availability::Active,
        default_addr_pool: vec![DEFAULT_ADDRESS_POOL],
        subnet_size: DEFAULT_SUBNET_SIZE,
        data_path_port: DEFAULT_DATA_PATH_PORT,
    };
    let founding = found(init, &mut fixture::rng(0), now()).expect("founds");
    let mut state = State::default();
    state.apply(1, founding.transaction).expect("the state is empty");
    state
}

/// The cluster with these nodes. They come by a snapshot: that they join one after the other is not what is measured, and a state takes no more of them
/// than there are indexes ([`NodeIndex::LAST`]), which are used again here.
fn with_nodes(state: State, nodes: &[Node]) -> State {
    #[derive(Serialize)]
    struct Image<'a> {
        applied: u64,
        tables: Tables<'a>,
    }
    #[derive(Serialize)]
    struct Tables<'a> {
        nodes: BTreeMap<&'a NodeId, &'a Node>,
        #[serde(flatten)]
        others: Map<String, Value>,
    }
    let applied = state.applied();
    let mut image = serde_json::to_value(Snapshot::from(state)).expect("can be written");
    let mut others = image["tables"].as_object_mut().map(std::mem::take).expect("has tables");
    others.remove("nodes").expect("is one of them");
    let nodes = nodes.iter().map(|node| (&node.id, node)).collect();
    let image = Image { applied, tables: Tables { nodes, others } };
    let image = serde_json::to_vec(&image).expect("can be written");
    serde_json::from_slice::<Snapshot>(&image).expect("can be read").into()
}

fn index(at: usize) -> u16 {
    let indexes = usize::from(NodeIndex::LAST.0);
    u16::try_from(at % indexes + 1).expect("an index")
}

/// The node has been heard of.
fn describe(node: &mut Node, at: usize, tls_info: &TlsInfo) {
    let number = u32::try_from(at + 1).expect("not that many");
    let addr = Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 16, 0, 0)) + number);
    let plugins = PLUGINS.into_iter().flat_map(|(kind, names)| {
        let plugin =
            |name: &&str| PluginDescription { kind: kind.to_owned(), name: (*name).to_owned() };
        names.iter().map(plugin)
    });
    node.meta.version = Version::at(1);
    node.status =
        NodeStatus { state: NodeState::Ready, addr: addr.to_string(), ..NodeStatus::default() };
    node.data_path_addr = Some(addr.into());
    node.versions = Versions::own();
    node.description = Some(NodeDescription {
        hostname: format!("node-{number}"),
        platform: Platform { architecture: "x86_64".to_owned(), os: "linux".to_owned() },
        resources: NodeResources {
            nano_cpus: 64_000_000_000,
            memory_bytes: 1 << 38,
            ..NodeResources::default()
        },
        engine: EngineDescription {
            engine_version: "20.10.24+dfsg1".to_owned(),
            plugins: plugins.collect(),
            ..EngineDescription::default()
        },
        tls_info: tls_info.clone(),
        ..NodeDescription::default()
    });
}

/// Lets the loops do what there is to do.
fn settle(state: &mut State) {
    let mut leader = Leader::new(state, now());
    loop {
        leader.observe(state);
        let planned: Vec<Transaction> =
            Leader::loops().flat_map(|name| leader.pass(name).expect("is a loop")).collect();
        if planned.is_empty() {
            return;
        }
        for transaction in planned {
            let index = state.applied() + 1;
            state.apply(index, transaction).expect("the loops do not disagree");
        }
    }
}

/// Carries out one change after the other.
pub(crate) fn commit(state: &mut State, ops: impl IntoIterator<Item = Op>) {
    let mut ops = ops.into_iter().peekable();
    while ops.peek().is_some() {
        let transaction = Transaction { at: now(), ops: ops.by_ref().take(OPS).collect() };
        let index = state.applied() + 1;
        state.apply(index, transaction).expect("is sound");
    }
}

/// Services that are alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// What their names begin with.
    pub(crate) name: &'static str,
    /// How many there are.
    pub(crate) services: usize,
    /// How many tasks each of them has.
    pub(crate) replicas: usize,
}

impl Load {
    /// Puts the services and all of their tasks into `state`, as `service` and `task` make them from the number of the service and of the task in it.
    pub(crate) fn add(
        self,
        state: &mut State,
        mut service: impl FnMut(usize, &mut Service),
        mut task: impl FnMut(usize, usize, &mut Task),
    ) {
        // Other than those of what was added before.
        let mut rng = fixture::rng(state.applied());
        let replicas = u64::try_from(self.replicas).expect("a number");
        let mut ids = Vec::new();
        let puts = (0..self.services).map(|at| {
            let mut new = fixture::service(0, &format!("{}-{at}", self.name));
            new.id = ServiceId::random(&mut rng);
            new.spec.mode = ServiceMode::Replicated { replicas };
            service(at, &mut new);
            ids.push(new.id.clone());
            Op::PutService(Box::new(new))
        });
        commit(state, puts);
        let services: Vec<Arc<Service>> =
            ids.iter().map(|id| Arc::clone(&state.services()[id])).collect();
        let puts = (0..self.services * self.replicas).map(|at| {
            let (of, number) = (at / self.replicas, at % self.replicas);
            let slot = u64::try_from(number + 1).expect("a number");
            let mut new = fixture::task(0, &services[of], slot);
            new.id = TaskId::random(&mut rng);
            task(of, number, &mut new);
            Op::PutTask(Box::new(new))
        });
        commit(state, puts);
    }
}

/// The task has what it needs but a node.
pub(crate) fn wait(task: &mut Task) {
    task.status.state = TaskState::Pending;
    "pending task scheduling".clone_into(&mut task.status.message);
}

/// The task runs on `node`, and gets requests.
pub(crate) fn run(task: &mut Task, node: &NodeId) {
    task.node_id = Some(node.clone());
    task.routing = Routing::Routed { at: now() };
    let container =
        ContainerStatus { container_id: "c".repeat(64), pid: 12_345, ..ContainerStatus::default() };
    task.status = TaskStatus {
        timestamp: now(),
        state: TaskState::Running,
        message: "started".to_owned(),
        container: Some(container),
        ..TaskStatus::default()
    };
}
