//! Clients that make many requests.

use std::sync::atomic::Ordering;

use swarmlite_proto::spec::HttpRate;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proxy::Limits;

use crate::lab::Lab;
use crate::lab::named;
use crate::lab::route;

fn limited(path: &str, burst: u32) -> HttpRoute {
    let rate = HttpRate { requests: 2, per: Nanoseconds::from_secs(3600), burst };
    HttpRoute { rate: Some(rate), ..route("", path) }
}

/// The head of the answer to somebody for whom a trusted peer asks.
async fn asked(lab: &Lab, client: &str, path: &str) -> String {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n{{close}}\r\n");
    lab.raw(&request).await
}

#[tokio::test]
async fn a_client_that_makes_too_many_requests_is_told_when_to_come_back() {
    let peers = vec!["127.0.0.0/8".parse().unwrap()];
    let mut lab = Lab::made(Limits::default(), |proxy| proxy.with_trusted_peers(peers)).await;
    let routes = vec![limited("/", 1), limited("/login", 0), route("", "/free")];
    lab.service("shop", routes, &[named("hello").await]);
    for _ in 0..2 {
        let answer = asked(&lab, "203.0.113.1", "/").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let dialled = lab.dialled(0, 1);
    for _ in 0..2 {
        let answer = asked(&lab, "203.0.113.1", "/").await;
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        assert!(answer.contains("\r\nretry-after: 1800\r\n"), "{answer}");
    }
    assert_eq!(lab.dialled(0, 1), dialled, "no task hears of it");
    assert_eq!(lab.counters("/").limited.load(Ordering::Relaxed), 2);
    for (client, path, status) in [
        ("203.0.113.2", "/", "200"),
        ("203.0.113.1", "/login", "200"),
        ("203.0.113.1", "/login", "429"),
        ("203.0.113.1", "/free", "200"),
    ] {
        let answer = asked(&lab, client, path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{client} {path}: {answer}");
    }
    // Another table changes nothing about what was used up.
    lab.publish();
    let answer = asked(&lab, "203.0.113.1", "/").await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
}
