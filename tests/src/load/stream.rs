//! What requests of a client go over: TCP, or TLS on top of it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes both ways.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection of either kind.
pub(super) type Stream = Box<dyn Duplex>;

/// Connects to `target`, and speaks TLS with whoever has the name `host` there, if that is asked for.
pub(super) async fn connect(
    target: SocketAddr,
    host: String,
    tls: Option<&Arc<ClientConfig>>,
) -> anyhow::Result<Stream> {
    let stream = TcpStream::connect(target).await.context("connect")?;
    stream.set_nodelay(true)?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(host)?;
    let stream =
        TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.context("TLS handshake")?;
    Ok(Box::new(stream))
}

/// TLS with servers that have `root` or a certificate signed by it, to speak `protocol` (RFC 7301). What was agreed on once is resumed, as browsers do.
pub(super) fn config(
    root: &CertificateDer<'static>,
    protocol: &str,
) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone())?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    Ok(Arc::new(config))
}
