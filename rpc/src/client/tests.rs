use std::time::Duration;

use http_body_util::BodyExt;
use rustls::ServerConfig;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::messagepack;
use swarmlite_proto::spec::NodeRole;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::sync::watch;

use super::*;
use crate::Caller;
use crate::Limits;
use crate::serve;
use crate::testing::TestCa;

fn id(text: char) -> NodeId {
    text.to_string().repeat(25).parse().expect("an id")
}

fn ca() -> TestCa {
    TestCa::new("c".repeat(25).parse::<ClusterId>().expect("an id"))
}

/// What the server says to each path.
async fn answer(request: Request<Incoming>, caller: Caller) -> Response<Body> {
    let reply = |status: u16, body: Vec<u8>| {
        let body = Full::new(Bytes::from(body)).boxed_unsync();
        Response::builder().status(status).body(body).expect("a response")
    };
    match request.uri().path() {
        "/whoami" => {
            let name = caller.peer.map(|peer| (peer.node_id, peer.role.as_str().to_owned()));
            reply(200, messagepack::encode(&name).expect("encodes"))
        }
        "/text" => reply(200, b"plain".to_vec()),
        "/elsewhere" => {
            let leader = Some("192.0.2.7:2377".parse().expect("an address"));
            reply(421, messagepack::encode(&NotLeader { leader }).expect("encodes"))
        }
        "/no" => reply(403, serde_json::to_vec(&Error::denied("not you")).expect("encodes")),
        "/echo" => {
            let mut receiver = FrameReceiver::new(request.into_body());
            let (sender, body) = frames();
            tokio::spawn(async move {
                while let Ok(Some(text)) = receiver.receive::<String>().await {
                    sender.send(&text.to_uppercase()).await.expect("the client listens");
                }
            });
            Response::new(body)
        }
        _ => reply(404, b"what?".to_vec()),
    }
}

async fn server(config: ServerConfig) -> (SocketAddr, watch::Sender<Arc<ServerConfig>>) {
    server_within(Limits::DEFAULT, config).await
}

async fn server_within(
    limits: Limits,
    config: ServerConfig,
) -> (SocketAddr, watch::Sender<Arc<ServerConfig>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("an address");
    let (sender, tls) = watch::channel(Arc::new(config));
    tokio::spawn(serve(listener, tls, limits, answer));
    (addr, sender)
}

async fn manager(ca: &TestCa) -> (SocketAddr, watch::Sender<Arc<ServerConfig>>) {
    let identity = ca.issue(&id('m'), NodeRole::Manager);
    server(tls::server_config(&identity).expect("valid")).await
}

async fn whoami(client: &Client, addr: SocketAddr) -> Result<Option<(NodeId, String)>, CallError> {
    client.call(addr, "/whoami", &()).await
}

#[tokio::test]
async fn the_callee_learns_who_calls() {
    let ca = ca();
    let (addr, _tls) = manager(&ca).await;
    let client = Client::new(&ca.issue(&id('w'), NodeRole::Worker)).expect("valid");
    assert_eq!(whoami(&client, addr).await.expect("an answer"), Some((id('w'), "worker".into())));
    client.set_identity(&ca.issue(&id('w'), NodeRole::Manager)).expect("valid");
    assert_eq!(whoami(&client, addr).await.expect("an answer"), Some((id('w'), "manager".into())));
    let stranger = Client::with_tls(tls::joining_config(&ca.root_ca).expect("valid"));
    assert_eq!(whoami(&stranger, addr).await.expect("an answer"), None);
    assert_eq!(stranger.text(addr, "/text").await.expect("an answer"), "plain");
}

#[tokio::test]
async fn refusals_come_back_as_what_they_are() {
    let ca = ca();
    let (addr, _tls) = manager(&ca).await;
    let client = Client::new(&ca.issue(&id('w'), NodeRole::Worker)).expect("valid");
    let refused = client.call::<_, ()>(addr, "/no", &()).await.expect_err("refused");
    assert!(matches!(refused, CallError::Refused(error) if error == Error::denied("not you")));
    let moved = client.call::<_, ()>(addr, "/elsewhere", &()).await.expect_err("refused");
    assert!(matches!(moved, CallError::NotLeader(Some(leader)) if leader.port() == 2377));
    let moved = client.stream(addr, "/elsewhere").await.expect_err("refused");
    assert!(matches!(moved, CallError::NotLeader(Some(_))));
    let unknown = client.call::<_, ()>(addr, "/nothing", &()).await.expect_err("refused");
    assert!(unknown.to_string().contains("404"), "{unknown}");
}

#[tokio::test]
async fn a_stream_goes_both_ways_at_once() {
    let ca = ca();
    let (addr, _tls) = manager(&ca).await;
    let client = Client::new(&ca.issue(&id('w'), NodeRole::Worker)).expect("valid");
    let (sender, mut receiver) = client.stream(addr, "/echo").await.expect("opens");
    let long = "a".repeat(3 * STREAM_WINDOW as usize);
    for text in ["one", "two", &long] {
        sender.send(&text).await.expect("sends");
        let echoed = receiver.receive::<String>().await.expect("a message");
        assert_eq!(echoed, Some(text.to_uppercase()));
    }
    drop(sender);
    assert_eq!(receiver.receive::<String>().await.expect("ends well"), None);
}

