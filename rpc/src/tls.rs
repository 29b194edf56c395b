//! The TLS settings of both sides, and what a certificate says about its holder. Never opens a connection.
//!
//! TLS 1.3 only. A caller always checks that it talks to [`MANAGER_SERVER_NAME`] of its own cluster, whatever address it dialled.

use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::identity::MANAGER_SERVER_NAME;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::identity::role_unit;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use x509_parser::prelude::ASN1Time;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;
use x509_parser::x509::AttributeTypeAndValue;

/// The protocol that both sides negotiate (RFC 9113).
const ALPN_H2: &[u8] = b"h2";

/// A certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A text that is not PEM of the right kind.
    #[error("cannot read {what}")]
    Pem {
        /// Which text.
        what: &'static str,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate of an authority that is none.
    #[error("cannot use the certificate authority")]
    Authority(#[source] rustls::Error),
    /// A root that cannot verify clients.
    #[error("cannot verify clients")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// A certificate and key that do not fit, or a protocol version that is not there.
    #[error("cannot use the certificate")]
    Config(#[from] rustls::Error),
}

/// The certificate does not say who its holder is.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Not a certificate.
    #[error("cannot read the certificate")]
    Certificate(#[from] x509_parser::asn1_rs::Err<x509_parser::error::X509Error>),
    /// A part of the subject is missing or not what it should be.
    #[error("the certificate has no valid {0}")]
    Subject(&'static str),
}

/// The settings of a caller that presents `identity`.
///
/// # Errors
///
/// When a part of `identity` is not valid.
pub fn client_config(identity: &Identity) -> Result<ClientConfig, TlsError> {
    let builder = client_builder()?.with_root_certificates(roots(&identity.root_ca)?);
    let (chain, key) = certificate_and_key(identity)?;
    Ok(with_h2(builder.with_client_auth_cert(chain, key)?))
}

/// The settings of a caller of a server that is no node, with TLS 1.2 or 1.3: `trust`, PEM, vouches for that, and it is shown the certificate of
/// `identity`, if there is one, and it wants to see it.
///
/// # Errors
///
/// When `trust` or a part of `identity` is not valid.
pub fn visiting_config(identity: Option<&Identity>, trust: &str) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots(trust)?);
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let (chain, key) = certificate_and_key(identity)?;
    Ok(builder.with_client_auth_cert(chain, key)?)
}

/// The settings of a caller that has no certificate yet but knows the authority.
///
/// # Errors
///
/// When `root_ca` is not the PEM of an authority.
pub fn joining_config(root_ca: &str) -> Result<ClientConfig, TlsError> {
    Ok(with_h2(client_builder()?.with_root_certificates(roots(root_ca)?).with_no_client_auth()))
}

/// The settings of a caller that trusts nobody yet: it takes any certificate. Only for fetching the certificate of the authority,
/// which is then checked against the digest in the join token.
///
/// # Errors
///
/// When the crypto provider has no TLS 1.3.
pub fn unverified_config() -> Result<ClientConfig, TlsError> {
    let verifier = Arc::new(AnyServer(provider()));
    let builder = client_builder()?.dangerous().with_custom_certificate_verifier(verifier);
    Ok(with_h2(builder.with_no_client_auth()))
}

/// The settings of a listener with `identity`. A client certificate is optional, as those who join have none, but one that is shown has to be valid.
///
/// # Errors
///
/// When a part of `identity` is not valid.
pub fn server_config(identity: &Identity) -> Result<ServerConfig, TlsError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots(&identity.root_ca)?),
        provider(),
    )
    .allow_unauthenticated()
    .build()?;
    let (chain, key) = certificate_and_key(identity)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    Ok(config)
}

/// Checks that `chain`, PEM, the certificate of a node first, is one that others take `now` who trust `root_ca`, PEM.
///
/// # Errors
///
/// When it is not.
pub fn verify(chain: &str, root_ca: &str, now: Timestamp) -> Result<(), TlsError> {
    let chain = certificates(chain, "the certificate")?;
    let (first, rest) = chain.split_first().ok_or(rustls::Error::NoCertificatesPresented)?;
    let roots = Arc::new(roots(root_ca)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build()?;
    let now = UnixTime::since_unix_epoch(now.since(Timestamp::EPOCH));
    verifier.verify_client_cert(first, rest, now)?;
    Ok(())
}

/// Who the holder of a certificate is. The certificate has to be verified already.
///
/// # Errors
///
/// When the subject does not name a node, a cluster and a role.
pub fn peer_of(certificate: &[u8]) -> Result<Peer, PeerError> {
    let (_, certificate) = X509Certificate::from_der(certificate)?;
    let subject = certificate.subject();
    Ok(Peer {
        node_id: only(subject.iter_common_name())
            .and_then(|text| text.parse().ok())
            .ok_or(PeerError::Subject("common name"))?,
        cluster_id: only(subject.iter_organization())
            .and_then(|text| text.parse().ok())
            .ok_or(PeerError::Subject("organization"))?,
        role: only(subject.iter_organizational_unit())
            .and_then(role_of_unit)
            .ok_or(PeerError::Subject("organizational unit"))?,
    })
}

/// The same for a certificate in PEM.
///
/// # Errors
///
/// When `pem` is not a certificate, or its subject does not name a node, a cluster and a role.
pub fn peer_of_pem(pem: &str) -> Result<Peer, PeerError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_unreadable| PeerError::Subject("PEM form"))?;
    peer_of(&der)
}

