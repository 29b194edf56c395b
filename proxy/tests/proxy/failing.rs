//! Tasks that end, refuse, break off or say nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use hyper::Request;
use hyper::Response;
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proxy::Limits;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::watch;

use crate::lab::Body;
use crate::lab::Lab;
use crate::lab::eventually;
use crate::lab::named;
use crate::lab::parse;
use crate::lab::raw_server;
use crate::lab::read_all;
use crate::lab::route;
use crate::lab::server;
use crate::lab::text;

/// Reads the head of a request.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

#[tokio::test]
async fn what_a_lost_node_was_asked_is_asked_of_another_if_that_is_allowed() {
    let asked = Arc::new(Notify::new());
    let silent = {
        let asked = Arc::clone(&asked);
        raw_server(move |mut stream| {
            let asked = Arc::clone(&asked);
            async move {
                let _request = head(&mut stream).await;
                asked.notify_one();
                std::future::pending::<()>().await;
            }
        })
        .await
    };
    for (request, hangs, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n{close}\r\n", false, Some("2")),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n{close}\r\nhi", true, Some("2")),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n{close}\r\nhi", false, None),
    ] {
        // Whoever waits until it has taken too long to connect fails the test.
        let limits = Limits { connect: Duration::from_secs(600), ..Limits::default() };
        let mut lab = Lab::with(limits).await;
        lab.service("shop", vec![route("", "/")], &[silent, named("2").await]);
        if hangs {
            lab.hang(0, 1);
        }
        let answer = lab.raw(request);
        tokio::pin!(answer);
        let reached = async {
            if hangs {
                eventually(|| lab.dialled(0, 1) == 1).await;
            } else {
                asked.notified().await;
            }
        };
        tokio::select! {
            answer = &mut answer => panic!("it is answered too soon: {answer}"),
            () = reached => {}
        }
        lab.set_lost(0, 1);
        match expected {
            Some(name) => assert_eq!(parse(&answer.await), (200, name.to_owned())),
            None => {
                let other = lab.get("a", "/").await;
                assert_eq!(other, (200, "2".to_owned()));
                assert!(futures_util::poll!(answer).is_pending(), "it may have been acted on");
            }
        }
    }
}

#[tokio::test]
async fn a_task_that_cannot_be_reached_costs_no_request() {
    let mut lab = Lab::new().await;
    lab.service("shop", vec![route("", "/")], &[named("1").await, named("2").await]);
    lab.move_task(0, 1, None);
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n{close}\r\nhi";
    for _ in 0..6 {
        assert_eq!(parse(&lab.raw(post).await), (200, "2".to_owned()));
    }
    // After the first time it is not asked any more for a while.
    assert_eq!(lab.dialled(0, 1), 1);
    let counters = lab.counters("/");
    assert_eq!(counters.unreachable.load(Ordering::Relaxed), 1);
    assert_eq!(counters.answers[1].load(Ordering::Relaxed), 6);
    // As the last resort it is.
    lab.set_serving(0, 2, false);
    assert!(Arc::ptr_eq(&counters, &lab.counters("/")), "another table goes on counting");
    let (status, why) = lab.get("a", "/").await;
    assert_eq!((status, &*why), (502, "no task of this service could be reached\n"));
    assert_eq!(lab.dialled(0, 1), 2);
    lab.move_task(0, 1, Some(named("again").await));
    assert_eq!(lab.get("a", "/").await.1, "again");
}

#[tokio::test]
async fn a_task_that_does_not_answer_connections_is_given_up() {
    let limits = Limits { connect: Duration::from_millis(50), ..Limits::default() };
    let mut lab = Lab::with(limits).await;
    lab.service("shop", vec![route("", "/")], &[named("1").await, named("2").await]);
    lab.hang(0, 1);
    for _ in 0..4 {
        assert_eq!(lab.get("a", "/").await.1, "2");
    }
    assert_eq!(lab.dialled(0, 1), 1);
}

