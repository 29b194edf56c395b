//! Certificates that hosts are served with. Never says whether a client should trust one: an expired one is still served.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;

use crate::host;

/// A PEM cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is no PEM.
    #[error("cannot read the certificates as PEM: {0}")]
    Pem(rustls::pki_types::pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in the PEM")]
    NoCertificate,
    /// There is no private key in it.
    #[error(
        "there is no private key in the PEM that can be read, as PKCS #8, PKCS #1 or SEC1 without a passphrase"
    )]
    NoKey,
    /// There are several, of which only one can be meant.
    #[error("there are several private keys in the PEM")]
    SeveralKeys,
    /// The private key is not the one of the first certificate.
    #[error("the private key in the PEM is not the one of the first certificate")]
    WrongKey,
    /// The first certificate or the key is not what it says it is, or of a kind that nobody can use.
    #[error("cannot use the certificate and its key: {0}")]
    Unusable(rustls::Error),
}

/// A chain of certificates with its private key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<CertifiedKey>);

impl Certificate {
    /// Reads a chain, the host's own certificate first, and the private key, one after the other in either order.
    ///
    /// # Errors
    ///
    /// When something is missing, cannot be read, or the key does not fit the certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(CertificateError::Pem)?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        let mut keys = PrivateKeyDer::pem_slice_iter(pem).flatten();
        let key = keys.next().ok_or(CertificateError::NoKey)?;
        if keys.next().is_some() {
            return Err(CertificateError::SeveralKeys);
        }
        match CertifiedKey::from_der(chain, key, &default_provider()) {
            Ok(certified) => Ok(Self(Arc::new(certified))),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(CertificateError::WrongKey)
            }
            Err(error) => Err(CertificateError::Unusable(error)),
        }
    }

    pub(crate) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

/// The certificates by the hosts that are served with them, written as in rules.
#[derive(Debug, Default)]
pub(crate) struct Certificates(HashMap<String, Certificate>);

impl Certificates {
    pub(crate) fn new(certificates: BTreeMap<String, Certificate>) -> Self {
        Self(certificates.into_iter().collect())
    }

    /// The certificate for a name that a client asks for (RFC 6066, 3): its own, that of the longest wildcard, or that of every host.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<&Certificate> {
        host::most_exact(&self.0, name)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::CertifiedKey as Generated;
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoiled_text;

    use super::*;
    use crate::client_ca::ClientCa;

    fn generated(name: &str) -> (String, String) {
        let Generated { cert, signing_key } =
            rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn what_cannot_be_served_with_is_refused_with_a_reason() {
        let (certificate, key) = generated("a.example");
        let (other, other_key) = generated("b.example");
        let read = |pem: String| Certificate::from_pem(pem.as_bytes());
        assert!(read(format!("{certificate}{key}")).is_ok());
        assert!(read(format!("{key}{certificate}{other}")).is_ok());
        let broken = certificate.replace("MII", "M*I");
        for (pem, why) in [
            (String::new(), "there is no certificate"),
            (key.clone(), "there is no certificate"),
            (certificate.clone(), "there is no private key"),
            (format!("{certificate}{other_key}"), "not the one of the first certificate"),
            (format!("{other}{certificate}{key}"), "not the one of the first certificate"),
            (format!("{certificate}{key}{other_key}"), "several private keys"),
            (format!("{broken}{key}"), "cannot read the certificates"),
        ] {
            let error = read(pem).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        }
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = read(format!("{junk}{key}")).expect_err("no certificate").to_string();
        assert!(error.contains("cannot use the certificate"), "{error}");
    }

    #[test]
    fn the_most_exact_name_decides() {
        let certificate = |name: &str| {
            let (certificate, key) = generated(name);
            Certificate::from_pem(format!("{certificate}{key}").as_bytes()).expect("a pair")
        };
        let names = ["a.example", "*.example", "*.b.example"];
        let all: BTreeMap<_, _> =
            names.map(|name| (name.to_owned(), certificate("x.example"))).into();
        let chosen = |all: &BTreeMap<String, Certificate>, asked: Option<&str>| {
            let certificates = Certificates::new(all.clone());
            let found = certificates.find(asked)?.key();
            all.iter()
                .find(|(_, one)| Arc::ptr_eq(&one.key(), &found))
                .map(|(name, _)| name.clone())
        };
        for (asked, expected) in [
            ("A.example", Some("a.example")),
            ("b.example", Some("*.example")),
            ("x.b.example", Some("*.b.example")),
            ("x.y.b.example", Some("*.b.example")),
            ("example", None),
            ("a.example.org", None),
        ] {
            assert_eq!(chosen(&all, Some(asked)).as_deref(), expected, "{asked}");
        }
        assert_eq!(chosen(&all, None), None);
        let mut all = all;
        all.insert(String::new(), certificate("x.example"));
        assert_eq!(chosen(&all, None).as_deref(), Some(""));
        assert_eq!(chosen(&all, Some("a.example.org")).as_deref(), Some(""));
    }

    #[test]
    fn no_pem_breaks_anything() {
        let (certificate, key) = generated("a.example");
        let sound = format!("{certificate}{key}");
        for mut case in cases(300) {
            let pem = spoiled_text(&mut case, &sound);
            let _certificate = Certificate::from_pem(pem.as_bytes());
            let _ca = ClientCa::from_pem(pem.as_bytes());
        }
    }
}
