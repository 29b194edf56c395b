//! The authority itself: one key, and a certificate that every node trusts.

use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertificateSigningRequestParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::time::Timestamp;

use super::CaError;
use super::Subject;
use super::Validity;
use super::issue;

/// The common name of every cluster's authority (swarmkit `ca/certificates.go`).
const COMMON_NAME: &str = "swarm-ca";

/// How long the authority is valid: 20 years (swarmkit `ca/certificates.go`, `RootCAExpiration`).
const ROOT_VALIDITY: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

/// An authority that is ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority. Its key is ECDSA on P-256 and comes from the operating system's randomness, not from `rng`,
    /// which gives the serial number.
    ///
    /// # Errors
    ///
    /// When there is no randomness to be had.
    pub fn create(rng: &mut impl CryptoRng, now: Timestamp) -> Result<RootCa, CaError> {
        let key = KeyPair::generate().map_err(CaError::Key)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, COMMON_NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(issue::serial_number(rng));
        Validity::starting(now, ROOT_VALIDITY).write_to(&mut params);
        let certificate = params.self_signed(&key).map_err(CaError::Sign)?;
        Ok(RootCa { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// The authority as the cluster keeps it, ready to sign.
    ///
    /// # Errors
    ///
    /// When certificate or key cannot be read.
    pub fn load(root: &RootCa) -> Result<Self, CaError> {
        let key = KeyPair::from_pem(&root.key).map_err(CaError::Authority)?;
        let issuer =
            Issuer::from_ca_cert_pem(&root.certificate, key).map_err(CaError::Authority)?;
        Ok(Self { issuer })
    }

    /// Signs a certificate for `subject`, PEM. Of the request `csr`, PEM, only the public key is used: what else it asks for has
    /// no say.
    ///
    /// # Errors
    ///
    /// [`CaError::Request`] when `csr` is not a request signed with its own key.
    pub fn sign(
        &self,
        csr: &str,
        subject: &Subject<'_>,
        validity: Validity,
        rng: &mut impl CryptoRng,
    ) -> Result<String, CaError> {
        let mut request =
            CertificateSigningRequestParams::from_pem(csr).map_err(CaError::Request)?;
        request.params = subject.params(validity, issue::serial_number(rng))?;
        Ok(request.signed_by(&self.issuer).map_err(CaError::Sign)?.pem())
    }
}
