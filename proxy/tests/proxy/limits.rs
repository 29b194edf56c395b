//! How much and how slowly.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use hyper::Response;
use hyper::body::Frame;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proxy::Limits;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::lab::Lab;
use crate::lab::at_rest;
use crate::lab::eventually;
use crate::lab::mirror;
use crate::lab::parse;
use crate::lab::raw_server;
use crate::lab::read_all;
use crate::lab::route;
use crate::lab::server;
use crate::lab::text;

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let mut lab = Lab::new().await;
    let limited = HttpRoute { max_body: Some(5), ..route("", "/") };
    lab.service("mirror", vec![limited], &[mirror().await]);
    let known = |body: &str| {
        let length = body.len();
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{{close}}\r\n{body}")
    };
    assert_eq!(parse(&lab.raw(&known("123456")).await).0, 413);
    assert_eq!(lab.dialled(0, 1), 0, "the task hears nothing of it");
    assert_eq!(parse(&lab.raw(&known("12345")).await).0, 200);
    let chunked = |chunks: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{{close}}\r\n{chunks}0\r\n\r\n"
        )
    };
    assert_eq!(parse(&lab.raw(&chunked("3\r\nabc\r\n2\r\nde\r\n")).await).0, 200);
    let (status, why) = parse(&lab.raw(&chunked("3\r\nabc\r\n3\r\ndef\r\n")).await);
    assert_eq!((status, &*why), (413, "the body of this request is too large\n"));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    let with = |size: usize| {
        let value = "x".repeat(size);
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}\r\n{{close}}\r\n")
    };
    assert_eq!(parse(&lab.raw(&with(32 * 1024)).await).0, 200);
    let answer = lab.raw(&with(80 * 1024)).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_the_connection() {
    let limits = Limits { head: Duration::from_millis(50), ..Limits::default() };
    let mut lab = Lab::with(limits).await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    // A byte now and then does not help.
    let (mut read, mut write) = stream.split();
    let drip = async {
        while write.write_all(b"X: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = async {
        tokio::select! {
            answer = read_all(&mut read) => assert!(!answer.contains("200"), "{answer}"),
            () = drip => {}
        }
    };
    // So that the test ends if the connection does not.
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let limits = Limits { idle: Duration::from_millis(50), ..Limits::default() };
    let mut lab = Lab::with(limits).await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    assert_eq!(read_all(&mut stream).await, "");
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// The largest amount of memory that this process has had at a time, in bytes (proc(5), `VmHWM`).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_large_body_passes_without_being_kept() {
    const SIZE: u64 = 1 << 30;
    let mut lab = Lab::new().await;
    let task = server(|request| async move {
        let mut body = request.into_body();
        let mut count = 0;
        while let Some(frame) = body.frame().await {
            count += frame.unwrap().into_data().unwrap().len();
        }
        Response::new(text(count.to_string()))
    });
    lab.service("upload", vec![route("", "/")], &[task.await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let before = peak();
    let piece = vec![7; 1 << 20];
    for _ in 0..SIZE >> 20 {
        stream.write_all(&piece).await.unwrap();
    }
    assert_eq!(parse(&read_all(&mut stream).await), (200, SIZE.to_string()));
    // Other tests of this process are in it too.
    assert!(peak() - before < SIZE / 4, "{} more", peak() - before);
}

#[tokio::test]
async fn a_slow_reader_slows_the_sender() {
    let mut lab = Lab::new().await;
    let (sent, seen) = watch::channel(0_usize);
    let sent = Arc::new(sent);
    let task = server(move |_| {
        let sent = Arc::clone(&sent);
        async move {
            let pieces = futures_util::stream::unfold(sent, |sent| async move {
                sent.send_modify(|count| *count += 1);
                Some((Ok(Frame::data(Bytes::from_static(&[7; 64 << 10]))), sent))
            });
            Response::new(BodyExt::boxed(StreamBody::new(pieces)))
        }
    });
    lab.service("endless", vec![route("", "/")], &[task.await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'H');
    let last = at_rest(|| *seen.borrow()).await;
    // What the buffers of two connections take, and not more.
    assert!(last * (64 << 10) < 64 << 20, "{last} pieces");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_let_go() {
    let limits = Limits { idle: Duration::from_millis(100), ..Limits::default() };
    let mut lab = Lab::with(limits).await;
    let (open, seen) = watch::channel(0_usize);
    let open = Arc::new(open);
    let task = raw_server(move |mut stream| {
        let open = Arc::clone(&open);
        async move {
            open.send_modify(|count| *count += 1);
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
            stream.write_all(head).await.unwrap();
            while stream.write_all(&[7; 64 << 10]).await.is_ok() {}
            open.send_modify(|count| *count -= 1);
        }
    });
    lab.service("endless", vec![route("", "/")], &[task.await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    eventually(|| *seen.borrow() == 1).await;
    eventually(|| *seen.borrow() == 0).await;
}

#[tokio::test]
async fn a_client_that_sends_too_much_hears_why() {
    let mut lab = Lab::new().await;
    let limited = HttpRoute { max_body: Some(5), ..route("", "/") };
    lab.service("mirror", vec![limited], &[mirror().await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // All of it is sent before the answer is looked at.
    stream.write_all(&vec![7; 8 << 20]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(parse(&read_all(&mut stream).await).0, 413);
}
