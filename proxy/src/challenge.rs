//! What an ACME server asks to see whether a host is ours, and what it is answered: over HTTP (RFC 8555, 8.3) and over TLS (RFC 8737). Never says
//! what is ordered, nor when the server may ask.

use std::collections::HashMap;
use std::sync::Arc;

use rcgen::CertificateParams;
use rcgen::CustomExtension;
use rcgen::KeyPair;
use ring::digest::SHA256;
use ring::digest::digest;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use crate::host;

/// What is spoken over TLS by a server that asks for a certificate (RFC 8737, 6.2).
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// Where a server asks over HTTP, in front of the token.
const PATH: &str = "/.well-known/acme-challenge/";

/// What may be asked for about a host, and the answer to it: the key authorization (RFC 8555, 8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The host, written as in rules.
    pub host: String,
    /// What is asked for.
    pub token: String,
    /// What is answered.
    pub answer: String,
}

/// All that may be asked for at present, by the hosts.
#[derive(Debug, Default)]
pub(crate) struct Challenges(HashMap<String, Challenge>);

impl Challenges {
    pub(crate) fn new(challenges: Vec<Challenge>) -> Self {
        Self(challenges.into_iter().map(|it| (it.host.clone(), it)).collect())
    }

    /// The answer to a request without TLS. What nobody has to answer may be for a service that has certificates of its own.
    pub(crate) fn answer(&self, host: &str, path: &str) -> Option<&str> {
        let token = path.strip_prefix(PATH)?;
        let challenge = self.0.get(host).filter(|it| it.token == token)?;
        Some(&challenge.answer)
    }

    /// The certificate to answer with over TLS: signed by itself, with the digest of the answer in it (RFC 8737, 3). A new one each time, as it is
    /// asked for a few times only.
    pub(crate) fn certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let challenge = self.0.get(&host::host(name?)?)?;
        match certified(challenge) {
            Ok(certified) => Some(Arc::new(certified)),
            Err(error) => {
                tracing::warn!(host = challenge.host, %error, "cannot answer an ACME server over TLS");
                None
            }
        }
    }
}

fn certified(challenge: &Challenge) -> Result<CertifiedKey, Box<dyn std::error::Error>> {
    let digest = digest(&SHA256, challenge.answer.as_bytes());
    let mut params = CertificateParams::new([challenge.host.clone()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
    let key = KeyPair::generate()?;
    let chain = vec![params.self_signed(&key)?.der().clone()];
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    // Not checked against the certificate: rustls reads none with a critical extension that it does not know, as this has to have.
    Ok(CertifiedKey::new(chain, default_provider().key_provider.load_private_key(key)?))
}
