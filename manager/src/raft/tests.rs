//! Whole managers in one process, with real disks and a network that can be cut.

mod cluster;
mod damage;
mod members;
mod network;
mod recovery;
mod simulation;
mod single;
mod witness;

use std::collections::BTreeMap;
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
use swarmlite_vault::testing::sealer;
use tempfile::TempDir;

use self::network::Lines;
use self::network::Wire;
use super::*;
use crate::state::Op;
use crate::state::fixture::node;
use crate::state::fixture::rng;
use crate::state::fixture::service;

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
        root_ca: RootCa { certificate: String::new(), key: String::new(), cross_signed: None },
        next_root_ca: None,
        join_tokens: JoinTokens { worker: String::new(), manager: String::new() },
        default_addr_pool: Vec::new(),
        subnet_size: 24,
        data_path_port: 4789,
        next_raft_id: FIRST_RAFT_ID + 1,
        removed_nodes: Vec::new(),
        unlock_key: None,
        format: Default::default(),
        restored: Default::default(),
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
    let store = RaftStore::bootstrap(dir.path(), sealer(&[1]), addr(1), lines.wire(1), first());
    let store = soon("a cluster of one", store).await.expect("starts");
    lines.connect(1, router(store.clone()));
    store
}

/// Starts manager `number` again.
async fn reopen(lines: &Lines, number: u16, dir: &TempDir) -> TestStore {
    let store = RaftStore::open(dir.path(), sealer(&[number.into()]), lines.wire(number))
        .await
        .expect("opens");
    lines.connect(number, router(store.clone()));
    store
}

/// Several managers, numbered from 1.
struct TestCluster {
    lines: Lines,
    dirs: BTreeMap<u16, TempDir>,
    stores: BTreeMap<u16, TestStore>,
}

impl TestCluster {
    /// A cluster of `count` voters.
    async fn of(count: u16) -> Self {
        let (lines, dir) = (Lines::default(), tempfile::tempdir().expect("a directory"));
        let store = bootstrap(&lines, &dir).await;
        let (dirs, stores) = ([(1, dir)].into(), [(1, store)].into());
        let mut cluster = Self { lines, dirs, stores };
        for number in 2..=count {
            cluster.join(number).await;
        }
        cluster
    }

    fn store(&self, number: u16) -> &TestStore {
        &self.stores[&number]
    }

    fn dir(&self, number: u16) -> &Path {
        self.dirs[&number].path()
    }

    /// Has manager `number` join, with an empty directory.
    async fn join(&mut self, number: u16) {
        self.join_as(number, false).await;
    }

    /// The same, as a witness or in full.
    async fn join_as(&mut self, number: u16, witness: bool) {
        let any = self.stores.values().next().expect("a manager");
        if !any.state().nodes().contains_key(&node_id(number)) {
            let node = Node { witness, ..manager(number) };
            let put = transaction(vec![Op::PutNode(Box::new(node))]);
            any.propose(put).await.expect("is new");
        }
        // It answers before it knows raft, as a real manager does.
        self.lines.connect(number, axum::Router::new());
        self.dirs.insert(number, tempfile::tempdir().expect("a directory"));
        let known: Vec<SocketAddr> = self.stores.keys().copied().map(addr).collect();
        // Each has a key of its own.
        let sealer = sealer(&[number.into()]);
        let join = RaftStore::join(
            self.dir(number),
            sealer,
            addr(number),
            self.lines.wire(number),
            &known,
            witness,
        );
        let store = soon("an answer", join).await.expect("is let in");
        self.lines.connect(number, router(store.clone()));
        soon("a vote", store.joined()).await.expect("runs");
        self.stores.insert(number, store);
    }

    /// Which of `numbers` leads, as soon as one does.
    async fn leader(&self, numbers: &[u16]) -> u16 {
        let leads = |number: u16| {
            let mut leadership = self.store(number).leadership();
            Box::pin(async move {
                let _ = leadership.wait_for(|known| known.leader).await.expect("runs");
                number
            })
        };
        let any = futures_util::future::select_all(numbers.iter().copied().map(leads));
        soon("a leader", any).await.0
    }

    /// Stops manager `number`.
    async fn stop(&mut self, number: u16) {
        self.lines.disconnect(number);
        let store = self.stores.remove(&number).expect("runs");
        soon("the end", store.shutdown()).await;
    }

    /// Starts manager `number` again.
    async fn start(&mut self, number: u16) {
        let store = reopen(&self.lines, number, &self.dirs[&number]).await;
        self.stores.insert(number, store);
    }
}
