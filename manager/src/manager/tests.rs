//! Whole managers on loopback: they join, take over, change their roles and come back.

use std::path::Path;

use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::error::Reason;
use swarmlite_proto::format::Versions;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::rpc;
use swarmlite_proto::rpc::JoinClusterRequest;
use swarmlite_proto::rpc::JoinClusterResponse;
use swarmlite_proto::rpc::RaftJoinRequest;
use swarmlite_proto::rpc::RaftJoinResponse;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::DEFAULT_ADDRESS_POOL;
use swarmlite_proto::spec::DEFAULT_DATA_PATH_PORT;
use swarmlite_proto::spec::DEFAULT_SUBNET_SIZE;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::CallError;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::FrameSender;
use swarmlite_rpc::tls::joining_config;
use tempfile::TempDir;

use super::*;
use crate::ca::ClusterInit;
use crate::ca::Founding;
use crate::ca::NodeKey;
use crate::state::Op;
use crate::state::State;
use crate::store::Store;

const WAIT: Duration = Duration::from_secs(20);

/// A free port on loopback. Raft needs to know its address before it listens.
async fn free_addr() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    listener.local_addr().expect("is bound")
}

fn config(dir: &Path, addr: SocketAddr, identity: &Identity) -> ManagerConfig {
    ManagerConfig {
        dir: dir.to_owned(),
        sealer: swarmlite_vault::testing::sealer(&[1]),
        listen_addr: addr,
        advertise_addr: addr,
        witness: false,
        identity: identity.clone(),
        client: Client::new(identity).expect("a valid identity"),
        routing_patience: crate::routing::PATIENCE,
    }
}

/// A cluster of one manager.
async fn found(dir: &Path) -> (Manager, Identity) {
    let addr = free_addr().await;
    let init = ClusterInit {
        spec: SwarmSpec::default(),
        advertise_addr: addr,
        availability: Availability::Active,
        default_addr_pool: vec![DEFAULT_ADDRESS_POOL],
        subnet_size: DEFAULT_SUBNET_SIZE,
        data_path_port: DEFAULT_DATA_PATH_PORT,
    };
    let Founding { transaction, identity, .. } =
        ca::found(init, &mut rand::rng(), Timestamp::now()).expect("founds");
    let first = Start::Found(Box::new(transaction));
    let manager = Manager::start(config(dir, addr, &identity), first).await.expect("starts");
    manager.ready().await.expect("runs");
    (manager, identity)
}

/// A certificate for a machine that joins through `manager`.
async fn enrol(manager: &Manager, root_ca: &str, role: NodeRole) -> Identity {
    let tokens = manager.store().state().cluster().expect("there is one").join_tokens.clone();
    let token = match role {
        NodeRole::Worker => tokens.worker,
        NodeRole::Manager => tokens.manager,
    };
    let client = Client::with_tls(joining_config(root_ca).expect("an authority"));
    let NodeKey { key, csr } = NodeKey::generate().expect("makes a key");
    let request = JoinClusterRequest {
        token,
        csr,
        availability: Availability::Active,
        advertise_addr: manager.addr(),
        witness: false,
    };
    let response = client.call(manager.addr(), rpc::CA_JOIN, &request).await.expect("joins");
    let JoinClusterResponse { node_id, cluster_id, role, certificate, .. } = response;
    Identity { node_id, cluster_id, role, certificate, key, root_ca: root_ca.to_owned() }
}

/// Another manager, which joins through `first`.
async fn join(first: &Manager, root_ca: &str, dir: &Path) -> (Manager, Identity) {
    let identity = enrol(first, root_ca, NodeRole::Manager).await;
    let addr = free_addr().await;
    let managers = Start::Join(vec![first.addr()]);
    let manager = Manager::start(config(dir, addr, &identity), managers).await.expect("starts");
    timeout(WAIT, manager.ready()).await.expect("in time").expect("runs");
    (manager, identity)
}

