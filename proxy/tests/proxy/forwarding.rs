//! What a task gets, and what the client gets of its answer.

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::client::conn::http2;
use hyper::header;
use hyper::header::HeaderValue;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use swarmlite_proto::spec::HttpRoute;
use tokio::net::TcpStream;

use crate::lab::Lab;
use crate::lab::mirror;
use crate::lab::parse;
use crate::lab::route;
use crate::lab::server;
use crate::lab::text;

#[tokio::test]
async fn a_task_gets_the_request_with_what_the_proxy_knows() {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    let request = "POST /a?b=c HTTP/1.1\r\nHost: Shop.example:8080\r\nConnection: close, x-secret\r\n\
                   X-Secret: 1\r\nX-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n\
                   Keep-Alive: timeout=1\r\nContent-Length: 5\r\n\r\nhello";
    let (status, body) = parse(&lab.raw(request).await);
    assert_eq!(status, 200);
    let (head, body) = body.split_once("\n\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /a?b=c HTTP/1.1");
    lines.sort_unstable();
    let expected = [
        "content-length: 5",
        "forwarded: for=127.0.0.1;host=\"Shop.example:8080\";proto=http",
        "host: Shop.example:8080",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: Shop.example:8080",
        "x-forwarded-proto: http",
    ];
    assert_eq!(lines, expected);
    assert_eq!(body, "hello");
}

#[tokio::test]
async fn bodies_of_unknown_length_are_passed_on() {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    for method in ["POST", "GET", "DELETE"] {
        let request = format!(
            "{method} / HTTP/1.1\r\nHost: a\r\n{{close}}Transfer-Encoding: chunked\r\n\r\n\
             3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        );
        let (status, body) = parse(&lab.raw(&request).await);
        let (head, body) = body.split_once("\n\n").unwrap();
        assert_eq!((status, body), (200, "abcde"), "{method}");
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
    }
}

#[tokio::test]
async fn a_prefix_is_rewritten() {
    let mut lab = Lab::new().await;
    let rewrite = Some("/v2".to_owned());
    lab.service("api", vec![HttpRoute { rewrite, ..route("", "/api") }], &[mirror().await]);
    let body = lab.get("a.example", "/api/users?all=%2F").await.1;
    assert_eq!(body.lines().next(), Some("GET /v2/users?all=%2F HTTP/1.1"));
}

#[tokio::test]
async fn an_answer_comes_through_without_what_is_about_the_connection() {
    let mut lab = Lab::new().await;
    let task = server(|_| async {
        let mut answer = Response::new(text("teapot"));
        *answer.status_mut() = StatusCode::IM_A_TEAPOT;
        for (name, value) in [
            ("server", "kettle"),
            ("date", "Tue, 01 Jan 2030 00:00:00 GMT"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=1"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ] {
            answer.headers_mut().append(name, HeaderValue::from_static(value));
        }
        answer
    });
    lab.service("teapot", vec![route("", "/")], &[task.await]);
    let answer = lab.raw("GET / HTTP/1.1\r\nHost: a\r\n{close}\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!((lines.remove(0), body), ("HTTP/1.1 418 I'm a teapot", "teapot"));
    lines.sort_unstable();
    let expected = [
        "connection: close",
        "content-length: 6",
        "date: Tue, 01 Jan 2030 00:00:00 GMT",
        "server: kettle",
        "set-cookie: a=1",
        "set-cookie: b=2",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn http2_without_tls_reaches_a_task_in_http1() {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("shop.example", "/")], &[mirror().await]);
    let stream = TcpStream::connect(lab.plain).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = || {
        let request = Request::post("http://shop.example/a").header(header::COOKIE, "a=1");
        request.body(Full::<Bytes>::from("hello")).unwrap()
    };
    let answers = (sender.clone().send_request(request()), sender.send_request(request()));
    let (one, two) = tokio::try_join!(answers.0, answers.1).unwrap();
    for answer in [one, two] {
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        let (head, body) = body.split_once("\n\n").unwrap();
        assert_eq!(head.lines().next(), Some("POST /a HTTP/1.1"));
        assert!(head.contains("host: shop.example\n") && head.contains("cookie: a=1"), "{head}");
        assert_eq!(body, "hello");
    }
}

#[tokio::test]
async fn connections_to_a_task_are_used_again() {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    for _ in 0..5 {
        assert_eq!(lab.get("a", "/").await.0, 200);
    }
    assert_eq!(lab.dialled(0, 1), 1);
}
