//! The API as clients meet it: requests in, status codes and texts out, and what became of the state.

mod attach;
mod audit;
mod backup;
mod balancing;
mod cluster;
mod contract;
mod docker_cli;
mod doctor;
mod documents;
mod engine;
mod events;
mod explain;
mod extension;
mod http;
mod logs;
mod metrics;
mod networks;
mod nonsense;
mod passthrough;
mod races;
mod registry;
mod services;
mod ui;

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::http::Request;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use serde_json::Value;
use serde_json::json;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::backup::Backup;
use swarmlite_manager::ca::Signing;
use swarmlite_manager::ca::cfssl::Cfssl;
use swarmlite_manager::events::EventLog;
use swarmlite_manager::load::Loads;
use swarmlite_manager::quorum::Quorum;
use swarmlite_manager::reports::ReportSource;
use swarmlite_manager::reports::Traffics;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::Snapshot;
use swarmlite_manager::state::State;
use swarmlite_manager::state::fixture;
use swarmlite_manager::store::Store;
use swarmlite_manager::store::memory::MemoryStore;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::JoinTokens;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::SwarmSpec;
use tower::ServiceExt;

use self::logs::FakeLogs;
use crate::audit::Audit;
use crate::control::NodeControl;
use crate::control::NodeFacts;
use crate::control::Place;
use crate::control::Reservation;
use crate::engine::Engine;
use crate::router;
use crate::state::ApiState;

/// A node that does nothing but note what it is told.
struct FakeNode {
    membership: SwarmInfo,
    store: Option<MemoryStore>,
    logs: FakeLogs,
    reports: Reports,
    quorum: Quorum,
    events: EventLog,
    calls: Mutex<Vec<String>>,
}

/// Signs by the key of the cluster.
fn nobody_outside() -> Signing {
    Signing::new(Arc::new(Cfssl::new(None)))
}

/// What nodes have reported: no load, and this traffic.
#[derive(Clone, Default)]
pub(crate) struct Reports(Arc<Mutex<Traffics>>);

impl ReportSource for Reports {
    fn traffic(&self) -> BoxFuture<'_, Result<Traffics>> {
        async { Ok(self.0.lock().expect("no panic").clone()) }.boxed()
    }

    fn loads(&self) -> BoxFuture<'_, Result<Loads>> {
        async { Ok(Loads::new()) }.boxed()
    }
}

impl FakeNode {
    fn note(&self, call: &str) {
        self.calls.lock().expect("no panic").push(call.to_owned());
    }
}

impl NodeControl for FakeNode {
    fn init(&self, request: InitRequest) -> BoxFuture<'_, Result<NodeId>> {
        self.note(&format!("init {}", request.listen_addr));
        async { Ok(NodeId::random(&mut fixture::rng(1))) }.boxed()
    }

    fn restore(&self, _: Backup, place: Place) -> BoxFuture<'_, Result<()>> {
        self.note(&format!("restore {}", place.advertise_addr));
        async { Ok(()) }.boxed()
    }

    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<()>> {
        self.note(&format!("join {}", request.remote_addrs.join(" ")));
        async { Ok(()) }.boxed()
    }

    fn leave(&self) -> BoxFuture<'_, Result<()>> {
        self.note("leave");
        async { Ok(()) }.boxed()
    }

    fn unlock(&self, key: String) -> BoxFuture<'_, Result<()>> {
        self.note(&format!("unlock {key}"));
        async { Ok(()) }.boxed()
    }

    fn membership(&self) -> SwarmInfo {
        self.membership.clone()
    }

    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<Reservation>> {
        async move {
            let store = self.store.as_ref().expect("the test has a cluster");
            let node = self.membership.node_id.parse().expect("an id");
            let now = swarmlite_proto::time::Timestamp::EPOCH;
            let rng = &mut fixture::rng(77);
            let (attached, transaction) =
                swarmlite_manager::attachments::attach(&store.state(), &node, &request, now, rng)?;
            Store::propose(store, transaction).await?;
            self.note(&format!("attach {} {}", attached.network_name, request.aliases.join(" ")));
            Ok(Reservation { attached, hold: Box::new(()) })
        }
        .boxed()
    }

    fn metrics(&self) -> BoxFuture<'_, Result<String>> {
        async { Ok("swarm_manager_leader 1\n# EOF\n".to_owned()) }.boxed()
    }

    fn examine(&self) -> BoxFuture<'_, NodeFacts> {
        async { NodeFacts { disk: Err("no disk in tests".to_owned()), agent: None } }.boxed()
    }

    fn manager(&self) -> Option<ManagerAccess> {
        let (logs, events) = (self.logs.clone(), self.events.clone());
        let reports = self.reports.clone();
        let (signing, quorum) = (nobody_outside(), self.quorum.clone());
        let access = |store| ManagerAccess::new(store, logs, reports, signing, quorum, events);
        self.store.clone().map(access)
    }
}

/// An answer of the API.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Reply {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

/// A node with its API, and the cluster behind it.
struct Lab {
    node: Arc<FakeNode>,
    store: MemoryStore,
    router: Router,
}

