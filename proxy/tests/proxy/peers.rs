//! Other proxies in front of this one: who of them is believed, and about what.

use ipnet::IpNet;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proxy::Limits;
use swarmlite_proxy::Proxy;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::lab::Lab;
use crate::lab::mirror;
use crate::lab::parse;
use crate::lab::read_all;
use crate::lab::route;
use crate::tls::certificate;
use crate::tls::get;
use crate::tls::handshake;
use crate::tls::over;

/// The network of everybody in this process, as far as IPv4 goes.
const HERE: &str = "127.0.0.0/8";

fn networks(text: &str) -> Vec<IpNet> {
    vec![text.parse().unwrap()]
}

#[tokio::test]
async fn who_is_trusted_is_believed_about_the_client() {
    let sent = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
                X-Forwarded-Host: shop.example\r\nX-Real-IP: 203.0.113.9\r\n{close}\r\n";
    for (trusted, list, proto, host, forwarded) in [
        (HERE, "203.0.113.9, 127.0.0.1", "https", "shop.example", "for=203.0.113.9, for=127.0.0.1"),
        ("192.0.2.0/24", "127.0.0.1", "http", "a", "for=127.0.0.1"),
    ] {
        let change = |proxy: Proxy| proxy.with_trusted_peers(networks(trusted));
        let mut lab = Lab::made(Limits::default(), change).await;
        lab.service("mirror", vec![route("", "/")], &[mirror().await]);
        let (status, body) = parse(&lab.raw(sent).await);
        assert_eq!(status, 200);
        for line in [
            format!("\nx-forwarded-for: {list}\n"),
            format!("\nx-forwarded-proto: {proto}\n"),
            format!("\nx-forwarded-host: {host}\n"),
            format!("\nforwarded: {forwarded};host=\"a\";proto=http\n"),
        ] {
            assert!(body.contains(&line), "{line}: {body}");
        }
        assert!(!body.contains("x-real-ip"), "{body}");
    }
}

#[tokio::test]
async fn who_came_to_a_trusted_peer_with_tls_has_come_with_tls() {
    let made = |trusted| {
        Lab::made(Limits::default(), move |proxy| proxy.with_trusted_peers(networks(trusted)))
    };
    for (trusted, proto, expected) in
        [(HERE, "https", 200), (HERE, "http", 308), ("192.0.2.0/24", "https", 308)]
    {
        let mut lab = made(trusted).await;
        let rule = HttpRoute {
            https_only: true,
            hsts: Some(Nanoseconds::from_secs(3600)),
            ..route("", "/")
        };
        lab.service("mirror", vec![rule], &[mirror().await]);
        let sent =
            format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: {proto}\r\n{{close}}\r\n");
        let answer = lab.raw(&sent).await;
        assert_eq!(parse(&answer).0, expected, "{trusted} {proto}");
        assert_eq!(answer.contains("strict-transport-security: "), expected == 200);
    }
}

/// A proxy that expects to be told who connects.
async fn proxied(trusted: &str) -> Lab {
    let change = |proxy: Proxy| proxy.with_trusted_peers(networks(trusted)).with_proxy_protocol();
    let mut lab = Lab::made(Limits::default(), change).await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    lab
}

const GET: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n";

/// For 203.0.113.9, in version 1 and 2, and for nobody but the peer itself.
const V1: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\x04\xd2\0\x50";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

async fn said(lab: &Lab, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(lab.plain).await.unwrap();
    stream.write_all(sent).await.unwrap();
    read_all(&mut stream).await
}

#[tokio::test]
async fn a_trusted_peer_says_for_whom_it_connects() {
    let lab = proxied(HERE).await;
    // Whom it connects for is not trusted, and not believed about others; the peer itself is.
    for (preface, list) in
        [(V1, "203.0.113.9"), (V2, "203.0.113.9"), (LOCAL, "198.51.100.1, 127.0.0.1")]
    {
        let answer = said(&lab, &[preface, GET].concat()).await;
        assert!(answer.contains(&format!("\nx-forwarded-for: {list}\n")), "{answer}");
    }
    assert_eq!(said(&lab, GET).await, "", "it does not say so, and gets no answer");
    assert_eq!(said(&lab, b"PROXY TCP4 x y 1 2\r\n").await, "");
    let twice = said(&lab, &[V1, V1, GET].concat()).await;
    assert!(twice.starts_with("HTTP/1.1 400 "), "{twice}");
}

#[tokio::test]
async fn nobody_else_says_for_whom_it_connects() {
    let lab = proxied("192.0.2.0/24").await;
    let answer = said(&lab, GET).await;
    assert!(answer.contains("\nx-forwarded-for: 127.0.0.1\n"), "{answer}");
    for preface in [V1, V2, LOCAL] {
        let answer = said(&lab, &[preface, GET].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "and the connection ends");
    }
}

#[tokio::test]
async fn a_peer_says_so_before_it_speaks_tls() {
    let mut lab = proxied(HERE).await;
    let (certificate, root) = certificate("a");
    lab.set_certificate("a", certificate);
    let mut stream = TcpStream::connect(lab.tls).await.unwrap();
    stream.write_all(V2).await.unwrap();
    let answer = get(handshake(stream, "a", &root).await.unwrap(), "a").await;
    assert!(answer.contains("\nx-forwarded-for: 203.0.113.9\n"), "{answer}");
    assert!(over(&lab, "a", &root).await.is_err(), "it has to say so");
}
