//! Requests as fast as they are answered, over some connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::own::ANSWER;
use crate::rivals::NAME;

/// Connections at a time.
const CONNECTIONS: usize = 32;

/// Whom clients trust.
pub(crate) type Root = CertificateDer<'static>;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One request after the other over connections that stay.
    KeepAlive,
    /// Each request over a connection of its own.
    New,
    /// As the first, with TLS.
    TlsKeepAlive,
    /// As the second, with TLS, of which nothing is resumed.
    TlsNew,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::KeepAlive, Self::New, Self::TlsKeepAlive, Self::TlsNew];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::KeepAlive => "HTTP, keep-alive",
            Self::New => "HTTP, new connections",
            Self::TlsKeepAlive => "TLS, keep-alive",
            Self::TlsNew => "TLS, new connections",
        }
    }

    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::TlsKeepAlive | Self::TlsNew)
    }
}

/// How long each request took, and what all of them cost the proxy.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    times: Vec<Duration>,
    pub(crate) used: Duration,
}

impl Measured {
    pub(crate) fn line(&mut self, time: Duration) -> String {
        self.times.sort_unstable();
        let count = self.times.len();
        let at = |part: usize| self.times.get(count * part / 100).copied().unwrap_or_default();
        let [median, most] = [at(50), at(99)].map(|time| time.as_micros());
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let (rate, used) = (count / time.as_secs_f64(), self.used.as_secs_f64() * 1e6 / count);
        format!("{rate:>12.0}{median:>12}{most:>12}{used:>14.1}")
    }
}

/// Who is asked, and how.
#[derive(Debug)]
pub(crate) struct Load<'a> {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) root: &'a Root,
}

impl Load<'_> {
    pub(crate) async fn run(&self, turn: Duration, measured: &mut Measured) {
        let until = Instant::now() + turn;
        let (kind, address, tls) = (self.kind, self.address, self.connector());
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let client = Client { address, tls: kind.is_tls().then(|| tls.clone()) };
            clients.spawn(async move {
                match kind {
                    Kind::KeepAlive | Kind::TlsKeepAlive => client.over_one(until).await,
                    Kind::New | Kind::TlsNew => client.over_new_ones(until).await,
                }
            });
        }
        for times in clients.join_all().await {
            measured.times.extend(times);
        }
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a root");
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        TlsConnector::from(Arc::new(config))
    }
}

/// Bytes both ways.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

struct Client {
    address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Client {
    async fn connect(&self) -> Box<dyn Duplex> {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let Some(tls) = &self.tls else { return Box::new(stream) };
        let name = ServerName::try_from(NAME).expect("a name");
        Box::new(tls.connect(name, stream).await.expect("TLS"))
    }

    async fn over_one(self, until: Instant) -> Vec<Duration> {
        let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
        let (mut stream, mut times) = (self.connect().await, Vec::new());
        while Instant::now() < until {
            let begun = Instant::now();
            stream.write_all(request.as_bytes()).await.expect("a request");
            answer(&mut stream).await;
            times.push(begun.elapsed());
        }
        times
    }

    async fn over_new_ones(self, until: Instant) -> Vec<Duration> {
        let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
        let mut times = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            let mut stream = self.connect().await;
            stream.write_all(request.as_bytes()).await.expect("a request");
            answer(&mut stream).await;
            times.push(begun.elapsed());
        }
        times
    }
}

/// Reads one answer, whose length is known.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = [0; 4096];
    let (mut read, mut whole) = (0, None);
    while whole.is_none_or(|whole| read < whole) {
        let count = stream.read(&mut buffer[read..]).await.expect("an answer");
        assert!(count > 0, "the connection ended");
        read += count;
        let end = buffer[..read].windows(4).position(|bytes| bytes == b"\r\n\r\n");
        whole = whole.or(end.map(|end| end + 4 + ANSWER.len()));
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..read]));
}
