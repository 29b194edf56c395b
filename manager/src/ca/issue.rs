//! What the certificate of a node says.

use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use rand::RngExt;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::SerialNumber;
use rcgen::date_time_ymd;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::role_unit;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;

use super::CaError;

/// How far certificates are dated back, for nodes whose clock is behind.
const BACKDATE: Duration = Duration::from_secs(3600);

/// Who a certificate is for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The node: the common name.
    pub node_id: &'a NodeId,
    /// The cluster: the organization.
    pub cluster_id: &'a ClusterId,
    /// The role: the organizational unit.
    pub role: NodeRole,
}

impl Subject<'_> {
    /// The certificate to sign. One certificate serves both ways, as nodes call and are called.
    pub(super) fn params(
        &self,
        validity: Validity,
        serial: SerialNumber,
    ) -> Result<CertificateParams, CaError> {
        let unit = role_unit(self.role);
        let names = vec![unit.to_owned(), self.node_id.to_string()];
        let mut params = CertificateParams::new(names).map_err(CaError::Sign)?;
        params.distinguished_name = DistinguishedName::new();
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, self.cluster_id.as_str());
        name.push(DnType::OrganizationalUnitName, unit);
        name.push(DnType::CommonName, self.node_id.as_str());
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial);
        validity.write_to(&mut params);
        Ok(params)
    }
}

/// When a certificate can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    /// From an hour before `now` until `lifetime` after it.
    #[must_use]
    pub fn starting(now: Timestamp, lifetime: Duration) -> Self {
        let since_epoch = now.since(Timestamp::EPOCH).saturating_sub(BACKDATE);
        Self { not_before: Timestamp::EPOCH + since_epoch, not_after: now + lifetime }
    }

    /// From one time to another.
    pub(super) const fn between(not_before: Timestamp, not_after: Timestamp) -> Self {
        Self { not_before, not_after }
    }

    /// For the certificate of a node of `cluster`, made now.
    #[must_use]
    pub fn of_node(cluster: &Cluster, now: Timestamp) -> Self {
        Self::starting(now, node_lifetime(&cluster.spec))
    }

    pub(super) fn write_to(self, params: &mut CertificateParams) {
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + self.not_before.since(Timestamp::EPOCH);
        params.not_after = epoch + self.not_after.since(Timestamp::EPOCH);
    }
}

/// How long certificates of nodes are valid. Zero, as everywhere in the Docker API, stands for the default.
pub(super) fn node_lifetime(spec: &SwarmSpec) -> Duration {
    let asked = spec.ca_config.node_cert_expiry;
    if asked.is_zero() { SwarmSpec::defaults().ca_config.node_cert_expiry } else { asked }
        .to_duration()
}

/// A random serial number of 127 bits, positive as RFC 5280 (4.1.2.2) wants it.
pub(super) fn serial_number(rng: &mut impl CryptoRng) -> SerialNumber {
    let bits = rng.random::<u128>() >> 1;
    SerialNumber::from_slice(&bits.to_be_bytes())
}

/// The key of a node, made on the node, and the request to have it certified.
#[derive(Clone)]
pub struct NodeKey {
    /// The key, PEM. Never leaves the node, never printed.
    pub key: String,
    /// The signing request, PEM.
    pub csr: String,
}

impl NodeKey {
    /// Makes a new key: ECDSA on P-256.
    ///
    /// # Errors
    ///
    /// When there is no randomness to be had.
    pub fn generate() -> Result<Self, CaError> {
        let key = KeyPair::generate().map_err(CaError::Key)?;
        let request = CertificateParams::default().serialize_request(&key);
        let csr = request.and_then(|request| request.pem()).map_err(CaError::Key)?;
        Ok(Self { key: key.serialize_pem(), csr })
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeKey").field("csr", &self.csr).finish_non_exhaustive()
    }
}
