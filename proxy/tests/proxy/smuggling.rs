//! What could be taken for two different requests is refused, whatever the parser of HTTP would make of it.

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::lab::Lab;
use crate::lab::mirror;
use crate::lab::read_all;
use crate::lab::route;

/// A request that must never be seen by a task.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

async fn lab() -> Lab {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    lab
}

#[tokio::test]
async fn an_ambiguous_head_is_refused_and_the_connection_closed() {
    let lab = lab().await;
    for lines in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "Content-Length: 4, 4\r\n\r\nabcd",
        "Content-Length: +4\r\n\r\nabcd",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        "X: y\r\n Content-Length: 4\r\n\r\nabcd",
        "X: y\nContent-Length: 0\r\n\r\n",
        "X: y\rContent-Length: 0\r\n\r\n",
        "X\r\n\r\n",
        "Content-Length: 0\r\n\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}{HIDDEN}");
        let answer = lab.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lines:?}: {answer}");
    }
    assert_eq!(lab.dialled(0, 1), 0);
}

#[tokio::test]
async fn a_broken_chunk_is_refused_and_the_connection_closed() {
    let lab = lab().await;
    for chunks in [
        "x\r\n",
        "5 \r\nabcde\r\n",
        "5\nabcde\r\n",
        "5;a\nb\r\nabcde\r\n",
        "2\r\nabc\r\n",
        "0\r\nX: y\n",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n{HIDDEN}"
        );
        let answer = lab.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{chunks:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {answer}");
    }
}

#[tokio::test]
async fn requests_before_a_bad_one_are_answered() {
    let lab = lab().await;
    let good = "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let bad =
        "POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = lab.raw(&format!("{good}{good}{bad}{HIDDEN}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("POST /good HTTP/1.1").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400 Bad Request").count(), 1, "{answer}");
    assert!(!answer.contains("/bad") && !answer.contains("/hidden"), "{answer}");
}

#[tokio::test]
async fn hosts_that_are_none_are_refused() {
    let lab = lab().await;
    for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a/b\r\n", "Host: user@a\r\n"] {
        let answer = lab.raw(&format!("GET / HTTP/1.1\r\n{hosts}\r\n{HIDDEN}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{hosts:?}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{hosts:?}: {answer}");
    }
}

#[tokio::test]
async fn http2_is_not_smuggled_in_by_an_upgrade() {
    let lab = lab().await;
    let answer = lab
        .raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, http2-settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(!body.contains("upgrade") && !body.contains("http2-settings"), "{body}");
}

#[tokio::test]
async fn requests_one_after_the_other_are_answered_in_turn() {
    let lab = lab().await;
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    let chunked =
        "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let known = "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\ncd";
    let last = "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    // In pieces that end in the middle of everything.
    for piece in format!("{chunked}{known}{last}").as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let rest = read_all(&mut stream).await;
    let at = |text: &str| rest.find(text).unwrap_or_else(|| panic!("no {text} in {rest}"));
    assert!(at("POST /1 ") < at("POST /2 ") && at("POST /2 ") < at("GET /3 "), "{rest}");
    assert!(rest.contains("\n\nab") && rest.contains("\n\ncd"), "{rest}");
}