/// From when to when a certificate is valid.
///
/// # Errors
///
/// When `pem` is not a certificate.
pub fn validity_of_pem(pem: &str) -> Result<(Timestamp, Timestamp), PeerError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_unreadable| PeerError::Subject("PEM form"))?;
    let (_, certificate) = X509Certificate::from_der(&der)?;
    let moment = |time: ASN1Time| {
        Timestamp::EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
    };
    let validity = certificate.validity();
    Ok((moment(validity.not_before), moment(validity.not_after)))
}

/// What a node tells others about the authority that it trusts: its certificate, and its subject and public key in DER.
///
/// # Errors
///
/// When `root_ca` is not a certificate.
pub fn authority_of_pem(root_ca: &str) -> Result<(Vec<u8>, Vec<u8>), PeerError> {
    let der = CertificateDer::from_pem_slice(root_ca.as_bytes())
        .map_err(|_unreadable| PeerError::Subject("PEM form"))?;
    authority_of(&der)
}

fn authority_of(der: &CertificateDer<'_>) -> Result<(Vec<u8>, Vec<u8>), PeerError> {
    let (_, certificate) = X509Certificate::from_der(der)?;
    Ok((certificate.subject().as_raw().to_vec(), certificate.public_key().raw.to_vec()))
}

/// What a node tells others about the authority that its certificate is from, as [`authority_of_pem`]: that which comes with its certificate,
/// or else the one that it trusts.
///
/// # Errors
///
/// When the certificate of the authority cannot be read.
pub fn issuer_of(identity: &Identity) -> Result<(Vec<u8>, Vec<u8>), PeerError> {
    let mut chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
    match chain.nth(1) {
        Some(Ok(issuer)) => authority_of(&issuer),
        Some(Err(_)) | None => authority_of_pem(&identity.root_ca),
    }
}

/// The name that every manager's certificate has.
pub(crate) static MANAGER: LazyLock<ServerName<'static>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "every call in every test reads this constant")]
    ServerName::try_from(MANAGER_SERVER_NAME).expect("a DNS name")
});

fn client_builder()
-> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
}

fn with_h2(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem, "the certificate of the authority")? {
        store.add(certificate).map_err(TlsError::Authority)?;
    }
    Ok(store)
}

fn certificates(pem: &str, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { what, source })
}

fn certificate_and_key(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(&identity.certificate, "the certificate of the node")?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())
        .map_err(|source| TlsError::Pem { what: "the key of the node", source })?;
    Ok((chain, key))
}

/// The one value of an attribute: a subject that names two nodes names none.
fn only<'a>(mut values: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<&'a str> {
    let value = values.next()?.as_str().ok()?;
    values.next().is_none().then_some(value)
}

fn role_of_unit(unit: &str) -> Option<NodeRole> {
    [NodeRole::Manager, NodeRole::Worker].into_iter().find(|role| role_unit(*role) == unit)
}

/// Takes every certificate, but still checks that the peer holds its key.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;
    use swarmlite_proto::testing::spoiled_text;

    use super::*;
    use crate::testing::TestCa;

    #[test]
    fn no_certificate_breaks_anything() {
        let ca = TestCa::new("c".repeat(25).parse().expect("an id"));
        let sound = ca.issue(&"n".repeat(25).parse().expect("an id"), NodeRole::Worker);
        let der = CertificateDer::from_pem_slice(sound.certificate.as_bytes()).expect("is PEM");
        for mut case in cases(500) {
            let mut damaged = der.to_vec();
            spoil_bytes(&mut case, &mut damaged);
            let _peer = peer_of(&damaged);
            let _authority = authority_of(&CertificateDer::from(damaged));
            let certificate = spoiled_text(&mut case, &sound.certificate);
            let _validity = validity_of_pem(&certificate);
            let root_ca = spoiled_text(&mut case, &sound.root_ca);
            let _config = joining_config(&root_ca);
            let key = spoiled_text(&mut case, &sound.key);
            for identity in [
                Identity { certificate, ..sound.clone() },
                Identity { root_ca, ..sound.clone() },
                Identity { key, ..sound.clone() },
            ] {
                let _issuer = issuer_of(&identity);
                let _config = server_config(&identity);
                let _config = client_config(&identity);
            }
        }
    }
}
