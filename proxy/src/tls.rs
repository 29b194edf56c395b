//! TLS towards clients: which certificate a connection is served with. The table decides, each time anew.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::Ticketer;
use rustls::crypto::ring::default_provider;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::challenge;
use crate::table::Table;

/// What is spoken over TLS (RFC 7301), the most wanted first. The last is for ACME servers, which offer nothing else.
const PROTOCOLS: [&[u8]; 3] = [b"h2", b"http/1.1", challenge::PROTOCOL];

/// Takes connections with TLS 1.2 and 1.3, with the certificates of the newest table. Refused is who asks for a name without a certificate.
///
/// # Errors
///
/// When the crypto provider lacks something.
pub(crate) fn acceptor(table: watch::Receiver<Arc<Table>>) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Newest(table)));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    config.ticketer = Ticketer::new()?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[derive(Debug)]
struct Newest(watch::Receiver<Arc<Table>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = Arc::clone(&self.0.borrow());
        let mut offered = hello.alpn().into_iter().flatten();
        if offered.next() == Some(challenge::PROTOCOL) && offered.next().is_none() {
            return table.challenges().certificate(hello.server_name());
        }
        table.certificate(hello.server_name()).map(|certificate| certificate.key())
    }
}
