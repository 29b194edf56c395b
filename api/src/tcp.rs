//! The TCP address that the API is served on: to holders of a certificate, or to this machine alone.
//!
//! Whoever reaches the API is as good as root on the node, so there is nothing between these two, as with `dockerd --tlsverify`.

mod certificates;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use axum::serve::Listener;
use rustls::pki_types::pem;
use rustls::server::VerifierBuilderError;
use swarmlite_proto::error::chain;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::certificates::Certificates;
use crate::caller::Caller;

/// How long a client may take to say who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections that have been accepted and not yet been taken up, at most.
const BACKLOG: usize = 64;

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
    let certificates = match guard {
        Guard::Certificates(files) => Some(Certificates::read(files.clone()).await?),
        Guard::Loopback if address.ip().is_loopback() => None,
        Guard::Loopback => return Err(TcpError::Open(address)),
    };
    let failed = |source| TcpError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(ApiListener(match certificates {
        Some(certificates) => Kind::Tls(TlsListener::start(listener, address, certificates)),
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
        let service = router.into_make_service_with_connect_info::<Caller>();
        match self.0 {
            Kind::Plain(listener) => axum::serve(listener, service).await,
            Kind::Tls(listener) => axum::serve(listener, service).await,
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
    fn start(listener: TcpListener, address: SocketAddr, certificates: Certificates) -> Self {
        let (sender, greeted) = mpsc::channel(BACKLOG);
        let mut greeting = JoinSet::new();
        greeting.spawn(greet_all(listener, certificates, sender));
        Self { address, greeted, _greeting: greeting }
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        let (_, session) = stream.io().get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        Self::certified(shown, *stream.remote_addr())
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
    mut certificates: Certificates,
    greeted: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let mut greetings = JoinSet::new();
    loop {
        tokio::select! {
            // Both are cancel-safe. This one logs what goes wrong and goes on.
            (stream, peer) = Listener::accept(&mut listener) => {
                let acceptor = TlsAcceptor::from(certificates.current().await);
                let greeted = greeted.clone();
                greetings.spawn(async move {
                    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        // With the listener gone there is nobody left to take it.
                        Ok(Ok(stream)) => drop(greeted.send((stream, peer)).await),
                        Ok(Err(error)) => tracing::warn!(%peer, error = chain(&error), "refused a client of the API"),
                        Err(_late) => tracing::warn!(%peer, "a client of the API does not say who it is"),
                    }
                });
            }
            Some(_greeted) = greetings.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests;
