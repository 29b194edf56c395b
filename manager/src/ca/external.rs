//! Authorities outside of the cluster: which server signs for which, what it is asked, and whether what it has signed can be used
//! (swarmkit `ca/external.go`). Pure; who asks is an [`ExternalSigner`].

#[cfg(test)]
pub(super) mod fake;
#[cfg(test)]
mod tests;

use std::fmt;

use futures_util::future::BoxFuture;
use rcgen::CertificateParams;
use rcgen::CertificateSigningRequestParams;
use rcgen::DnType;
use rcgen::KeyPair;
use rcgen::PublicKeyData;
use serde::Serialize;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_proto::identity::role_unit;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::spec::ExternalCa;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::tls;

use super::CaError;
use super::Subject;
use super::root;

/// What a manager is also called in its certificate, by who asks it for one in Docker's swarms (swarmkit `ca/certificates.go`, `CARole`).
const CA_UNIT: &str = "swarm-ca";

/// The profile by which a server vouches for another authority (swarmkit `ca/external.go`, `ExternalCrossSignProfile`).
const CROSS_SIGN_PROFILE: &str = "CA";

/// Basic constraints (RFC 5280, 4.2.1.9) of an authority that signs no other ones, as every authority of a cluster: the DER in hexadecimal.
const BASIC_CONSTRAINTS: Extension =
    Extension { id: "2.5.29.19", critical: true, value: "30060101ff020100" };

/// Whoever asks servers outside of the cluster.
pub trait ExternalSigner: fmt::Debug + Send + Sync + 'static {
    /// Has `server`, for which the authority `trust`, PEM, vouches, sign what `request` asks for. The answer is PEM.
    ///
    /// # Errors
    ///
    /// In one sentence, when the server cannot be reached, or does not sign.
    fn sign<'a>(
        &'a self,
        server: &'a ExternalCa,
        trust: &'a str,
        request: &'a SignRequest,
    ) -> BoxFuture<'a, std::result::Result<String, String>>;
}

/// What a server is asked to sign (cfssl `signer/signer.go`, `SignRequest`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignRequest {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    certificate_request: String,
    subject: RequestedSubject,
    #[serde(skip_serializing_if = "str::is_empty")]
    profile: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<Extension>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct RequestedSubject {
    #[serde(rename = "CN")]
    common_name: String,
    names: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Name {
    #[serde(rename = "O")]
    organization: String,
    #[serde(rename = "OU")]
    unit: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Extension {
    id: &'static str,
    critical: bool,
    value: &'static str,
}

/// The servers among `known` that sign for `root` in `cluster`.
pub(super) fn servers<'a>(
    known: &'a [ExternalCa],
    root: &RootCa,
    cluster: &Cluster,
) -> impl Iterator<Item = &'a ExternalCa> {
    let is_trusted = root.certificate == cluster.root_ca.certificate;
    let wanted = root.certificate.trim().to_owned();
    known.iter().filter(move |server| match server.ca_cert.trim() {
        "" => is_trusted,
        certificate => certificate == wanted,
    })
}

/// The certificate of a node.
pub(super) fn node_request(csr: &str, subject: &Subject<'_>) -> SignRequest {
    let unit = role_unit(subject.role);
    let mut hosts = vec![unit.to_owned(), subject.node_id.to_string()];
    if subject.role == NodeRole::Manager {
        hosts.push(CA_UNIT.to_owned());
    }
    let name = Name { organization: subject.cluster_id.to_string(), unit: unit.to_owned() };
    SignRequest {
        hosts,
        certificate_request: csr.to_owned(),
        subject: RequestedSubject { common_name: subject.node_id.to_string(), names: vec![name] },
        profile: "",
        extensions: Vec::new(),
    }
}

/// A certificate for the authority `next`, whose key is at hand.
pub(super) fn cross_sign_request(next: &RootCa) -> Result<SignRequest, CaError> {
    let key = KeyPair::from_pem(&next.key).map_err(CaError::Authority)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = root::name_of(&next.certificate)?;
    let common_name = match params.distinguished_name.get(&DnType::CommonName) {
        Some(rcgen::DnValue::PrintableString(text)) => text.to_string(),
        Some(rcgen::DnValue::Utf8String(text)) => text.clone(),
        _ => return Err(CaError::Authority(rcgen::Error::CouldNotParseCertificate)),
    };
    let request = params.serialize_request(&key).and_then(|request| request.pem());
    Ok(SignRequest {
        hosts: Vec::new(),
        certificate_request: request.map_err(CaError::Authority)?,
        subject: RequestedSubject { common_name, names: Vec::new() },
        profile: CROSS_SIGN_PROFILE,
        extensions: vec![BASIC_CONSTRAINTS],
    })
}

/// Whether `certificate`, PEM, is what was asked for with `csr` for `subject`, and nodes take it that trust `trust`.
///
/// # Errors
///
/// When it is not: a node would be left with a certificate by which nobody lets it in.
pub(super) fn check(
    certificate: &str,
    (csr, subject): (&str, &Subject<'_>),
    trust: &RootCa,
    now: Timestamp,
) -> Result<()> {
    let other = |what: &str| {
        Error::unavailable(format!("the external CA has signed something else: {what}"))
    };
    let request = CertificateSigningRequestParams::from_pem(csr).map_err(CaError::Request)?;
    let (_, key) = tls::authority_of_pem(certificate).map_err(|why| other(&chain(&why)))?;
    if key != request.public_key.subject_public_key_info() {
        return Err(other("it is for another key"));
    }
    let peer = tls::peer_of_pem(certificate).map_err(|why| other(&chain(&why)))?;
    let is_asked_for = peer.node_id == *subject.node_id
        && peer.cluster_id == *subject.cluster_id
        && peer.role == subject.role;
    if !is_asked_for {
        return Err(other("it is for another node, cluster or role"));
    }
    tls::verify(certificate, &trust.certificate, now).map_err(|why| other(&chain(&why)))
}
