use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::messagepack;
use swarmlite_proto::rpc::NotLeader;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::unlock_key::UnlockKey;
use swarmlite_proto::version::Version;
use swarmlite_rpc::Caller;
use swarmlite_rpc::testing::TestCa;
use swarmlite_vault::Vault;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::token::tests::token_for;
use super::*;

const ANYWHERE: &str = "0.0.0.0:2377";

fn id(text: char) -> NodeId {
    text.to_string().repeat(25).parse().expect("an id")
}

fn ca() -> Arc<TestCa> {
    Arc::new(TestCa::new("c".repeat(25).parse::<ClusterId>().expect("an id")))
}

/// A manager that signs what it is asked to; each next call is refused with one of `refusals` as long as there are any.
async fn manager(ca: &Arc<TestCa>, refusals: Vec<(u16, Vec<u8>)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("an address");
    let identity = ca.issue(&id('m'), NodeRole::Manager);
    let (keep, tls) = watch::channel(Arc::new(tls::server_config(&identity).expect("valid")));
    let refusals = Arc::new(Mutex::new(refusals));
    let ca = Arc::clone(ca);
    let handler = move |request: Request<Incoming>, caller: Caller| {
        let _keep = &keep;
        let (ca, refusals) = (Arc::clone(&ca), Arc::clone(&refusals));
        async move {
            let (status, body) = answer(&ca, &refusals, request, caller).await;
            let body = Full::new(Bytes::from(body));
            Response::builder().status(status).body(body).expect("a response")
        }
    };
    tokio::spawn(swarmlite_rpc::serve(listener, tls, swarmlite_rpc::Limits::DEFAULT, handler));
    addr
}

async fn answer(
    ca: &TestCa,
    refusals: &Mutex<Vec<(u16, Vec<u8>)>>,
    request: Request<Incoming>,
    caller: Caller,
) -> (u16, Vec<u8>) {
    let path = request.uri().path().to_owned();
    if path == rpc::CA_CERTIFICATE {
        return (200, ca.root_ca.clone().into_bytes());
    }
    if let Some(refusal) = refusals.lock().expect("no panic").pop() {
        return refusal;
    }
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let body = if path == rpc::CA_JOIN {
        let request: JoinClusterRequest = messagepack::decode(&body).expect("a request");
        messagepack::encode(&JoinClusterResponse {
            node_id: id('w'),
            cluster_id: ca.cluster_id.clone(),
            role: NodeRole::Worker,
            certificate: ca.sign(&request.csr, &id('w'), NodeRole::Worker),
            managers: vec![request.advertise_addr],
            // It knows none.
            witness: false,
        })
    } else {
        let request: RenewRequest = messagepack::decode(&body).expect("a request");
        let peer = caller.peer.expect("a member");
        let certificate = ca.sign(&request.csr, &peer.node_id, NodeRole::Manager);
        messagepack::encode(&RenewResponse { role: NodeRole::Manager, certificate })
    };
    (200, body.expect("encodes"))
}

async fn try_join(remote: SocketAddr, token: &str) -> Result<Joined, IdentityError> {
    join_as(remote, token, false).await
}

async fn join_as(remote: SocketAddr, token: &str, witness: bool) -> Result<Joined, IdentityError> {
    let advertise_addr = ANYWHERE.parse().expect("an address");
    join(remote, token, Wish { availability: Availability::Active, advertise_addr, witness }).await
}

#[tokio::test]
async fn a_manager_that_knows_no_witnesses_is_told_from_one_that_does() {
    let ca = ca();
    let remote = manager(&ca, Vec::new()).await;
    let refused = join_as(remote, &token_for(&ca.root_ca), true).await.expect_err("is no witness");
    assert!(matches!(refused, IdentityError::NoWitnesses), "{refused}");
}

#[tokio::test]
async fn a_machine_joins_keeps_its_identity_and_renews_it() {
    let ca = ca();
    let remote = manager(&ca, Vec::new()).await;
    let joined = try_join(remote, &token_for(&ca.root_ca)).await.expect("joins");
    assert_eq!(joined.identity.role, NodeRole::Worker);
    assert_eq!(joined.managers, vec![ANYWHERE.parse().expect("an address")]);

    let folder = tempfile::tempdir().expect("a folder");
    let vault = Vault::open(&folder.path().join("keys")).expect("is empty");
    assert_eq!(load(folder.path(), &vault).expect("reads"), None);
    save(folder.path(), &vault, &joined.identity).expect("writes");
    assert_eq!(load(folder.path(), &vault).expect("reads"), Some(joined.identity.clone()));

    let renewed = renew(&joined.identity, &[remote]).await.expect("renews");
    assert_eq!(renewed.role, NodeRole::Manager);
    assert_eq!(renewed.key, joined.identity.key);
    assert_ne!(renewed.certificate, joined.identity.certificate);
    remove(folder.path()).expect("removes");
    assert_eq!(load(folder.path(), &vault).expect("reads"), None);
}

