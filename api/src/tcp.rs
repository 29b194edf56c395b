//! The TCP address that the API is served on: to holders of a certificate, or to this machine alone.
//!
//! Whoever reaches the API is as good as root on the node, so there is nothing between these two, as with `dockerd --tlsverify`.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use rustls::server::VerifierBuilderError;
use rustls::server::WebPkiClientVerifier;
use tokio::fs;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to say who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections that have been accepted and not yet been taken up, at most.
const BACKLOG: usize = 64;

/// What upgraded connections need. Clients that are asked offer this as well as HTTP/2.
const ALPN: &[u8] = b"http/1.1";

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Holders of a certificate.
    Certificates(TlsFiles),
    /// Everybody on this machine. Only on a loopback address.
    Loopback,
}

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that has signed the certificates of clients.
    pub ca: PathBuf,
    /// The certificate that is shown to clients, with those between it and an authority that they know.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why the API is not served over TCP.
#[derive(Debug, thiserror::Error)]
pub enum TcpError {
    /// The address can be reached from elsewhere, and nobody would be asked who they are.
    #[error("without certificates the API is served on loopback addresses only, and {0} is none")]
    Open(SocketAddr),
    /// The address cannot be used.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file has not in it what it should.
    #[error("cannot use {}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: pem::Error,
    },
    /// The authority is none, or can verify nobody.
    #[error("cannot verify clients")]
    Verifier(#[from] VerifierBuilderError),
    /// Certificate and key do not fit, or the authority is none.
    #[error("cannot use the certificates")]
    Config(#[from] rustls::Error),
}

/// Where the API is served over TCP.
#[derive(Debug)]
pub struct ApiListener(Kind);

#[derive(Debug)]
enum Kind {
    Plain(TcpListener),
    Tls(TlsListener),
}

/// Listens on an address.
///
/// # Errors
///
/// See [`TcpError`].
pub async fn bind_tcp(address: SocketAddr, guard: &Guard) -> Result<ApiListener, TcpError> {
    let config = match guard {
        Guard::Certificates(files) => Some(server_config(files).await?),
        Guard::Loopback if address.ip().is_loopback() => None,
        Guard::Loopback => return Err(TcpError::Open(address)),
    };
    let failed = |source| TcpError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(ApiListener(match config {
        Some(config) => Kind::Tls(TlsListener::start(listener, address, config)),
        None => Kind::Plain(listener),
    }))
}

impl ApiListener {
    /// The address, the port chosen by the system if none was asked for.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Plain(listener) => listener.local_addr(),
            Kind::Tls(listener) => Ok(listener.address),
        }
    }

    /// Serves `router`, for as long as the returned future is polled.
    ///
    /// # Errors
    ///
    /// Never, as yet: failures of single connections concern only these.
    pub async fn serve(self, router: Router) -> io::Result<()> {
        match self.0 {
            Kind::Plain(listener) => axum::serve(listener, router).await,
            Kind::Tls(listener) => axum::serve(listener, router).await,
        }
    }
}

/// Connections whose clients have shown a certificate. Ends with the last of its connections' owners.
#[derive(Debug)]
struct TlsListener {
    address: SocketAddr,
    greeted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    /// Dropped with the listener, which ends what greets.
    _greeting: JoinSet<()>,
}

impl TlsListener {
    fn start(listener: TcpListener, address: SocketAddr, config: ServerConfig) -> Self {
        let (sender, greeted) = mpsc::channel(BACKLOG);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut greeting = JoinSet::new();
        greeting.spawn(greet_all(listener, acceptor, sender));
        Self { address, greeted, _greeting: greeting }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.greeted.recv().await {
            Some(connection) => connection,
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Takes connections and greets each on its own, so that one that says nothing keeps nobody else waiting.
async fn greet_all(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    greeted: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let mut greetings = JoinSet::new();
    loop {
        tokio::select! {
            // Both are cancel-safe. This one logs what goes wrong and goes on.
            (stream, peer) = Listener::accept(&mut listener) => {
                let (acceptor, greeted) = (acceptor.clone(), greeted.clone());
                greetings.spawn(async move {
                    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        // With the listener gone there is nobody left to take it.
                        Ok(Ok(stream)) => drop(greeted.send((stream, peer)).await),
                        Ok(Err(error)) => tracing::warn!(%peer, %error, "refused a client of the API"),
                        Err(_late) => tracing::warn!(%peer, "a client of the API does not say who it is"),
                    }
                });
            }
            Some(_greeted) = greetings.join_next() => {}
        }
    }
}

async fn server_config(files: &TlsFiles) -> Result<ServerConfig, TcpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca).await? {
        roots.add(certificate)?;
    }
    let roots = Arc::new(roots);
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
    let chain = certificates(&files.certificate).await?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key).await?);
    let key = key.map_err(|source| TcpError::Pem { path: files.key.clone(), source })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

async fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TcpError> {
    let text = read(path).await?;
    let refused = |source| TcpError::Pem { path: path.to_owned(), source };
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match certificates.map_err(refused)? {
        none if none.is_empty() => Err(refused(pem::Error::NoItemsFound)),
        certificates => Ok(certificates),
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, TcpError> {
    fs::read(path).await.map_err(|source| TcpError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
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
}
