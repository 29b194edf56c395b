//! A certificate authority for tests.
#![expect(clippy::expect_used, reason = "only tests use this")]

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertificateSigningRequestParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::identity::role_unit;
use swarmlite_proto::spec::NodeRole;

/// A certificate authority that signs what it is asked to.
#[derive(Debug)]
pub struct TestCa {
    /// The cluster it stands for.
    pub cluster_id: ClusterId,
    /// Its certificate, PEM.
    pub root_ca: String,
    issuer: Issuer<'static, KeyPair>,
}

impl TestCa {
    /// A new authority for `cluster_id`.
    #[must_use]
    pub fn new(cluster_id: ClusterId) -> Self {
        let key = KeyPair::generate().expect("makes a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "swarm-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_ca = params.self_signed(&key).expect("signs").pem();
        Self { cluster_id, root_ca, issuer: Issuer::new(params, key) }
    }

    /// The identity of a node.
    #[must_use]
    pub fn issue(&self, node_id: &NodeId, role: NodeRole) -> Identity {
        let key = KeyPair::generate().expect("makes a key");
        let params = self.subject(node_id, role);
        let certificate = params.signed_by(&key, &self.issuer).expect("signs").pem();
        Identity {
            node_id: node_id.clone(),
            cluster_id: self.cluster_id.clone(),
            role,
            certificate,
            key: key.serialize_pem(),
            root_ca: self.root_ca.clone(),
        }
    }

    /// A certificate for the key of a signing request.
    #[must_use]
    pub fn sign(&self, csr: &str, node_id: &NodeId, role: NodeRole) -> String {
        let mut request = CertificateSigningRequestParams::from_pem(csr).expect("a request");
        request.params = self.subject(node_id, role);
        request.signed_by(&self.issuer).expect("signs").pem()
    }

    fn subject(&self, node_id: &NodeId, role: NodeRole) -> CertificateParams {
        let names = vec![role_unit(role).to_owned(), node_id.to_string()];
        let mut params = CertificateParams::new(names).expect("valid names");
        let subject = &mut params.distinguished_name;
        subject.push(DnType::OrganizationName, self.cluster_id.as_str());
        subject.push(DnType::OrganizationalUnitName, role_unit(role));
        subject.push(DnType::CommonName, node_id.as_str());
        params
    }
}
