//! Connections with TLS.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::StatusCode;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::SupportedProtocolVersion;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proxy::Certificate;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::lab::Lab;
use crate::lab::mirror;
use crate::lab::parse;
use crate::lab::read_all;
use crate::lab::route;

/// A certificate for a name, and what a client has to trust.
pub(crate) fn certificate(name: &str) -> (Certificate, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    (Certificate::from_pem(pem.as_bytes()).unwrap(), made.cert.der().clone())
}

/// A connection to `name`, by whoever trusts only `root`.
async fn connect(
    lab: &Lab,
    name: &str,
    root: &CertificateDer<'static>,
    offer: (&[&'static SupportedProtocolVersion], &[&[u8]]),
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(lab.tls).await.unwrap();
    secured(stream, name, root, offer, None).await
}

/// The same over a connection that is there.
pub(crate) async fn handshake(
    stream: TcpStream,
    name: &str,
    root: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    secured(stream, name, root, (rustls::ALL_VERSIONS, &[]), None).await
}

/// A certificate that a client shows, and its key.
pub(crate) type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A connection in one version of TLS of a client that shows a certificate when it is asked for one, or none.
pub(crate) async fn showing(
    lab: &Lab,
    (name, root): (&str, &CertificateDer<'static>),
    version: &'static SupportedProtocolVersion,
    shown: Option<&Identity>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(lab.tls).await.unwrap();
    secured(stream, name, root, (&[version], &[]), shown).await
}

async fn secured(
    stream: TcpStream,
    name: &str,
    root: &CertificateDer<'static>,
    (versions, protocols): (&[&'static SupportedProtocolVersion], &[&[u8]]),
    shown: Option<&Identity>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        Some((certificate, key)) => {
            config.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

pub(crate) async fn over(
    lab: &Lab,
    name: &str,
    root: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    connect(lab, name, root, (rustls::ALL_VERSIONS, &[])).await
}

pub(crate) async fn get(mut stream: TlsStream<TcpStream>, host: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

#[tokio::test]
async fn every_host_has_its_certificate() {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    let (shop, shop_root) = certificate("shop.example");
    let (wild, wild_root) = certificate("*.shop.example");
    lab.set_certificate("shop.example", shop);
    lab.set_certificate("*.shop.example", wild);
    for (name, root) in [("shop.example", &shop_root), ("a.shop.example", &wild_root)] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let stream = connect(&lab, name, root, (&[version], &[b"http/1.1"])).await.unwrap();
            let (status, body) = parse(&get(stream, name).await);
            assert_eq!(status, 200);
            assert!(body.contains("x-forwarded-proto: https\n"), "{body}");
        }
    }
    // Another name's certificate is not what the client gets.
    assert!(over(&lab, "shop.example", &wild_root).await.is_err());
    for unknown in ["example.org", "127.0.0.1"] {
        let refused = over(&lab, unknown, &shop_root).await.unwrap_err();
        assert!(refused.to_string().contains("alert"), "{refused}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart() {
    let mut lab = Lab::new().await;
    lab.service("mirror", vec![route("", "/")], &[mirror().await]);
    let (old, old_root) = certificate("shop.example");
    lab.set_certificate("shop.example", old);
    let open = over(&lab, "shop.example", &old_root).await.unwrap();
    let (new, new_root) = certificate("shop.example");
    lab.set_certificate("shop.example", new);
    assert!(over(&lab, "shop.example", &old_root).await.is_err());
    let fresh = over(&lab, "shop.example", &new_root).await.unwrap();
    for stream in [open, fresh] {
        assert_eq!(parse(&get(stream, "shop.example").await).0, 200);
    }
}

#[tokio::test]
async fn http2_is_agreed_upon() {
    let mut lab = Lab::new().await;
    let hsts = Some(Nanoseconds::from_secs(3600));
    let route = HttpRoute { hsts, ..route("shop.example", "/") };
    lab.service("mirror", vec![route], &[mirror().await]);
    let (shop, root) = certificate("shop.example");
    lab.set_certificate("shop.example", shop);
    let offered: &[&[u8]] = &[b"http/1.1", b"h2"];
    let stream = connect(&lab, "shop.example", &root, (rustls::ALL_VERSIONS, offered)).await;
    let stream = stream.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://shop.example/").body(Full::<Bytes>::default()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=3600");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("host: shop.example\n"));
    let plain = lab.raw("GET / HTTP/1.1\r\nHost: shop.example\r\n{close}\r\n").await;
    assert!(plain.starts_with("HTTP/1.1 200 "), "{plain}");
    assert!(!plain.contains("strict-transport-security"), "{plain}");
}

#[tokio::test]
async fn who_comes_without_tls_is_sent_to_it() {
    let mut lab = Lab::new().await;
    let route = HttpRoute { https_only: true, ..route("shop.example", "/") };
    lab.service("mirror", vec![route], &[mirror().await]);
    let (shop, root) = certificate("shop.example");
    lab.set_certificate("shop.example", shop);
    let answer = lab.raw("POST /a?b HTTP/1.1\r\nHost: shop.example\r\n{close}\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    let location = format!("\r\nlocation: https://shop.example:{}/a?b\r\n", lab.tls.port());
    assert!(answer.contains(&location), "{answer}");
    assert_eq!(lab.dialled(0, 1), 0);
    let stream = over(&lab, "shop.example", &root).await.unwrap();
    assert_eq!(parse(&get(stream, "shop.example").await).0, 200);
}
