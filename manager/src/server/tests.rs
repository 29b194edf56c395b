//! Real calls over loopback: who gets through, and what the others are told.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Extension;
use axum::routing::post;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::JoinTokens;
use swarmlite_proto::protocol::Range;
use swarmlite_proto::rpc::CA_CERTIFICATE;
use swarmlite_proto::rpc::CA_JOIN;
use swarmlite_proto::rpc::CA_RENEW;
use swarmlite_proto::rpc::JoinClusterRequest;
use swarmlite_proto::rpc::JoinClusterResponse;
use swarmlite_proto::rpc::RenewRequest;
use swarmlite_proto::rpc::RenewResponse;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::tls;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;
use crate::ca;
use crate::ca::NodeKey;
use crate::ca::tests::founded;
use crate::message::Packed;
use crate::state::Op;
use crate::state::Transaction;
use crate::store::Store;
use crate::store::memory::MemoryStore;

/// A call of which only managers may know.
const SECRET: &str = "/test/secret";

/// Nothing here takes that long, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One manager's server.
struct Manager {
    addr: SocketAddr,
    store: MemoryStore,
    identity: Identity,
    server: Server,
}

async fn manager() -> Manager {
    let (state, identity) = founded();
    let store = MemoryStore::new(state);
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(anywhere, &identity).await.expect("starts");
    let who = |Extension(peer): Extension<Peer>| async move { Packed(peer.node_id) };
    let signing = ca::Signing::new(Arc::new(ca::cfssl::Cfssl::new(None)));
    let routes = Routes::new(Gate::new(identity.cluster_id.clone(), store.clone()))
        .with(Access::Anyone, ca::service::public_routes(store.clone(), signing.clone()))
        .with(Access::Member, ca::service::member_routes(store.clone(), signing))
        .with(Access::Manager, Router::new().route(SECRET, post(who)));
    server.set_routes(routes);
    Manager { addr: server.addr(), store, identity, server }
}

impl Manager {
    fn tokens(&self) -> JoinTokens {
        self.store.state().cluster().expect("there is one").join_tokens.clone()
    }

    /// Joins as a machine does, but for the check of the authority against the token.
    async fn join(&self, token: &str) -> Result<Identity, CallError> {
        let unverified = Client::with_tls(tls::unverified_config().expect("has TLS 1.3"));
        let root_ca = unverified.text(self.addr, CA_CERTIFICATE).await?;
        let client = Client::with_tls(tls::joining_config(&root_ca).expect("an authority"));
        let NodeKey { key, csr } = NodeKey::generate().expect("makes a key");
        let request = JoinClusterRequest {
            token: token.to_owned(),
            csr,
            availability: Availability::Active,
            advertise_addr: SocketAddr::from(([0, 0, 0, 0], 2377)),
            witness: false,
        };
        let response: JoinClusterResponse = client.call(self.addr, CA_JOIN, &request).await?;
        let JoinClusterResponse { node_id, cluster_id, role, certificate, managers, .. } = response;
        assert_eq!(managers, crate::members::manager_addresses(&self.store.state()));
        Ok(Identity { node_id, cluster_id, role, certificate, key, root_ca })
    }

    async fn secret(&self, client: &Client) -> Result<NodeId, CallError> {
        client.call(self.addr, SECRET, &()).await
    }
}

fn client(identity: &Identity) -> Client {
    Client::new(identity).expect("a valid identity")
}