async fn wait_for(manager: &Manager, condition: impl Fn(&State) -> bool) {
    let mut states = manager.store().watch();
    let met = timeout(WAIT, states.wait_for(|state| condition(state))).await;
    met.expect("in time").expect("runs");
}

/// A session of `identity`'s agent with the manager at `addr`, registered.
async fn session(
    addr: SocketAddr,
    identity: &Identity,
) -> Result<(FrameSender, FrameReceiver), CallError> {
    let client = Client::new(identity).expect("a valid identity");
    let (sender, receiver) = client.stream(addr, rpc::SESSION).await?;
    let registration = Registration {
        description: NodeDescription::default(),
        data_path_addr: addr.ip(),
        versions: Versions::own(),
    };
    let register = AgentMessage::Register(Box::new(registration));
    sender.send(&register).await.expect("is heard");
    Ok((sender, receiver))
}

async fn hear(receiver: &mut FrameReceiver, is: impl Fn(&ManagerMessage) -> bool) {
    loop {
        let message = timeout(WAIT, receiver.receive()).await.expect("in time");
        if is(&message.expect("is sound").expect("goes on")) {
            return;
        }
    }
}

async fn set_role(manager: &Manager, node: &NodeId, role: NodeRole) {
    loop {
        let state = manager.store().read().await.expect("has a leader");
        let mut node = Node::clone(&state.nodes()[node]);
        node.spec.role = role;
        let change = Transaction::new(Timestamp::now()).with(Op::PutNode(Box::new(node)));
        match manager.store().propose(change).await {
            // The loops write nodes too.
            Err(error) if error.is(Reason::OutOfSequence) => {}
            outcome => {
                outcome.expect("is sound");
                return;
            }
        }
    }
}

#[tokio::test]
async fn managers_join_and_see_the_same_and_come_back() {
    let dirs: [TempDir; 2] = std::array::from_fn(|_| tempfile::tempdir().expect("a folder"));
    let (first, founder) = found(dirs[0].path()).await;
    let (second, joiner) = join(&first, &founder.root_ca, dirs[1].path()).await;
    let state = second.store().read().await.expect("has a leader");
    assert_eq!(state.nodes().len(), 2);
    assert_eq!(state.nodes()[&joiner.node_id].manager.map(|m| m.addr), Some(second.addr()));
    // Agents are sent to the leader.
    let refused = session(second.addr(), &joiner).await.err();
    assert!(
        matches!(refused, Some(CallError::NotLeader(Some(leader))) if leader == first.addr()),
        "{refused:?}"
    );
    let (_sender, mut receiver) = session(first.addr(), &joiner).await.expect("is the leader");
    hear(&mut receiver, |message| matches!(message, ManagerMessage::Assignments(_))).await;
    wait_for(&second, |state| state.nodes()[&joiner.node_id].status.state == NodeState::Ready)
        .await;
    let mut quorum = first.quorum.clone();
    let complete = |quorum: &Quorum| {
        quorum.leader.as_ref() == Some(&founder.node_id)
            && quorum.reachability.get(&joiner.node_id) == Some(&Reachability::Reachable)
    };
    timeout(WAIT, quorum.wait_for(complete)).await.expect("in time").expect("runs");
    let addr = second.addr();
    second.shutdown().await;
    let again = Manager::start(config(dirs[1].path(), addr, &joiner), Start::Resume);
    let again = again.await.expect("starts");
    timeout(WAIT, again.ready()).await.expect("in time").expect("runs");
    assert!(again.store().read().await.expect("has a leader").nodes().len() == 2);
}