#[tokio::test]
async fn a_server_of_another_cluster_or_without_the_role_is_refused() {
    let ca = ca();
    let client = Client::new(&ca.issue(&id('w'), NodeRole::Worker)).expect("valid");
    let (foreign, _tls) = manager(&self::ca()).await;
    let worker = ca.issue(&id('x'), NodeRole::Worker);
    let (no_manager, _tls) = server(tls::server_config(&worker).expect("valid")).await;
    for addr in [foreign, no_manager] {
        let refused = whoami(&client, addr).await.expect_err("refused");
        let CallError::Unreachable { source: TransportError::Tls(_), .. } = refused else {
            panic!("{refused:?}");
        };
    }
}

#[tokio::test]
async fn a_client_of_another_cluster_is_refused() {
    let ca = ca();
    let (addr, _tls) = manager(&ca).await;
    let mut stranger = self::ca().issue(&id('w'), NodeRole::Worker);
    stranger.root_ca = ca.root_ca.clone();
    let client = Client::new(&stranger).expect("valid");
    assert!(matches!(whoami(&client, addr).await, Err(CallError::Unreachable { .. })));
}

#[tokio::test]
async fn a_peer_without_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a caller");
        tcp.write_all(b"220 mail.example.com\r\n").await.expect("writes");
        let _ = tcp.read(&mut [0; 1024]).await;
    });
    let client = Client::new(&ca().issue(&id('w'), NodeRole::Worker)).expect("valid");
    let refused = whoami(&client, addr).await.expect_err("refused");
    let CallError::Unreachable { source: TransportError::Tls(_), .. } = refused else {
        panic!("{refused:?}");
    };
}

#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let ca = ca();
    let identity = ca.issue(&id('m'), NodeRole::Manager);
    let client = Client::new(&ca.issue(&id('w'), NodeRole::Worker)).expect("valid");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("an address");
    let (_keep, tls) = watch::channel(Arc::new(tls::server_config(&identity).expect("valid")));
    let first = tokio::spawn(serve(listener, tls.clone(), Limits::DEFAULT, answer));
    whoami(&client, addr).await.expect("an answer");
    first.abort();
    let _ = first.await;
    let refused = whoami(&client, addr).await.expect_err("nobody there");
    assert!(matches!(refused, CallError::Unreachable { .. }), "{refused:?}");
    let listener = TcpListener::bind(addr).await.expect("binds again");
    tokio::spawn(serve(listener, tls, Limits::DEFAULT, answer));
    whoami(&client, addr).await.expect("an answer");
}

#[tokio::test]
async fn a_caller_without_patience_gets_there_with_a_later_call() {
    const PATIENCE: Duration = Duration::from_millis(50);
    let ca = ca();
    let (server, _tls) = manager(&ca).await;
    let slow = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = slow.local_addr().expect("an address");
    // A way that takes longer than the caller waits, for as long as the connection is made.
    tokio::spawn(async move {
        loop {
            let (mut near, _) = slow.accept().await.expect("a caller");
            tokio::spawn(async move {
                tokio::time::sleep(3 * PATIENCE).await;
                let mut far = TcpStream::connect(server).await.expect("connects");
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let client = Client::new(&ca.issue(&id('m'), NodeRole::Manager)).expect("valid");
    for _ in 0..20 {
        if let Ok(answer) = timeout(PATIENCE, whoami(&client, addr)).await {
            answer.expect("an answer");
            return;
        }
    }
    panic!("every call makes its own connection");
}

/// A connection from an address of its own.
async fn connect_from(ip: &str, addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(ip.parse().expect("an address"), 0)).expect("binds");
    socket.connect(addr).await.expect("connects")
}

#[tokio::test]
async fn strangers_who_say_nothing_keep_nobody_of_another_address_out() {
    let ca = ca();
    let limits = Limits { open: 2, burst: 100, interval: Duration::from_millis(1) };
    let manager = tls::server_config(&ca.issue(&id('m'), NodeRole::Manager)).expect("valid");
    let (addr, _tls) = server_within(limits, manager).await;
    let _silent = [connect_from("127.0.0.9", addr).await, connect_from("127.0.0.9", addr).await];
    let mut refused = connect_from("127.0.0.9", addr).await;
    assert_eq!(refused.read(&mut [0]).await.expect("closed"), 0);
    // Many of them, as nodes do not count.
    let mut nodes = Vec::new();
    for name in ['u', 'v', 'w', 'x'] {
        let client = Client::new(&ca.issue(&id(name), NodeRole::Worker)).expect("valid");
        assert!(whoami(&client, addr).await.expect("an answer").is_some());
        nodes.push(client);
    }
}

#[tokio::test]
async fn calls_without_a_certificate_wait_for_their_turn_and_others_do_not() {
    let ca = ca();
    // The handshake, one call, and no more for as long as a test lasts.
    let limits = Limits { open: 9, burst: 2, interval: Duration::from_secs(3600) };
    let manager = tls::server_config(&ca.issue(&id('m'), NodeRole::Manager)).expect("valid");
    let (addr, _tls) = server_within(limits, manager).await;
    let node = Client::new(&ca.issue(&id('w'), NodeRole::Worker)).expect("valid");
    assert!(whoami(&node, addr).await.expect("an answer").is_some());
    let stranger = Client::with_tls(tls::joining_config(&ca.root_ca).expect("valid"));
    assert_eq!(stranger.text(addr, "/text").await.expect("an answer"), "plain");
    let many = async {
        for _call in 0..50 {
            assert!(whoami(&node, addr).await.expect("an answer").is_some());
        }
    };
    tokio::select! {
        biased;
        answer = stranger.text(addr, "/text") => panic!("{answer:?}"),
        () = many => {}
    }
}
