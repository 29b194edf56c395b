//! The transport against a small server on a real socket.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use axum::routing::get;
use axum::routing::post;
use swarmlite_proto::api::Node;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeSpec;
use tokio::net::UnixListener;

use super::*;
use crate::fixtures::nodes;
use crate::value::socket::UnixSocket;

fn socket(directory: &tempfile::TempDir) -> UnixSocket {
    directory.path().join("s.sock").display().to_string().parse().expect("a socket")
}

async fn serve(socket: &UnixSocket, router: Router) -> Client {
    let listener = UnixListener::bind(socket.path()).expect("binds");
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::connect(&connection(socket)).await.expect("connects")
}

fn connection(socket: &UnixSocket) -> Connection {
    Connection { endpoint: Endpoint::Unix(socket.clone()), tls: None }
}

#[test]
fn the_lower_version_is_spoken() {
    for (header, version) in
        [(Some("1.41"), "1.41"), (Some("1.99"), "1.51"), (Some("x"), "1.41"), (None, "1.41")]
    {
        assert_eq!(ApiVersion::negotiate(header).to_string(), version);
    }
}

#[test]
fn names_are_one_segment_of_a_path() {
    assert_eq!(segment("web-1.a_b~"), "web-1.a_b~");
    assert_eq!(segment("a/b?c#ü"), "a%2Fb%3Fc%23%C3%BC");
}

#[tokio::test]
async fn a_missing_daemon_is_one_sentence() {
    let directory = tempfile::tempdir().expect("a directory");
    let host = socket(&directory);
    let error = Client::connect(&connection(&host)).await.expect_err("nobody there");
    assert_eq!(
        error.to_string(),
        format!(
            "Cannot connect to swarmlite at {host}. Start it with: sudo systemctl start swarmlite (or: sudo swarmlite daemon)"
        )
    );
    // A socket file that a killed daemon left behind means the same.
    drop(UnixListener::bind(host.path()).expect("binds"));
    let error = Client::connect(&connection(&host)).await.expect_err("nobody listens");
    assert!(matches!(error, Error::NotRunning { .. }), "{error:?}");
}

#[tokio::test]
async fn requests_go_to_the_agreed_version_and_refusals_are_the_daemons_words() {
    let directory = tempfile::tempdir().expect("a directory");
    let router = Router::new()
        .route("/_ping", any(|| async { [("Api-Version", "1.45")] }))
        .route(
            "/v1.45/info",
            get(|| async { r#"{"Swarm":{"NodeID":"n1","RemoteManagers":null}}"# }),
        )
        .route(
            "/v1.45/swarm",
            get(|| async { (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"no manager"}"#) }),
        )
        .route("/v1.45/nodes", get(|| async { (StatusCode::BAD_GATEWAY, "oops\n") }))
        .route("/v1.45/tasks", get(|| async { "{}" }));
    let client = serve(&socket(&directory), router).await;

    assert_eq!(client.info().await.expect("an answer").swarm.node_id, "n1");
    let refused = client.swarm().await.expect_err("refused");
    assert_eq!(refused.to_string(), "Error response from daemon: no manager");
    let refused = client.nodes(&Filters::default()).await.expect_err("refused");
    assert_eq!(refused.to_string(), "Error response from daemon: oops");
    let wrong = client.tasks(&Filters::default()).await.expect_err("not a list");
    assert!(
        wrong.to_string().starts_with("The answer of swarmlite to GET /tasks is not"),
        "{wrong}"
    );
}

/// A node whose version goes up with every write, also with those of somebody who gets in first so many times.
fn contested(rivals: usize, writes: &Arc<AtomicUsize>) -> Router {
    let attempts = Arc::new(AtomicUsize::new(0));
    let writes = Arc::clone(writes);
    let update = move || async move {
        if attempts.fetch_add(1, Ordering::SeqCst) < rivals {
            let refusal = r#"{"message":"somebody was faster"}"#;
            let reason = [(REASON_HEADER, Reason::OutOfSequence.as_str())];
            return (StatusCode::INTERNAL_SERVER_ERROR, Some(reason), refusal);
        }
        writes.fetch_add(1, Ordering::SeqCst);
        (StatusCode::OK, None, "")
    };
    let node = serde_json::to_string(&nodes()[0]).expect("JSON");
    Router::new()
        .route("/_ping", any(|| async {}))
        .route("/v1.41/nodes/node1", get(|| async { node }))
        .route("/v1.41/nodes/node000000000000000000001/update", post(update))
}

async fn pause(rivals: usize) -> (Result<Node>, usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let writes = Arc::new(AtomicUsize::new(0));
    let client = serve(&socket(&directory), contested(rivals, &writes)).await;
    let change = |spec: &mut NodeSpec| {
        spec.availability = Availability::Pause;
        Ok(())
    };
    (client.node_change("node1", change).await, writes.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_change_that_somebody_else_got_before_is_made_again() {
    for rivals in [0, 1, ATTEMPTS - 1] {
        let (changed, writes) = pause(rivals).await;
        changed.expect("changed");
        assert_eq!(writes, 1);
    }
    let (refused, writes) = pause(ATTEMPTS).await;
    let refused = refused.expect_err("always too late");
    assert_eq!(refused.to_string(), "Error response from daemon: somebody was faster");
    assert_eq!(writes, 0);
}
