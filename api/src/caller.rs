//! Who is at the other end of a connection, as far as the connection says.

use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::net::UnixListener;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;

/// Who has sent a request. The default is nobody that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Caller {
    /// The user, on the socket (unix(7), `SO_PEERCRED`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<u32>,
    /// The process of that user, when it connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<i32>,
    /// The subject of the certificate that was shown (RFC 4514).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    /// The address, over TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<SocketAddr>,
}

impl Caller {
    /// Who has shown `certificate`, if anything was shown, and comes from `address`.
    pub(crate) fn certified(certificate: Option<&CertificateDer<'_>>, address: SocketAddr) -> Self {
        let certificate = certificate.and_then(subject);
        Self { certificate, address: Some(address), ..Self::default() }
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        // Whoever has closed the connection by now has no credentials, and gets no answer either.
        let peer = stream.io().peer_cred().ok();
        let uid = peer.map(|peer| peer.uid());
        Self { uid, pid: peer.and_then(|peer| peer.pid()), ..Self::default() }
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { address: Some(*stream.remote_addr()), ..Self::default() }
    }
}

fn subject(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.subject().to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::CertificateParams;
    use rcgen::DnType;
    use rcgen::KeyPair;

    use super::*;

    #[test]
    fn a_certificate_is_known_by_its_subject() {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "ops");
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let subject = subject(certificate.der()).expect("has one");
        assert!(subject.contains("CN=ops") && subject.contains("O=Example"), "{subject}");
        assert_eq!(super::subject(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