#[test]
fn the_key_is_sealed_while_there_is_a_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let identity = ca().issue(&id('n'), NodeRole::Manager);
    let vault = Vault::open(&folder.path().join("keys")).expect("is empty");
    vault.fill(None).expect("writes");
    save(folder.path(), &vault, &identity).expect("writes");
    let path = folder.path().join("certificates/swarm-node.key");
    let on_disk = || std::fs::read_to_string(&path).expect("is there");
    assert_eq!(on_disk(), identity.key);
    let lock = UnlockKey::random(&mut rand::rng());
    vault.set_lock(Some(lock.clone()), Version::at(1)).expect("writes");
    reseal(folder.path(), &vault).expect("writes");
    assert!(!on_disk().contains("PRIVATE KEY"), "{}", on_disk());
    let later = Vault::open(&folder.path().join("keys")).expect("is locked");
    load(folder.path(), &later).expect_err("is locked");
    later.unlock(&lock).expect("is the key");
    assert_eq!(load(folder.path(), &later).expect("reads"), Some(identity.clone()));
    later.set_lock(None, Version::at(2)).expect("writes");
    reseal(folder.path(), &later).expect("writes");
    assert_eq!(on_disk(), identity.key);
    later.set_lock(Some(lock), Version::at(3)).expect("writes");
    reseal(folder.path(), &later).expect("writes");
    unseal(folder.path(), &later).expect("writes");
    later.clear().expect("removes");
    assert_eq!(load(folder.path(), &later).expect("reads"), Some(identity));
}

#[tokio::test]
async fn a_follower_points_to_the_leader() {
    let ca = ca();
    let leader = manager(&ca, Vec::new()).await;
    let points = messagepack::encode(&NotLeader { leader: Some(leader) }).expect("encodes");
    let knows_nothing = messagepack::encode(&NotLeader { leader: None }).expect("encodes");
    let follower = manager(&ca, vec![(421, points), (421, knows_nothing)]).await;
    try_join(follower, &token_for(&ca.root_ca)).await.expect("joins");
}

#[tokio::test]
async fn a_wrong_digest_is_refused_before_the_secret_is_sent() {
    let refusal = (418, b"the join call came".to_vec());
    let remote = manager(&ca(), vec![refusal]).await;
    let refused = try_join(remote, &token_for("other")).await.expect_err("refused");
    assert!(matches!(refused, IdentityError::Fingerprint { .. }), "{refused:?}");
    let told = Error::from(refused).message;
    assert!(told.starts_with("remote CA does not match fingerprint. Expected: "), "{told}");
}

#[tokio::test]
async fn refusals_reach_the_user_as_they_are() {
    let ca = ca();
    let no = Error::invalid("A valid join token is necessary to join this cluster");
    let remote = manager(&ca, vec![(400, serde_json::to_vec(&no).expect("encodes"))]).await;
    let refused = try_join(remote, &token_for(&ca.root_ca)).await.expect_err("refused");
    assert_eq!(Error::from(refused), no);
    let refused = try_join(remote, "SWMTKN-1-x").await.expect_err("refused");
    assert_eq!(Error::from(refused), Error::unknown("invalid join token"));
}

#[tokio::test]
async fn a_peer_without_tls_and_nobody_at_all_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let plain = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a caller");
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("writes");
        let _ = tcp.read(&mut [0; 1024]).await;
    });
    let refused = try_join(plain, &token_for("x")).await.expect_err("refused");
    let told = Error::from(refused).message;
    assert!(told.contains("does not speak TLS"), "{told}");
    served.await.expect("the listener is gone");
    let refused = try_join(plain, &token_for("x")).await.expect_err("refused");
    let told = Error::from(refused).message;
    assert!(told.starts_with(&format!("cannot reach {plain}: cannot connect")), "{told}");
}
