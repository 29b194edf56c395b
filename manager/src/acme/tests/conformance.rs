//! What every [`AcmeServer`] has to do, run against the fake and against Pebble, the server that Let's Encrypt tests clients with.
//!
//! Pebble is the package `pebble` of Debian. Without it the test says that it was left out.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rcgen::KeyPair;
use serde_json::json;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::spec::AcmeConfig;
use swarmlite_proxy::Certificate;
use tokio::process::Child;
use tokio::process::Command;
use tokio::time::timeout;

use super::fake::FakeServer;
use crate::acme::client::Client;
use crate::acme::server::AcmeError;
use crate::acme::server::AcmeServer;
use crate::acme::server::Asked;
use crate::acme::server::Placed;

/// How long the server may take to start.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_fake_does_what_a_server_does() {
    let config = AcmeConfig { terms_accepted: true, ..AcmeConfig::default() };
    check(&FakeServer::default(), &config).await;
}

#[tokio::test]
async fn pebble_does_what_a_server_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some((_pebble, config)) = pebble(dir.path()) else {
        eprintln!("LEFT OUT: there is no program pebble");
        return;
    };
    let up = async {
        while Client.register(&config).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, up).await.expect("the server starts");
    check(&Client, &config).await;
}

/// A server that believes everybody. Ends when dropped.
fn pebble(dir: &Path) -> Option<(Child, AcmeConfig)> {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (certificate, key) = (dir.join("own.pem"), dir.join("own.key"));
    std::fs::write(&certificate, own.cert.pem()).expect("writes");
    std::fs::write(&key, own.signing_key.serialize_pem()).expect("writes");
    let free = || TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let (at, management) = (free(), free());
    let config = json!({"pebble": {
        "listenAddress": at.to_string(),
        "managementListenAddress": management.to_string(),
        "certificate": certificate,
        "privateKey": key,
        "httpPort": 1,
        "tlsPort": 1,
    }});
    let file = dir.join("config.json");
    std::fs::write(&file, config.to_string()).expect("writes");
    let started = Command::new("pebble")
        .arg("-config")
        .arg(&file)
        .env("PEBBLE_VA_ALWAYS_VALID", "1")
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_AUTHZREUSE", "0")
        // Refused at random, some request would fail in the end.
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let config = AcmeConfig {
        directory: format!("https://{at}/dir"),
        email: "ops@example.com".to_owned(),
        ca: own.cert.pem(),
        terms_accepted: true,
    };
    started.ok().map(|child| (child, config))
}

async fn check(server: &dyn AcmeServer, config: &AcmeConfig) {
    let credentials = server.register(config).await.expect("an account");
    let asked = Asked { config, credentials: &credentials };
    for kind in [AcmeChallengeKind::Http01, AcmeChallengeKind::TlsAlpn01] {
        check_order(server, asked, kind).await;
    }
    let lost = order(config, format!("{}/no-such-order", config.directory()));
    server.proceed(asked, "a.example.com", &lost).await.expect_err("no such order");

    let mut stranger: serde_json::Value = serde_json::from_str(&credentials).expect("is JSON");
    stranger["id"] = json!(format!("{}0000", stranger["id"].as_str().expect("a text")));
    let stranger = stranger.to_string();
    let asked = Asked { config, credentials: &stranger };
    let refused = server.order(asked, "a.example.com", &[AcmeChallengeKind::Http01]).await;
    let refused = refused.expect_err("nobody it knows");
    assert!(matches!(refused, AcmeError::NoAccount(_)), "{refused:?}");
}

async fn check_order(server: &dyn AcmeServer, asked: Asked<'_>, kind: AcmeChallengeKind) {
    let host = "a.example.com";
    let placed = server.order(asked, host, &[kind]).await.expect("an order");
    let challenge = placed.challenge.as_ref().expect("it does not know us");
    assert_eq!(challenge.kind, kind);
    let token = challenge.answer.strip_prefix(&challenge.token);
    assert!(token.is_some_and(|rest| rest.starts_with('.')), "{challenge:?}");
    let Placed { url, challenge } = placed;
    let order = AcmeOrder { challenge, ..order(asked.config, url) };
    let chain = server.proceed(asked, host, &order).await.expect("a certificate");
    let both = format!("{chain}\n{}", order.key);
    Certificate::from_pem(both.as_bytes()).expect("fits the key");
    // A leader that was lost before it noted the certificate is followed by one that asks again.
    assert_eq!(server.proceed(asked, host, &order).await, Ok(chain));
}

fn order(config: &AcmeConfig, url: String) -> AcmeOrder {
    let directory = config.directory().to_owned();
    let key = KeyPair::generate().expect("a key").serialize_pem();
    AcmeOrder { directory, url, key, challenge: None, told: true }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_from_one_that_says_no() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let config = AcmeConfig {
        directory: format!("https://{free}/dir"),
        terms_accepted: true,
        ..AcmeConfig::default()
    };
    let error = Client.register(&config).await.expect_err("nobody is there");
    assert!(matches!(error, AcmeError::Unreachable { .. }), "{error:?}");
}
