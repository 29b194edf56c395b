//! Events of the engine and of the cluster in one stream.

use std::time::Duration;

use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use futures_util::StreamExt;
use swarmlite_manager::events::Seen;
use swarmlite_manager::events::between;
use swarmlite_proto::object::Service;
use swarmlite_proto::time::Timestamp;
use tokio::net::UnixListener;
use tokio::sync::mpsc;

use super::*;

/// An engine whose events are what `says` sends, in whatever pieces.
fn fake_engine(folder: &Path) -> (std::path::PathBuf, mpsc::UnboundedSender<String>) {
    let (says, heard) = mpsc::unbounded_channel::<String>();
    let heard = Arc::new(Mutex::new(Some(heard)));
    let events = move |Query(_): Query<Vec<(String, String)>>| async move {
        let mut heard = heard.lock().expect("no panic").take().expect("asked once");
        let pieces = futures_util::stream::poll_fn(move |context| heard.poll_recv(context));
        let body = Body::from_stream(pieces.map(Ok::<_, std::io::Error>));
        ([(CONTENT_TYPE, "application/json")], body)
    };
    let engine = Router::new()
        .route("/version", get(|| async { axum::Json(json!({"ApiVersion": "1.44"})) }))
        .route("/events", get(events));
    let path = folder.join("docker.sock");
    let listener = UnixListener::bind(&path).expect("binds");
    tokio::spawn(async move { axum::serve(listener, engine).await });
    (path, says)
}

/// The events of making a service of this name, at this second.
fn made(lab: &Lab, seed: u64, name: &str, second: u64) {
    let before = Seen::default();
    let mut after = Seen::default();
    let service: Service = fixture::service(seed, name);
    let at = Timestamp::EPOCH + Duration::from_secs(second);
    let transaction =
        swarmlite_manager::state::Transaction::new(at).with(Op::PutService(Box::new(service)));
    after.state.apply(1, transaction).expect("is new");
    lab.node.events.add(between(&before, &after, at));
}

/// What is read of a stream of events: type and name.
struct Events {
    body: axum::body::BodyDataStream,
    text: String,
}

impl Events {
    async fn of(lab: &Lab, path: &str) -> Self {
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        let response = lab.router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let event: Value = serde_json::from_str(line).expect("a line is one event");
                let name = &event["Actor"]["Attributes"]["name"];
                let said = format!("{} {}", event["Type"], name).replace('"', "");
                self.text = rest.to_owned();
                return Some(said);
            }
            let data = self.body.next().await?.expect("goes on");
            self.text.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }
}

fn of_engine(name: &str, second: u64) -> String {
    let nanoseconds = second * 1_000_000_000;
    let event = json!({"Type": "container", "Actor": {"Attributes": {"name": name}},
        "timeNano": nanoseconds});
    format!("{event}\n")
}

#[tokio::test]
async fn both_come_as_they_happen_and_lines_stay_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, says) = fake_engine(folder.path());
    let lab = Lab::manager_with_engine(&engine);
    made(&lab, 1, "before", 1);
    let mut events = Events::of(&lab, "/events").await;
    let line = of_engine("shell", 2);
    let (half, rest) = line.split_at(9);
    says.send(half.to_owned()).expect("is heard");
    made(&lab, 2, "web", 3);
    assert_eq!(events.next().await.as_deref(), Some("service web"), "what was before is not told");
    says.send(rest.to_owned()).expect("is heard");
    assert_eq!(events.next().await.as_deref(), Some("container shell"));
    drop(says);
    assert_eq!(events.next().await, None, "it ends with the engine's");
}

#[tokio::test]
async fn what_has_been_comes_in_order_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, says) = fake_engine(folder.path());
    let lab = Lab::manager_with_engine(&engine);
    for (seed, name, second) in [(1, "old", 10), (2, "one", 20), (3, "two", 40), (4, "late", 60)] {
        made(&lab, seed, name, second);
    }
    says.send(of_engine("shell", 30)).expect("is heard");
    drop(says);
    let mut events = Events::of(&lab, "/events?since=20&until=50.5").await;
    for expected in [Some("service one"), Some("container shell"), Some("service two"), None] {
        assert_eq!(events.next().await.as_deref(), expected);
    }
}

#[tokio::test]
async fn filters_choose_among_those_of_the_cluster() {
    for (filters, wanted) in [
        (r#"{"type":["service"]}"#, true),
        (r#"{"type":{"container":true}}"#, false),
        (r#"{"event":["create","update"]}"#, true),
        (r#"{"event":["remove"]}"#, false),
        (r#"{"scope":["swarm"]}"#, true),
        (r#"{"scope":["local"]}"#, false),
        (r#"{"service":["we"]}"#, true),
        (r#"{"service":["eb"]}"#, false),
        (r#"{"label":["name=web"]}"#, true),
        (r#"{"label":["a"]}"#, false),
        (r#"{"image":["web"]}"#, false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let (engine, says) = fake_engine(folder.path());
        let lab = Lab::manager_with_engine(&engine);
        made(&lab, 1, "web", 10);
        drop(says);
        let filters = crate::engine::segment(filters);
        let mut events = Events::of(&lab, &format!("/events?until=50&filters={filters}")).await;
        assert_eq!(events.next().await.is_some(), wanted, "{filters}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let lab = Lab::manager();
    for (query, message) in [
        ("since=20&until=10", "`since` time (20) cannot be after `until` time (10)"),
        ("since=yesterday", "failed to parse value as time or duration: \"yesterday\""),
        ("until=1.x", "failed to parse value as time or duration: \"1.x\""),
        ("filters=%7B%22colour%22%3A%5B%22red%22%5D%7D", "invalid filter 'colour'"),
    ] {
        let refused = lab.get(&format!("/events?{query}")).await;
        assert_eq!((refused.status, refused.message()), (400, message));
    }
}

#[tokio::test]
async fn workers_tell_only_of_their_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let (engine, says) = fake_engine(folder.path());
    let worker = Lab::not_manager(LocalNodeState::Active, &engine);
    let mut events = Events::of(&worker, "/events").await;
    made(&worker, 1, "web", 10);
    says.send(of_engine("shell", 30)).expect("is heard");
    drop(says);
    assert_eq!(events.next().await.as_deref(), Some("container shell"));
    assert_eq!(events.next().await, None);
}
