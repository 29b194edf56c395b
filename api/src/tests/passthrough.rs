//! What goes to the engine and back untouched, connections that stop being HTTP included.

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixListener;
use tokio::net::UnixStream;

use super::*;
use crate::bind;
use crate::serve;

/// The request line and the headers of an HTTP message.
async fn head(stream: &mut BufReader<UnixStream>) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("can be read");
        match line.trim_end() {
            "" => return lines,
            line => lines.push(line.to_owned()),
        }
    }
}

/// An engine that answers every request with `answer`, and then turns what it gets into capitals until there is no more. Says what it was asked.
fn engine(folder: &Path, answer: &'static str) -> (std::path::PathBuf, Asked) {
    let path = folder.join("docker.sock");
    let listener = UnixListener::bind(&path).expect("binds");
    let (tell, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let head = head(&mut stream).await;
                let is_version = head[0].contains("/version");
                tell.send(head).expect("somebody listens");
                if is_version {
                    let version =
                        "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{\"ApiVersion\":\"1.44\"}";
                    return stream.write_all(version.as_bytes()).await.expect("is read");
                }
                stream.write_all(answer.as_bytes()).await.expect("is read");
                let mut all = String::new();
                stream.read_to_string(&mut all).await.expect("is text");
                stream.write_all(all.to_uppercase().as_bytes()).await.expect("is read");
            });
        }
    });
    (path, asked)
}

type Asked = tokio::sync::mpsc::UnboundedReceiver<Vec<String>>;

/// What the engine was asked, but for its version.
async fn next(asked: &mut Asked) -> Vec<String> {
    loop {
        let head = asked.recv().await.expect("the engine was asked");
        if !head[0].contains("/version") {
            return head;
        }
    }
}

/// A connection to the API of a node with this engine.
async fn client(folder: &Path, engine: &Path) -> BufReader<UnixStream> {
    let path = folder.join("swarmlite.sock");
    let listener = bind(&path).await.expect("binds");
    let lab = Lab::manager_with_engine(engine);
    tokio::spawn(serve(listener, lab.router));
    BufReader::new(UnixStream::connect(&path).await.expect("connects"))
}

#[tokio::test]
async fn a_connection_that_stops_being_http_is_joined_with_the_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    let (socket, mut asked) = engine(folder.path(), switch);
    let mut stream = client(folder.path(), &socket).await;
    let request = "POST /v1.41/containers/x/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("is sent");
    let answer = head(&mut stream).await;
    assert!(answer[0].starts_with("HTTP/1.1 101"), "{answer:?}");
    assert!(answer.iter().any(|line| line.eq_ignore_ascii_case("upgrade: tcp")), "{answer:?}");
    stream.write_all(b"hello").await.expect("is sent");
    // The end of the input is passed on, and the answer still comes.
    stream.shutdown().await.expect("can be closed");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("is text");
    assert_eq!(rest, "HELLO");
    let head = next(&mut asked).await;
    assert_eq!(head[0], "POST /v1.41/containers/x/attach?stream=1&stdin=1 HTTP/1.1");
}

#[tokio::test]
async fn a_stream_arrives_as_it_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Own: 1\r\n\r\n3\r\none\r\n";
    let (socket, mut asked) = engine(folder.path(), first);
    let mut stream = client(folder.path(), &socket).await;
    let request = "GET /containers/x/logs?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("is sent");
    let answer = head(&mut stream).await;
    assert!(answer.iter().any(|line| line == "x-own: 1"), "{answer:?}");
    // The engine has not ended its answer, and never will.
    let mut chunk = [0; 8];
    stream.read_exact(&mut chunk).await.expect("arrives");
    assert_eq!(&chunk, b"3\r\none\r\n");
    assert_eq!(next(&mut asked).await[0], "GET /containers/x/logs?follow=1 HTTP/1.1");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let lab = Lab::manager_with_engine(Path::new(NO_ENGINE));
    let answer = lab.get("/v1.41/containers/json").await;
    let message = answer.message();
    assert!(
        message
            .starts_with("Cannot connect to the Docker daemon at unix:///nonexistent/docker.sock")
    );
}
