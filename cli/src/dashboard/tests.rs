//! The page of `swarmlite dashboard` as browsers, and others, meet it; behind it a daemon on a real socket.

use axum::http::HeaderMap;
use axum::routing::any;
use http_body_util::BodyExt;
use tokio::net::UnixListener;
use tower::ServiceExt;

use super::*;
use crate::client::Connection;
use crate::value::endpoint::Endpoint;

/// The page, before a daemon that answers with what it was asked.
async fn page(folder: &tempfile::TempDir) -> Router {
    let socket = folder.path().join("s.sock");
    let listener = UnixListener::bind(&socket).expect("binds");
    let echo = async |method: Method, uri: Uri, headers: HeaderMap, body: String| {
        let cookie = headers.contains_key("cookie");
        let text = format!("{method} {uri} {body} {cookie}");
        match uri.path() {
            "/nodes/gone" => (StatusCode::NOT_FOUND, [(REASON_HEADER, "no-such-thing")], text),
            _ => (StatusCode::OK, [(REASON_HEADER, "")], text),
        }
    };
    // Without a connection that outlives what asked for it, whoever asks next looks for the socket.
    let ping = any(async || [("connection", "close")]);
    let daemon = Router::new().route("/_ping", ping).fallback(echo);
    tokio::spawn(async move { axum::serve(listener, daemon).await });
    let socket = socket.display().to_string().parse().expect("a socket");
    let client = Client::connect(&Connection { endpoint: Endpoint::Unix(socket), tls: None }).await;
    router(client.expect("connects"), Token::new([7; 32]), 8377)
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    body: String,
}

async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = Request::builder().method(method).uri(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Body::from("body")).expect("a request");
    let response = router.clone().oneshot(request).await.expect("infallible");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    Reply { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
}

const HOST: (&str, &str) = ("host", "127.0.0.1:8377");

/// What the browser has once the printed address was opened.
fn cookie() -> String {
    format!("other=1; swarmlite-8377={}", Token::new([7; 32]))
}

#[tokio::test]
async fn the_printed_address_gives_a_cookie_and_leads_to_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let router = page(&folder).await;
    let address = format!("/?token={}", Token::new([7; 32]));
    let reply = ask(&router, "GET", &address, &[HOST]).await;
    assert_eq!((reply.status, &reply.headers["location"]), (303, &UI.parse().expect("text")));
    let given = reply.headers["set-cookie"].to_str().expect("text");
    assert!(given.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{given}");
    let cookie = given.split(';').next().expect("a pair");
    let reply = ask(&router, "GET", UI, &[HOST, ("cookie", cookie)]).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.starts_with("<!doctype html>"), "{}", reply.body);
    let reply = ask(&router, "GET", "/", &[HOST, ("cookie", cookie)]).await;
    assert_eq!((reply.status, &reply.headers["location"]), (303, &UI.parse().expect("text")));
}

#[tokio::test]
async fn nobody_gets_anything_without_the_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let router = page(&folder).await;
    let (good, other) = (Token::new([7; 32]).to_string(), Token::new([8; 32]).to_string());
    let elsewhere = format!("swarmlite-8378={good}");
    let wrong = format!("swarmlite-8377={other}");
    for path in
        ["/", UI, "/nodes", "/nope", &format!("/?token={other}"), &format!("/nodes?token={good}")]
    {
        for cookie in ["", "swarmlite-8377=", &*elsewhere, &*wrong] {
            let reply = ask(&router, "GET", path, &[HOST, ("cookie", cookie)]).await;
            assert_eq!(
                (reply.status, reply.headers.get("set-cookie")),
                (403, None),
                "{path} {cookie}"
            );
            assert_eq!(reply.body, CLOSED);
        }
    }
}

#[tokio::test]
async fn the_token_alone_does_not_let_pages_of_others_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let router = page(&folder).await;
    let cookie = cookie();
    let with = |name, value| [("cookie", &*cookie), (name, value), HOST];
    for headers in [
        with("origin", "https://evil.example"),
        with("origin", "http://127.0.0.1:9000"),
        with("origin", "null"),
        with("sec-fetch-site", "cross-site"),
        with("sec-fetch-site", "same-site"),
    ] {
        for (method, path) in [("GET", "/nodes"), ("POST", "/services/web/update?version=1")] {
            assert_eq!(ask(&router, method, path, &headers).await.status, 403, "{headers:?}");
        }
    }
    for host in ["evil.example:8377", "192.0.2.1:8377"] {
        let reply = ask(&router, "GET", "/nodes", &[("cookie", &*cookie), ("host", host)]).await;
        assert_eq!(reply.status, 403, "{host}");
    }
    // By ssh -L the port is another one.
    let own =
        [("cookie", &*cookie), ("host", "localhost:9000"), ("origin", "http://localhost:9000")];
    assert_eq!(ask(&router, "POST", "/services/web/update", &own).await.status, 200);
}

#[tokio::test]
async fn what_the_page_asks_goes_to_the_daemon_and_nothing_else_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let router = page(&folder).await;
    let cookie = cookie();
    let headers = [HOST, ("cookie", &*cookie)];
    let reply = ask(&router, "POST", "/services/web/update?version=5", &headers).await;
    assert_eq!(
        (reply.status, &*reply.body),
        (200, "POST /services/web/update?version=5 body false")
    );
    let reply = ask(&router, "GET", "/nodes/gone", &headers).await;
    assert_eq!(
        (reply.status, &reply.headers[REASON_HEADER]),
        (404, &"no-such-thing".parse().expect("text"))
    );
    for (method, path) in
        [("GET", "/swarm"), ("POST", "/services/create"), ("DELETE", "/services/web")]
    {
        let reply = ask(&router, method, path, &headers).await;
        assert_eq!(
            (reply.status, &*reply.body),
            (404, "The page does not use this part of the API.\n")
        );
    }
}

#[tokio::test]
async fn a_daemon_that_is_gone_is_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let router = page(&folder).await;
    std::fs::remove_file(folder.path().join("s.sock")).expect("is there");
    let reply = ask(&router, "GET", "/info", &[HOST, ("cookie", &*cookie())]).await;
    assert_eq!(reply.status, 502);
    assert!(reply.body.starts_with("Cannot connect to swarmlite at unix://"), "{}", reply.body);
}
