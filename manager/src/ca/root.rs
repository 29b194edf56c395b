//! The authority itself: one key, and a certificate that every node trusts.

use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertificateSigningRequestParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::DnValue;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::PublicKeyData;
use rcgen::SubjectPublicKeyInfo;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::tls;
use x509_parser::asn1_rs::Tag;
use x509_parser::pem::parse_x509_pem;
use x509_parser::x509::AttributeTypeAndValue;

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
        let mut name = DistinguishedName::new();
        // As what an external authority makes of a name when it vouches for this one.
        let text = COMMON_NAME.try_into().map_err(CaError::Key)?;
        name.push(DnType::CommonName, DnValue::PrintableString(text));
        let mut params = authority_params(name, rng);
        Validity::starting(now, ROOT_VALIDITY).write_to(&mut params);
        let certificate = params.self_signed(&key).map_err(CaError::Sign)?;
        Ok(RootCa { certificate: certificate.pem(), key: key.serialize_pem(), cross_signed: None })
    }

    /// The authority as the cluster keeps it, ready to sign.
    ///
    /// # Errors
    ///
    /// When certificate or key cannot be read.
    pub fn load(root: &RootCa) -> Result<Self, CaError> {
        let key = KeyPair::from_pem(&root.key).map_err(CaError::Authority)?;
        check_name(&root.certificate)?;
        let issuer =
            Issuer::from_ca_cert_pem(&root.certificate, key).map_err(CaError::Authority)?;
        Ok(Self { issuer })
    }

    /// Whether the key is that of the certificate of `root`.
    pub(super) fn holds_key_of(&self, root: &RootCa) -> Result<bool, CaError> {
        let key = self.issuer.key().subject_public_key_info();
        Ok(tls::authority_of_pem(&root.certificate).is_ok_and(|(_, certified)| certified == key))
    }

    /// A certificate for another authority, PEM: the same as its own but for the signature, which is of this one.
    ///
    /// # Errors
    ///
    /// When the certificate of `other` cannot be read, or its name has a form that cannot be repeated.
    pub(super) fn vouch_for(
        &self,
        other: &RootCa,
        rng: &mut impl CryptoRng,
    ) -> Result<String, CaError> {
        let (_, key) = tls::authority_of_pem(&other.certificate).map_err(|_| unreadable())?;
        let key = SubjectPublicKeyInfo::from_der(&key).map_err(CaError::Authority)?;
        let mut params = authority_params(name_of(&other.certificate)?, rng);
        let (from, to) = tls::validity_of_pem(&other.certificate).map_err(|_| unreadable())?;
        Validity::between(from, to).write_to(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).map_err(CaError::Sign)?;
        if stands_for(&certificate.pem(), other) {
            Ok(certificate.pem())
        } else {
            Err(unreadable())
        }
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

/// Whether `certificate`, PEM, can be followed in the place of that of `root`: by its name, byte for byte, and its key.
pub(super) fn stands_for(certificate: &str, root: &RootCa) -> bool {
    let wanted = tls::authority_of_pem(&root.certificate);
    matches!((tls::authority_of_pem(certificate), wanted), (Ok(one), Ok(other)) if one == other)
}

/// What every authority is.
fn authority_params(name: DistinguishedName, rng: &mut impl CryptoRng) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(issue::serial_number(rng));
    params
}

/// The name of the authority with this certificate, PEM.
pub(super) fn name_of(certificate: &str) -> Result<DistinguishedName, CaError> {
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).map_err(|_| unreadable())?;
    let certificate = pem.parse_x509().map_err(|_| unreadable())?;
    let mut name = DistinguishedName::new();
    for attribute in certificate.subject().iter_attributes() {
        let kind = kind_of(attribute)?;
        let text = attribute.as_str().map_err(|_| unreadable())?;
        let value = match attribute.attr_value().tag() {
            Tag::PrintableString => {
                DnValue::PrintableString(text.try_into().map_err(CaError::Authority)?)
            }
            _ => DnValue::Utf8String(text.to_owned()),
        };
        name.push(DnType::from_oid(&kind), value);
    }
    Ok(name)
}

/// Refuses a certificate, PEM, whose name the library that signs cannot read or write: it would panic.
fn check_name(certificate: &str) -> Result<(), CaError> {
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).map_err(|_| unreadable())?;
    let certificate = pem.parse_x509().map_err(|_| unreadable())?;
    certificate.subject().iter_attributes().try_for_each(|attribute| kind_of(attribute).map(drop))
}

/// What an attribute of a name is.
fn kind_of(attribute: &AttributeTypeAndValue<'_>) -> Result<Vec<u64>, CaError> {
    let oid = attribute.attr_type();
    // Not even the first of no numbers can be asked for.
    let numbers = if oid.as_bytes().is_empty() { None } else { oid.iter() };
    let kind: Vec<u64> = numbers.map(Iterator::collect).unwrap_or_default();
    if can_be_written(&kind) { Ok(kind) } else { Err(unreadable()) }
}

/// Whether `kind` is an object identifier (X.660, 7.6). The library that writes it takes no other, and panics.
fn can_be_written(kind: &[u64]) -> bool {
    match kind {
        [0 | 1, second, ..] => *second < 40,
        [2, second, ..] => *second <= u64::MAX - 80,
        _ => false,
    }
}

fn unreadable() -> CaError {
    CaError::Authority(rcgen::Error::CouldNotParseCertificate)
}