/// Where no engine is.
const NO_ENGINE: &str = "/nonexistent/docker.sock";

impl Lab {
    /// The only manager of a cluster with one more node, `worker`.
    fn manager() -> Self {
        Self::manager_with_engine(Path::new(NO_ENGINE))
    }

    fn manager_with_engine(engine: &Path) -> Self {
        Self::a_manager(engine, Audit::default())
    }

    fn manager_with_audit(audit: Audit) -> Self {
        Self::a_manager(Path::new(NO_ENGINE), audit)
    }

    fn a_manager(engine: &Path, audit: Audit) -> Self {
        let state = cluster_of_two();
        let leader = hostname_id(&state, "boss");
        let membership = SwarmInfo {
            node_id: leader.to_string(),
            node_addr: "10.9.0.1".to_owned(),
            local_node_state: LocalNodeState::Active,
            control_available: true,
            ..SwarmInfo::default()
        };
        let quorum = Quorum { leader: Some(leader), ..Quorum::default() };
        Self::new(membership, Some(MemoryStore::new(state)), quorum, engine, audit)
    }

    fn not_manager(state: LocalNodeState, engine: &Path) -> Self {
        let membership = SwarmInfo { local_node_state: state, ..SwarmInfo::default() };
        Self::new(membership, None, Quorum::default(), engine, Audit::default())
    }

    fn new(
        membership: SwarmInfo,
        store: Option<MemoryStore>,
        quorum: Quorum,
        engine: &Path,
        audit: Audit,
    ) -> Self {
        let calls = Mutex::default();
        let logs = FakeLogs::default();
        let events = EventLog::default();
        let reports = Reports::default();
        let known = store.clone();
        let node = FakeNode { membership, store: known, logs, reports, quorum, events, calls };
        let node = Arc::new(node);
        let api = ApiState {
            node: Arc::clone(&node) as Arc<dyn NodeControl>,
            engine: Arc::new(Engine::new(engine)),
            audit,
        };
        Self { node, store: store.unwrap_or_default(), router: contract::checked(router(api)) }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::String(text));
        Reply { status, headers, body }
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &Value::Null).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, body).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, &Value::Null).await
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Reply {
        let request = Request::builder().method(method).uri(path);
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request
                .header("Content-Type", "application/json")
                .body(Body::from(body.to_string())),
        };
        self.send(request.expect("a request")).await
    }

    /// Everything in the state, to see whether anything changed.
    fn contents(&self) -> Vec<u8> {
        rmp_serde::to_vec(&Snapshot::from(self.store.state())).expect("serializes")
    }

    async fn commit(&self, op: Op) {
        let transaction =
            swarmlite_manager::state::Transaction::new(swarmlite_proto::time::Timestamp::EPOCH);
        Store::propose(&self.store, transaction.with(op)).await.expect("fine");
    }
}

fn named_node(seed: u64, index: u16, hostname: &str) -> Node {
    let mut node = fixture::node(seed, index);
    node.description =
        Some(NodeDescription { hostname: hostname.to_owned(), ..NodeDescription::default() });
    node.status.state = NodeState::Ready;
    node
}

fn hostname_id(state: &State, hostname: &str) -> NodeId {
    swarmlite_manager::state::lookup::node(state, hostname).expect("is there").id.clone()
}

fn cluster_of_two() -> State {
    let mut state = State::default();
    let mut boss = named_node(101, 1, "boss");
    boss.spec.role = NodeRole::Manager;
    boss.role = NodeRole::Manager;
    boss.manager =
        Some(ManagerRecord { raft_id: 1, addr: "10.9.0.1:2377".parse().expect("an address") });
    let mut ingress = fixture::network(103, "ingress", 4096, "10.0.0.0/24");
    ingress.spec = NetworkSpec { ingress: true, ..ingress.spec };
    let cluster = Cluster {
        id: ClusterId::random(&mut fixture::rng(100)),
        meta: Default::default(),
        spec: SwarmSpec::defaults(),
        root_ca: RootCa {
            certificate: "-----BEGIN".to_owned(),
            key: "secret key".to_owned(),
            cross_signed: None,
        },
        next_root_ca: None,
        join_tokens: JoinTokens {
            worker: "SWMTKN-1-digest-worker".to_owned(),
            manager: "SWMTKN-1-digest-manager".to_owned(),
        },
        default_addr_pool: vec!["10.0.0.0/8".parse().expect("a subnet")],
        subnet_size: 24,
        data_path_port: 4789,
        next_raft_id: 2,
        removed_nodes: Vec::new(),
        unlock_key: None,
        format: Default::default(),
        restored: Default::default(),
    };
    let ops = vec![
        Op::PutCluster(Box::new(cluster)),
        Op::PutNode(Box::new(boss)),
        Op::PutNode(Box::new(named_node(102, 2, "worker"))),
        Op::PutNetwork(Box::new(ingress)),
    ];
    fixture::commit(&mut state, ops).expect("fine");
    state
}

fn web() -> Value {
    json!({"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx"}}})
}