fn refusal<T: std::fmt::Debug>(result: Result<T, CallError>) -> Error {
    match result {
        Err(CallError::Refused(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_machine_with_a_token_becomes_a_node() {
    let manager = manager().await;
    let tokens = manager.tokens();
    let worker = manager.join(&tokens.worker).await.expect("joins");
    let other = manager.join(&tokens.manager).await.expect("joins");
    assert_eq!((worker.role, other.role), (NodeRole::Worker, NodeRole::Manager));
    let state = manager.store.state();
    let mut indexes: Vec<_> = state.nodes().values().map(|node| node.index.0).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, [1, 2, 3]);
    let answer = manager.secret(&client(&other)).await.expect("is a manager");
    assert_eq!(answer, other.node_id);
}

#[tokio::test]
async fn machines_can_join_at_the_same_time() {
    let manager = manager().await;
    let token = manager.tokens().worker;
    let joined = futures_util::future::join_all((0..8).map(|_| manager.join(&token))).await;
    assert!(joined.iter().all(Result::is_ok), "{joined:?}");
    assert_eq!(manager.store.state().nodes().len(), 9);
}

#[tokio::test]
async fn a_wrong_token_changes_nothing() {
    let manager = manager().await;
    let token = manager.tokens().worker;
    let (start, _secret) = token.rsplit_once('-').expect("a token");
    let refused = refusal(manager.join(&format!("{start}-0123456789abcdefghijklmno")).await);
    assert_eq!(refused.kind, ErrorKind::InvalidArgument);
    assert_eq!(
        refused.message,
        "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster"
    );
    assert_eq!(manager.store.state().nodes().len(), 1);
}

#[tokio::test]
async fn a_worker_is_kept_from_the_calls_of_managers() {
    let manager = manager().await;
    let worker = manager.join(&manager.tokens().worker).await.expect("joins");
    let refused = refusal(manager.secret(&client(&worker)).await);
    assert_eq!(refused.kind, ErrorKind::PermissionDenied);
    assert_eq!(
        refused.message,
        format!(
            "Permission denied: node {} is a worker, and only managers may call this",
            worker.node_id
        )
    );
}

#[tokio::test]
async fn without_a_certificate_there_is_only_joining() {
    let manager = manager().await;
    let config = tls::joining_config(&manager.identity.root_ca).expect("an authority");
    let client = Client::with_tls(config);
    let refused = refusal(manager.secret(&client).await);
    assert_eq!(refused.kind, ErrorKind::Unauthenticated);
    let request = RenewRequest { csr: String::new() };
    let renewed = client.call::<_, RenewResponse>(manager.addr, CA_RENEW, &request).await;
    assert_eq!(refusal(renewed).kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let manager = manager().await;
    let (_, mut stranger) = founded();
    stranger.root_ca.clone_from(&manager.identity.root_ca);
    let refused = manager.secret(&client(&stranger)).await.expect_err("is a stranger");
    assert!(matches!(refused, CallError::Unreachable { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_certificate_for_another_cluster_is_refused() {
    let manager = manager().await;
    // The same authority, but another organization in the certificate.
    let (state, identity) = founded();
    manager.server.set_identity(&identity).expect("a valid identity");
    assert_ne!(identity.root_ca, manager.identity.root_ca);
    let mut cluster = Cluster::clone(state.cluster().expect("there is one"));
    cluster.id = swarmlite_proto::id::ClusterId::random(&mut rand::rng());
    let NodeKey { key, csr } = NodeKey::generate().expect("makes a key");
    let subject = ca::Subject {
        node_id: &identity.node_id,
        cluster_id: &cluster.id,
        role: NodeRole::Manager,
    };
    let certificate = ca::Authority::load(&cluster.root_ca)
        .and_then(|authority| {
            let validity = ca::Validity::of_node(&cluster, Timestamp::now());
            authority.sign(&csr, &subject, validity, &mut rand::rng())
        })
        .expect("signs");
    let foreign = Identity { cluster_id: cluster.id.clone(), certificate, key, ..identity };
    let refused = refusal(manager.secret(&client(&foreign)).await);
    assert_eq!(refused.kind, ErrorKind::PermissionDenied);
    assert!(refused.message.contains(&format!("belongs to swarm {}", foreign.cluster_id)));
}

#[tokio::test]
async fn a_removed_node_is_told_so() {
    let manager = manager().await;
    let worker = manager.join(&manager.tokens().worker).await.expect("joins");
    let mut cluster = Cluster::clone(manager.store.state().cluster().expect("there is one"));
    cluster.removed_nodes.push(worker.node_id.clone());
    let transaction = Transaction::new(Timestamp::EPOCH).with(Op::PutCluster(Box::new(cluster)));
    manager.store.propose(transaction).await.expect("is current");
    let request = RenewRequest { csr: NodeKey::generate().expect("makes a key").csr };
    let renewed = client(&worker).call::<_, RenewResponse>(manager.addr, CA_RENEW, &request).await;
    assert_eq!(
        refusal(renewed).message,
        format!("Permission denied: node {} was removed from swarm", worker.node_id)
    );
}

#[tokio::test]
async fn a_node_renews_its_certificate() {
    let manager = manager().await;
    let mut worker = manager.join(&manager.tokens().worker).await.expect("joins");
    let NodeKey { key, csr } = NodeKey::generate().expect("makes a key");
    let renewed: RenewResponse = client(&worker)
        .call(manager.addr, CA_RENEW, &RenewRequest { csr })
        .await
        .expect("is a member");
    assert_ne!(renewed.certificate, worker.certificate);
    (worker.certificate, worker.key) = (renewed.certificate, key);
    let refused = refusal(manager.secret(&client(&worker)).await);
    assert_eq!(refused.kind, ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn an_unknown_call_is_answered_as_such() {
    let manager = manager().await;
    let called = client(&manager.identity).call::<_, ()>(manager.addr, "/no/such", &()).await;
    let says = "the manager does not know this call: it runs another version of swarmlite";
    assert_eq!(refusal(called), Error::not_implemented(says));
}

#[tokio::test]
async fn what_is_not_tls_is_turned_away_and_disturbs_nobody() {
    let manager = manager().await;
    for noise in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0; 64], &[0x16, 3, 1, 0xff]] {
        let mut tcp = TcpStream::connect(manager.addr).await.expect("connects");
        tcp.write_all(noise).await.expect("writes");
        let mut answer = Vec::new();
        // Ends in any case: with an answer, with a reset, or when the handshake has taken too long.
        let wait = Duration::from_secs(10);
        let end = tokio::time::timeout(wait, tcp.read_to_end(&mut answer)).await;
        end.expect("the connection is closed").ok();
        if noise.starts_with(b"GET") {
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
        }
    }
    manager.secret(&client(&manager.identity)).await.expect("still answers");
}

#[tokio::test]
async fn new_connections_use_the_newest_certificate() {
    let manager = manager().await;
    let before = client(&manager.identity);
    manager.secret(&before).await.expect("answers");
    let (_, other) = founded();
    manager.server.set_identity(&other).expect("a valid identity");
    manager.secret(&before).await.expect("the connection is kept");
    let fresh = client(&manager.identity).call::<_, NodeId>(manager.addr, SECRET, &()).await;
    assert!(matches!(fresh, Err(CallError::Unreachable { .. })), "{fresh:?}");
}

#[tokio::test]
async fn there_are_no_calls_before_there_are_routes() {
    let (_, identity) = founded();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(anywhere, &identity).await.expect("starts");
    let client = client(&identity);
    let called = client.call::<_, NodeId>(server.addr(), SECRET, &()).await;
    let refused = refusal(called);
    assert_eq!((refused.kind, refused.reason), (ErrorKind::Unavailable, Some(Reason::Starting)));
    assert_eq!(refused.message, "the manager is starting");
    let taken = Server::start(server.addr(), &identity).await.expect_err("is taken");
    assert_eq!(taken.to_string(), format!("cannot listen on {}", server.addr()));
}

#[tokio::test]
async fn a_node_of_another_age_is_refused_and_it_shows() {
    let manager = manager().await;
    let own = Range::own();
    let sentence =
        format!("the node speaks protocol 8-9, this manager {own}: upgrade this manager first");
    let later = "8-9".parse().expect("protocols");
    let client = Client::of_version(&manager.identity, later).expect("a valid identity");
    assert_eq!(refusal(manager.secret(&client).await).message, sentence);
    let text = client.text(manager.addr, CA_CERTIFICATE).await;
    assert_eq!(refusal(text).message, sentence, "also what is for anyone");
    let mut states = manager.store.watch();
    let node_id = &manager.identity.node_id;
    let shown = states.wait_for(|state| state.nodes()[node_id].status.message == sentence);
    drop(tokio::time::timeout(PATIENCE, shown).await.expect("shows").expect("is there"));
    let known = Client::of_version(&manager.identity, Range::default()).expect("a valid identity");
    manager.secret(&known).await.expect("the first versions are spoken with");
}
