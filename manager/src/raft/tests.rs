//! Whole managers in one process, with real disks and a network that can be cut.

mod network;
mod single;

use std::net::SocketAddr;
use std::time::Duration;

use swarmlite_proto::error::Result as ProtoResult;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::JoinTokens;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;
use tempfile::TempDir;

use self::network::Lines;
use self::network::Wire;
use super::*;
use crate::state::Op;
use crate::state::tests::node;
use crate::state::tests::rng;
use crate::state::tests::service;

/// No condition here takes that long, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Awaits `future`, which must end.
async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("never: {what}"))
}

fn addr(number: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], number))
}

/// The manager node of that number, as an administrator or a join token makes it.
fn manager(number: u16) -> Node {
    let mut node = node(u64::from(number), number);
    node.spec.role = NodeRole::Manager;
    node.role = NodeRole::Manager;
    node
}

fn node_id(number: u16) -> NodeId {
    manager(number).id
}

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::random(&mut rng(99)),
        meta: Default::default(),
        spec: SwarmSpec::default(),
        root_ca: RootCa { certificate: String::new(), key: String::new() },
        join_tokens: JoinTokens { worker: String::new(), manager: String::new() },
        default_addr_pool: Vec::new(),
        subnet_size: 24,
        data_path_port: 4789,
        next_raft_id: FIRST_RAFT_ID + 1,
        removed_nodes: Vec::new(),
    }
}

fn transaction(ops: Vec<Op>) -> Transaction {
    Transaction { at: Timestamp::EPOCH, ops }
}

/// What makes a cluster whose first manager is number 1.
fn first() -> Transaction {
    let mut node = manager(1);
    node.manager = Some(ManagerRecord { raft_id: FIRST_RAFT_ID, addr: addr(1) });
    transaction(vec![Op::PutCluster(Box::new(cluster())), Op::PutNode(Box::new(node))])
}

type TestStore = RaftStore<Wire>;

/// Makes a new service.
async fn create(store: &TestStore, seed: u64) -> ProtoResult<Version> {
    let service = service(seed, &format!("service-{seed}"));
    store.propose(transaction(vec![Op::PutService(Box::new(service))])).await
}

fn has(state: &State, seed: u64) -> bool {
    state.service_by_name(&format!("service-{seed}")).is_some()
}

/// Makes a cluster of manager 1 alone.
async fn bootstrap(lines: &Lines, dir: &TempDir) -> TestStore {
    let store = RaftStore::bootstrap(dir.path(), addr(1), lines.wire(1), first()).await;
    let store = soon("a cluster of one", async { store.expect("starts") }).await;
    lines.connect(1, router(store.clone()));
    store
}

/// Starts manager `number` again.
async fn reopen(lines: &Lines, number: u16, dir: &TempDir) -> TestStore {
    let store = RaftStore::open(dir.path(), lines.wire(number)).await.expect("opens");
    lines.connect(number, router(store.clone()));
    store
}
