//! TLS towards clients: which certificate a connection is served with, and which one the client has to show. The table decides, each time anew.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::Ticketer;
use rustls::crypto::ring::default_provider;
use rustls::server::ClientHello;
use rustls::server::NoServerSessionStorage;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::challenge;
use crate::client_ca::ClientCa;
use crate::client_ca::Shown;
use crate::client_ca::Wanted;
use crate::table::Table;

/// What is spoken over TLS (RFC 7301), the most wanted first. The last is for ACME servers, which offer nothing else.
const PROTOCOLS: [&[u8]; 3] = [b"h2", b"http/1.1", challenge::PROTOCOL];

/// Takes connections with TLS 1.2 and 1.3. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Acceptor {
    table: watch::Receiver<Arc<Table>>,
    /// For clients that have to show nothing.
    open: Arc<ServerConfig>,
}

impl Acceptor {
    /// Goes by the newest table.
    ///
    /// # Errors
    ///
    /// When the crypto provider lacks something.
    pub(crate) fn new(table: watch::Receiver<Arc<Table>>) -> Result<Self, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Newest(table.clone())));
        config.alpn_protocols = protocols();
        config.ticketer = Ticketer::new()?;
        Ok(Self { table, open: Arc::new(config) })
    }

    /// Takes one, and says what its client has shown. Refused is who asks for a name without a certificate, and who does not show one where it is asked for.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Shown>)> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let ca = {
            let hello = start.client_hello();
            let table = Arc::clone(&self.table.borrow());
            match table.client_cas().wanted(hello.server_name()) {
                // An ACME server shows nothing, and no request comes over its connections.
                _ if is_challenge(&hello) => None,
                Wanted::Nothing => None,
                Wanted::By(ca) => Some(ca.clone()),
                Wanted::Unknown => return Err(io::Error::other("the authorities are not known")),
            }
        };
        let Some(ca) = ca else {
            return Ok((start.into_stream(Arc::clone(&self.open)).await?, None));
        };
        let config = self.asking(&ca).map_err(io::Error::other)?;
        let stream = start.into_stream(Arc::new(config)).await?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let shown = certificate.and_then(|certificate| Shown::new(ca, certificate));
        Ok((stream, shown))
    }

    /// For clients that have to show a certificate. No session is resumed: one from before a change of the authorities, or whose certificate has expired
    /// since, would not be checked.
    fn asking(&self, ca: &ClientCa) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(ca.verifier())
            .with_cert_resolver(Arc::new(Newest(self.table.clone())));
        config.alpn_protocols = protocols();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

fn protocols() -> Vec<Vec<u8>> {
    PROTOCOLS.map(<[u8]>::to_vec).to_vec()
}

/// Whether an ACME server asks (RFC 8737, 3).
fn is_challenge(hello: &ClientHello<'_>) -> bool {
    let mut offered = hello.alpn().into_iter().flatten();
    offered.next() == Some(challenge::PROTOCOL) && offered.next().is_none()
}

#[derive(Debug)]
struct Newest(watch::Receiver<Arc<Table>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = Arc::clone(&self.0.borrow());
        if is_challenge(&hello) {
            return table.challenges().certificate(hello.server_name());
        }
        table.certificate(hello.server_name()).map(|certificate| certificate.key())
    }
}
