//! HTTP/2, gRPC, WebSocket and whatever else a connection goes over to.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::StreamBody;
use hyper::HeaderMap;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::Version;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::header::HeaderValue;
use hyper::service::Service as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::oneshot;

use crate::lab::Body;
use crate::lab::Lab;
use crate::lab::at_rest;
use crate::lab::eventually;
use crate::lab::raw_server;
use crate::lab::read_all;
use crate::lab::route;
use crate::lab::server;
use crate::lab::text;

/// A call of gRPC as a server sees it: what it is told comes back, with trailers.
async fn grpc(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    assert_eq!(head.version, Version::HTTP_2);
    assert_eq!(head.headers["te"], "trailers");
    let body = body.collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-sent"], "too");
    let message = Frame::data(body.to_bytes());
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Ok(message), Ok(Frame::trailers(trailers))];
    let mut answer = Response::new(BodyExt::boxed(StreamBody::new(stream::iter(frames))));
    let kind = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert("content-type", kind);
    answer
}

/// Calls a task `count` times over one connection, and checks each answer.
async fn call(lab: &Lab, count: usize) {
    let stream = TcpStream::connect(lab.plain).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..count {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sent", HeaderValue::from_static("too"));
        let frames =
            [Ok::<_, Infallible>(Frame::data(Bytes::from("hello"))), Ok(Frame::trailers(trailers))];
        let request = Request::post("http://grpc.example/pkg.Service/Call")
            .header("content-type", "application/grpc+proto")
            .header("te", "trailers")
            .body(StreamBody::new(stream::iter(frames)))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(body.to_bytes(), "hello");
    }
}

#[tokio::test]
async fn grpc_reaches_a_task_in_http2_with_its_trailers() {
    let mut lab = Lab::new().await;
    lab.service("grpc", vec![route("grpc.example", "/")], &[server(grpc).await]);
    call(&lab, 3).await;
    assert_eq!(lab.dialled(0, 1), 1);
}

#[tokio::test]
async fn a_task_may_end_its_connections_between_calls() {
    let mut lab = Lab::new().await;
    let task = raw_server(|stream| async move {
        let service = service_fn(|request| async { Ok::<_, Infallible>(grpc(request).await) });
        let served = Arc::new(Notify::new());
        let first = Arc::clone(&served);
        let service = service_fn(move |request| {
            first.notify_one();
            service.call(request)
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            _ended = &mut connection => return,
            () = served.notified() => connection.as_mut().graceful_shutdown(),
        }
        let _ended = connection.await;
    });
    lab.service("grpc", vec![route("grpc.example", "/")], &[task.await]);
    call(&lab, 20).await;
    assert_eq!(lab.counters("/").unreachable.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_upgrade_becomes_a_tunnel() {
    let mut lab = Lab::new().await;
    let task = raw_server(|mut stream| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.contains("\r\nconnection: upgrade\r\n"), "{head}");
        assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
        assert!(head.contains("\r\nsec-websocket-key: abc\r\n"), "{head}");
        // The first bytes of the other protocol come with the answer.
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: def\r\n\r\nready";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut said = [0; 8];
        stream.read_exact(&mut said).await.unwrap();
        said.reverse();
        stream.write_all(&said).await.unwrap();
    });
    lab.service("chat", vec![route("", "/")], &[task.await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    let request = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: abc\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nready") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    for header in ["connection: upgrade", "upgrade: websocket", "sec-websocket-accept: def"] {
        assert!(answer.contains(&format!("\r\n{header}\r\n")), "{answer}");
    }
    // Nothing of this is HTTP.
    stream.write_all(b"\0\n\r \n\x01 x").await.unwrap();
    assert_eq!(read_all(&mut stream).await, "x \x01\n \r\n\0");
    assert_eq!(lab.counters("/").answers[0].load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn one_side_of_a_tunnel_may_end_before_the_other() {
    let mut lab = Lab::new().await;
    let (said, heard) = oneshot::channel();
    let said = Mutex::new(Some(said));
    let listen = Arc::new(Notify::new());
    let listening = Arc::clone(&listen);
    let task = raw_server(move |mut stream| {
        let said = said.lock().unwrap().take();
        let listening = Arc::clone(&listening);
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer =
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbye";
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
            listening.notified().await;
            let count = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
            said.unwrap().send(count).unwrap();
        }
    });
    lab.service("one way", vec![route("", "/")], &[task.await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.ends_with("\r\n\r\nbye"), "{answer}");
    // More than the buffers on the way hold, so that some of it waits at the proxy.
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    tokio::spawn(async move {
        for _ in 0..512 {
            stream.write_all(&[b'x'; 64 << 10]).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        }
        stream.shutdown().await.unwrap();
    });
    at_rest(|| written.load(Ordering::Relaxed)).await;
    listen.notify_one();
    assert_eq!(heard.await.unwrap(), 32 << 20);
}

#[tokio::test]
async fn a_task_may_decline_an_upgrade() {
    let mut lab = Lab::new().await;
    lab.service(
        "plain",
        vec![route("", "/")],
        &[server(|_| async { Response::new(text("no")) }).await],
    );
    let request =
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    let answer = lab.raw(request).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nno"),
        "{answer}"
    );
}

#[tokio::test]
async fn nobody_goes_over_who_was_not_asked() {
    let mut lab = Lab::new().await;
    let task = raw_server(|mut stream| async move {
        let _request = stream.read(&mut [0; 4096]).await;
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let _written = stream.write_all(answer.as_bytes()).await;
    });
    lab.service("eager", vec![route("", "/")], &[task.await]);
    assert_eq!(lab.get("a", "/").await.0, 502);
}

#[tokio::test]
async fn an_answer_comes_piece_by_piece() {
    let mut lab = Lab::new().await;
    let (next, pieces) = tokio::sync::mpsc::channel::<&'static str>(1);
    let pieces = Arc::new(tokio::sync::Mutex::new(pieces));
    let task = server(move |_| {
        let pieces = Arc::clone(&pieces);
        async move {
            let pieces = stream::unfold(pieces, |pieces| async move {
                let piece = pieces.lock().await.recv().await?;
                Some((Ok(Frame::data(Bytes::from(piece))), pieces))
            });
            Response::new(BodyExt::boxed(StreamBody::new(pieces)))
        }
    });
    lab.service("events", vec![route("", "/")], &[task.await]);
    let stream = TcpStream::connect(lab.plain).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/").header("host", "a").body(Full::<Bytes>::default()).unwrap();
    let mut answer = sender.send_request(request).await.unwrap();
    for piece in ["one", "two", "three"] {
        next.send(piece).await.unwrap();
        let frame = answer.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    // When the client goes, the task hears of it.
    drop((answer, sender));
    eventually(|| next.is_closed() || next.try_send("more").is_err()).await;
}