#[tokio::test]
async fn a_demoted_manager_leaves_raft_and_hears_of_it() {
    let dirs: [TempDir; 2] = std::array::from_fn(|_| tempfile::tempdir().expect("a folder"));
    let (first, founder) = found(dirs[0].path()).await;
    let (_second, joiner) = join(&first, &founder.root_ca, dirs[1].path()).await;
    let (_sender, mut receiver) = session(first.addr(), &joiner).await.expect("is the leader");
    set_role(&first, &joiner.node_id, NodeRole::Worker).await;
    let demoted = ManagerMessage::RoleChanged(NodeRole::Worker);
    hear(&mut receiver, |message| *message == demoted).await;
    let state = first.store().read().await.expect("leads alone");
    let node = &state.nodes()[&joiner.node_id];
    assert_eq!((node.role, node.manager), (NodeRole::Worker, None));
    let members = first.store().members().await.expect("leads");
    assert_eq!(members.len(), 1);
}

#[tokio::test]
async fn a_promoted_worker_hears_of_it_and_can_become_a_manager() {
    let dirs: [TempDir; 2] = std::array::from_fn(|_| tempfile::tempdir().expect("a folder"));
    let (first, founder) = found(dirs[0].path()).await;
    let worker = enrol(&first, &founder.root_ca, NodeRole::Worker).await;
    let client = Client::new(&worker).expect("a valid identity");
    let addr = free_addr().await;
    let asked: Result<RaftJoinResponse, _> = client
        .call(first.addr(), rpc::RAFT_JOIN, &RaftJoinRequest { addr, versions: Versions::own() })
        .await;
    let Err(CallError::Refused(error)) = asked else { panic!("let in: {asked:?}") };
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    let (_sender, mut receiver) = session(first.addr(), &worker).await.expect("is the leader");
    set_role(&first, &worker.node_id, NodeRole::Manager).await;
    let promoted = ManagerMessage::RoleChanged(NodeRole::Manager);
    hear(&mut receiver, |message| *message == promoted).await;
    let NodeKey { key, csr } = NodeKey::generate().expect("makes a key");
    let renewed: rpc::RenewResponse = client
        .call(first.addr(), rpc::CA_RENEW, &rpc::RenewRequest { csr })
        .await
        .expect("is a member");
    assert_eq!(renewed.role, NodeRole::Manager);
    let identity = Identity { role: renewed.role, certificate: renewed.certificate, key, ..worker };
    let managers = Start::Join(vec![first.addr()]);
    let second = Manager::start(config(dirs[1].path(), addr, &identity), managers);
    let second = second.await.expect("starts");
    timeout(WAIT, second.ready()).await.expect("in time").expect("runs");
    hear(
        &mut receiver,
        |message| matches!(message, ManagerMessage::Managers(addrs) if addrs.contains(&addr)),
    )
    .await;
}

#[tokio::test]
async fn a_manager_shows_its_numbers() {
    let dir = tempfile::tempdir().expect("a folder");
    let (manager, founder) = found(dir.path()).await;
    let (_sender, mut receiver) = session(manager.addr(), &founder).await.expect("leads");
    hear(&mut receiver, |message| matches!(message, ManagerMessage::Assignments(_))).await;
    let registry = manager.metrics();
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("is text");
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse::<u64>().ok()).expect(name)
    };
    for (name, number_is) in [
        ("swarm_manager_leader", 1),
        ("swarm_manager_nodes{state=\"ready\"}", 1),
        ("swarmlite_raft_managers{reachability=\"reachable\"}", 1),
        ("swarmlite_dispatcher_sessions", 1),
    ] {
        assert_eq!(number(name), number_is, "{name}: {text}");
    }
    for name in [
        "swarmlite_raft_term",
        "swarmlite_raft_last_log_index",
        "swarmlite_raft_applied_index",
        "swarmlite_raft_log_size_bytes",
        "swarmlite_raft_proposals_total{outcome=\"accepted\"}",
        "swarm_raft_transaction_latency_seconds_count",
        "swarmlite_loop_pass_duration_seconds_count{loop=\"scheduler\"}",
    ] {
        assert!(number(name) > 0, "{name}: {text}");
    }
}
