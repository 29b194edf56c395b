//! What is written of requests.

use std::sync::Arc;

use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proxy::AccessLog;
use swarmlite_proxy::Limits;
use swarmlite_proxy::Lines;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::lab::Lab;
use crate::lab::named;
use crate::lab::raw_server;
use crate::lab::route;
use crate::lab::task_id;

/// A proxy that writes requests to the lines beside it.
async fn logging(format: AccessLogFormat) -> (Lab, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let log = AccessLog { format, lines: Arc::clone(&lines) };
    let lab = Lab::made(Limits::default(), |proxy| proxy.with_access_log(log)).await;
    (lab, lines)
}

async fn next(lines: &Lines) -> String {
    String::from_utf8(lines.next().await).unwrap()
}

#[tokio::test]
async fn every_answer_is_a_line() {
    let (mut lab, lines) = logging(AccessLogFormat::Combined).await;
    lab.service("shop", vec![route("shop", "/")], &[named("hello").await]);
    let request = "GET /a?b HTTP/1.1\r\nHost: shop:80\r\nUser-Agent: x\t\u{9b}2J\"\r\nReferer: y\r\n{close}\r\n";
    let answer = lab.raw(request).await;
    assert!(answer.ends_with("hello"), "{answer}");
    let line = next(&lines).await;
    let (start, rest) = line.split_once(" [").unwrap();
    assert_eq!(start, "127.0.0.1 - -");
    let (_time, rest) = rest.split_once("] ").unwrap();
    let (rest, seconds) = rest.trim_end().rsplit_once(' ').unwrap();
    let task = task_id(0, 1);
    let expected = format!(
        "\"GET /a?b HTTP/1.1\" 200 5 \"y\" \"x\\x09\\xC2\\x9B2J\\x22\" \"shop:80\" \"shop\" \"{task}\""
    );
    assert_eq!(rest, expected);
    assert!(seconds.parse::<f64>().is_ok(), "{seconds}");

    lab.get("other", "/").await;
    let line = next(&lines).await;
    assert!(line.contains("\"GET / HTTP/1.1\" 404 "), "{line}");
    assert!(line.contains("\"other\" \"-\" \"-\""), "{line}");
    assert_eq!(lines.dropped(), 0);
}

#[tokio::test]
async fn json_says_the_same() {
    let (mut lab, lines) = logging(AccessLogFormat::Json).await;
    lab.service("shop", vec![route("shop", "/")], &[named("hello").await]);
    lab.get("shop", "/a?b").await;
    let line = next(&lines).await;
    let task = format!("\"task\":\"{}\"", task_id(0, 1));
    for part in [
        "\"client\":\"127.0.0.1\",\"host\":\"shop\",\"method\":\"GET\",\"uri\":\"/a?b\"",
        "\"service\":\"shop\"",
        &task,
        "\"tls\":false,\"status\":200,\"bytes\":5,\"duration\":",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(line.ends_with("}\n") && line.matches('\n').count() == 1, "{line}");
}

#[tokio::test]
async fn who_does_not_wait_for_the_answer_is_noted() {
    let (mut lab, lines) = logging(AccessLogFormat::Combined).await;
    let (asked, mut was_asked) = mpsc::channel(1);
    let silent = raw_server(move |mut stream| {
        let asked = asked.clone();
        async move {
            let _head = stream.read(&mut [0; 4096]).await;
            asked.send(()).await.unwrap();
            std::future::pending::<()>().await;
        }
    });
    lab.service("slow", vec![route("", "/")], &[silent.await]);
    let mut client = TcpStream::connect(lab.plain).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    was_asked.recv().await.unwrap();
    drop(client);
    let line = next(&lines).await;
    assert!(line.contains("\" 499 - \"-\" \"-\" \"a\" \"slow\" \"-\" "), "{line}");
}
