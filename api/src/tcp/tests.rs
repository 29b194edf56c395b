use std::path::Path;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use super::*;

#[tokio::test]
async fn without_certificates_only_this_machine_is_served() {
    let open = "0.0.0.0:0".parse().expect("an address");
    let refused = bind_tcp(open, &Guard::Loopback).await.expect_err("refused");
    assert!(matches!(refused, TcpError::Open(_)), "{refused}");
    let own = "127.0.0.1:0".parse().expect("an address");
    let listener = bind_tcp(own, &Guard::Loopback).await.expect("listens");
    assert_ne!(listener.local_addr().expect("an address").port(), 0);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str| directory.path().join(name);
    std::fs::write(file("empty.pem"), "").expect("written");
    let address = "127.0.0.1:0".parse().expect("an address");
    for (name, message) in [("none.pem", "cannot read"), ("empty.pem", "cannot use")] {
        let files = TlsFiles { ca: file(name), certificate: file(name), key: file(name) };
        let refused = bind_tcp(address, &Guard::Certificates(files)).await;
        let refused = refused.expect_err("refused").to_string();
        assert_eq!(refused, format!("{message} {}", file(name).display()));
    }
}

/// An authority, with a certificate for the daemon and one for a client.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("signs").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate for this machine, and its key.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signs");
        (certificate.pem(), key.serialize_pem())
    }

    /// Has the daemon use this authority, with a certificate of it.
    fn write(&self, files: &TlsFiles) {
        let (certificate, key) = self.issue();
        replace(&files.ca, &self.certificate);
        replace(&files.certificate, &certificate);
        replace(&files.key, &key);
    }

    /// A client that trusts this authority and shows a certificate of it.
    fn client(&self) -> ClientConfig {
        let (certificate, key) = self.issue();
        let read =
            |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(read(&self.certificate)).expect("an authority");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![read(&certificate)], key)
            .expect("a client")
    }

    /// What a client of this authority is answered at `address`.
    async fn ask(&self, address: SocketAddr) -> io::Result<String> {
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TcpStream::connect(address).await?;
        let mut stream = TlsConnector::from(Arc::new(self.client())).connect(name, stream).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

/// As whoever renews certificates replaces a file.
fn replace(path: &Path, text: &str) {
    let next = path.with_extension("next");
    std::fs::write(&next, text).expect("written");
    std::fs::rename(&next, path).expect("renamed");
}

#[tokio::test]
async fn certificates_are_read_again_when_their_files_change() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str| directory.path().join(name);
    let files = TlsFiles { ca: file("ca"), certificate: file("cert"), key: file("key") };
    let (old, new) = (Authority::new(), Authority::new());
    old.write(&files);
    let address = "127.0.0.1:0".parse().expect("an address");
    let listener = bind_tcp(address, &Guard::Certificates(files.clone())).await.expect("listens");
    let address = listener.local_addr().expect("an address");
    let who = async |ConnectInfo(caller): ConnectInfo<Caller>| {
        format!("served: {:?}", caller.certificate)
    };
    let router = Router::new().route("/", axum::routing::get(who));
    let mut serving = JoinSet::new();
    serving.spawn(listener.serve(router));
    let is_served = async |authority: &Authority| {
        // The name that rcgen gives to whoever has none.
        let answer = format!("served: {:?}", Some("CN=rcgen self signed cert"));
        authority.ask(address).await.is_ok_and(|given| given.ends_with(&answer))
    };
    assert!(is_served(&old).await && !is_served(&new).await, "before");
    // A certificate whose key is not there yet.
    replace(&files.certificate, &old.issue().0);
    assert!(is_served(&old).await, "what cannot be used replaces nothing");
    std::fs::remove_file(&files.ca).expect("removed");
    assert!(is_served(&old).await, "what is not there replaces nothing");
    new.write(&files);
    assert!(is_served(&new).await && !is_served(&old).await, "after");
}