#[tokio::test]
async fn what_is_in_flight_goes_on_when_its_task_leaves() {
    let mut lab = Lab::new().await;
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let notes = (Arc::clone(&arrived), Arc::clone(&go_on));
    let task = server(move |_| {
        let (arrived, go_on) = notes.clone();
        async move {
            arrived.notify_one();
            go_on.notified().await;
            let frames = futures_util::stream::unfold((go_on, 0), |(go_on, count)| async move {
                (count < 2).then_some(())?;
                go_on.notified().await;
                Some((Ok(Frame::data(Bytes::from("piece "))), (go_on, count + 1)))
            });
            Response::new(BodyExt::boxed(StreamBody::new(frames)))
        }
    });
    lab.service("slow", vec![route("", "/")], &[task.await, named("other").await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    arrived.notified().await;
    lab.set_serving(0, 1, false);
    go_on.notify_one();
    // The answer begins, and only then comes the rest.
    assert_eq!(stream.read_u8().await.unwrap(), b'H');
    assert_eq!(lab.get("a", "/").await.1, "other");
    for _ in 0..2 {
        go_on.notify_one();
        let mut piece = [0; 4];
        stream.read_exact(&mut piece).await.unwrap();
    }
    assert!(read_all(&mut stream).await.contains("piece "), "the answer is whole");
}

#[tokio::test]
async fn unused_connections_to_a_task_that_leaves_are_closed() {
    let limits = Limits { unused: Duration::from_secs(3600), ..Limits::default() };
    let mut lab = Lab::with(limits).await;
    let (open, seen) = watch::channel(0_usize);
    let open = Arc::new(open);
    let task = raw_server(move |mut stream| {
        let open = Arc::clone(&open);
        async move {
            open.send_modify(|count| *count += 1);
            while head(&mut stream).await.is_some() {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
                stream.write_all(answer).await.unwrap();
            }
            open.send_modify(|count| *count -= 1);
        }
    });
    lab.service("shop", vec![route("", "/")], &[task.await, named("other").await]);
    lab.set_serving(0, 2, false);
    assert_eq!(lab.get("a", "/").await.1, "hi");
    assert_eq!(*seen.borrow(), 1);
    lab.set_serving(0, 2, true);
    lab.set_serving(0, 1, false);
    eventually(|| *seen.borrow() == 0).await;
}

/// A task that closes each connection on its second request, without an answer, and says how many requests it has seen.
async fn closing() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let address = raw_server(move |mut stream| {
        let seen = Arc::clone(&count);
        async move {
            let _first = head(&mut stream).await;
            seen.fetch_add(1, Ordering::Relaxed);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
            stream.write_all(answer).await.unwrap();
            if head(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    (address.await, seen)
}

#[tokio::test]
async fn a_connection_that_was_closed_while_unused_costs_no_idempotent_request() {
    let mut lab = Lab::new().await;
    let (task, seen) = closing().await;
    lab.service("closing", vec![route("", "/")], &[task]);
    for _ in 0..6 {
        assert_eq!(lab.get("a", "/").await, (200, "hi".to_owned()));
    }
    assert!(seen.load(Ordering::Relaxed) > 6, "some were asked twice");
}

#[tokio::test]
async fn nothing_is_sent_twice_that_could_be_done_twice() {
    let mut lab = Lab::new().await;
    let (task, seen) = closing().await;
    lab.service("closing", vec![route("", "/")], &[task]);
    assert_eq!(lab.get("a", "/").await.0, 200);
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{close}\r\n";
    let put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n{close}\r\nhi";
    for (count, request) in [post, put].into_iter().enumerate() {
        // Over the connection that has been used once, which the task then closes.
        assert_eq!(parse(&lab.raw(request).await).0, 502, "{request}");
        assert_eq!(lab.dialled(0, 1), count + 1);
        assert_eq!(seen.load(Ordering::Relaxed), 2 * (count + 1));
        assert_eq!(lab.get("a", "/").await.0, 200);
    }
}

#[tokio::test]
async fn a_task_that_closes_new_connections_is_not_asked_again() {
    let mut lab = Lab::new().await;
    let task = raw_server(|mut stream| async move {
        let _request = head(&mut stream).await;
    });
    lab.service("closing", vec![route("", "/")], &[task.await]);
    assert_eq!(lab.get("a", "/").await.0, 502);
    assert_eq!(lab.dialled(0, 1), 1);
}

#[tokio::test]
async fn an_answer_that_is_none_is_not_passed_on() {
    let mut lab = Lab::new().await;
    let task = raw_server(|mut stream| async move {
        let _request = head(&mut stream).await;
        let _written = stream.write_all(b"220 mail.example ESMTP\r\n\r\n").await;
    });
    lab.service("mail", vec![route("", "/")], &[task.await]);
    let (status, why) = lab.get("a", "/").await;
    assert_eq!((status, &*why), (502, "the task of this service gave no valid answer\n"));
}

#[tokio::test]
async fn a_silent_task_is_given_up() {
    let mut lab = Lab::new().await;
    let task = raw_server(|mut stream| async move {
        let request = head(&mut stream).await.unwrap_or_default();
        if request.starts_with("GET /half") {
            let start = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
            stream.write_all(start).await.unwrap();
        }
        let _until_closed = read_all(&mut stream).await;
    });
    let timeout = Some(Nanoseconds::from(Duration::from_millis(50)));
    lab.service("silent", vec![HttpRoute { timeout, ..route("", "/") }], &[task.await]);
    let (status, why) = lab.get("a", "/").await;
    assert_eq!((status, &*why), (504, "the task of this service did not answer in time\n"));
    assert_eq!(lab.get("a", "/half").await, (200, "half".to_owned()));
    // It is the client that is silent here.
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf";
    let (status, why) = parse(&lab.raw(post).await);
    assert_eq!((status, &*why), (408, "the body of this request did not come in time\n"));
}

#[tokio::test]
async fn nobody_is_silent_who_says_a_little_now_and_then() {
    let mut lab = Lab::new().await;
    let pieces = || {
        let ticks = tokio::time::interval(Duration::from_millis(50));
        futures_util::stream::unfold((ticks, 30), |(mut ticks, left)| async move {
            ticks.tick().await;
            (left > 0).then_some((Ok(Frame::data(Bytes::from("x"))), (ticks, left - 1)))
        })
    };
    let task = server(move |request| async move {
        let sent = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent.len(), 30);
        Response::new(BodyExt::boxed(StreamBody::new(pieces())))
    });
    let timeout = Some(Nanoseconds::from_secs(1));
    lab.service("slow", vec![HttpRoute { timeout, ..route("", "/") }], &[task.await]);
    let stream = TcpStream::connect(lab.plain).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let body = BodyExt::boxed(StreamBody::new(pieces()));
    let request = Request::post("/").header("host", "a").body::<Body>(body).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 30);
}

#[tokio::test]
async fn a_proxy_that_stops_ends_what_it_has_begun() {
    let mut lab = Lab::new().await;
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let notes = (Arc::clone(&arrived), Arc::clone(&go_on));
    let task = server(move |_| {
        let (arrived, go_on) = notes.clone();
        async move {
            arrived.notify_one();
            go_on.notified().await;
            Response::new(text("done"))
        }
    });
    lab.service("slow", vec![route("", "/")], &[task.await]);
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    arrived.notified().await;
    lab.stop();
    let plain = lab.plain;
    // It takes nobody any more.
    while TcpStream::connect(plain).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done"), "{answer}");
    lab.stopped().await;
}
