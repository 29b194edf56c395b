//! An authority outside of the cluster that is in the same process.

use std::sync::Mutex;
use std::sync::PoisonError;

use futures_util::FutureExt;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;

use super::*;
use crate::ca::Authority;
use crate::ca::Validity;
use crate::state::fixture::rng;

/// How long what it signs is valid.
const LIFETIME: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Signs as a server of cfssl does, whoever asks.
#[derive(Debug)]
pub(crate) struct FakeServer {
    root: RootCa,
    now: Timestamp,
    /// Why it does not sign, if it does not.
    pub(crate) down: Mutex<Option<String>>,
}

impl FakeServer {
    /// With an authority of its own.
    pub(crate) fn new(now: Timestamp) -> Self {
        let root = Authority::create(&mut rng(77), now).expect("makes a key");
        Self { root, now, down: Mutex::default() }
    }

    /// The certificate of its authority.
    pub(crate) fn root(&self) -> RootCa {
        RootCa { key: String::new(), ..self.root.clone() }
    }

    /// What the request is for, as an authority.
    fn vouched(&self, csr: &str) -> String {
        let key = KeyPair::from_pem(&self.root.key).expect("is one");
        let issuer = rcgen::Issuer::from_ca_cert_pem(&self.root.certificate, key);
        let mut request = CertificateSigningRequestParams::from_pem(csr).expect("is a request");
        request.params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        request.params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        Validity::starting(self.now, LIFETIME).write_to(&mut request.params);
        request.signed_by(&issuer.expect("is one")).expect("signs").pem()
    }

    fn signed(&self, trust: &str, request: &SignRequest) -> std::result::Result<String, String> {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner).clone();
        down.map_or(Ok(()), Err)?;
        if trust.trim() != self.root.certificate.trim() {
            return Err("invalid peer certificate: UnknownIssuer".to_owned());
        }
        let issuer = Authority::load(&self.root).expect("is one");
        if request.profile == CROSS_SIGN_PROFILE {
            return Ok(self.vouched(&request.certificate_request));
        }
        let [name] = &*request.subject.names else { return Err("a name is needed".to_owned()) };
        let node_id: NodeId = request.subject.common_name.parse().expect("an id");
        let cluster_id: ClusterId = name.organization.parse().expect("an id");
        let roles = [NodeRole::Manager, NodeRole::Worker];
        let role = roles.into_iter().find(|role| role_unit(*role) == name.unit).expect("a role");
        let subject = Subject { node_id: &node_id, cluster_id: &cluster_id, role };
        let validity = Validity::starting(self.now, LIFETIME);
        let signed = issuer.sign(&request.certificate_request, &subject, validity, &mut rng(78));
        signed.map_err(|error| chain(&error))
    }
}

impl ExternalSigner for FakeServer {
    fn sign<'a>(
        &'a self,
        _: &'a ExternalCa,
        trust: &'a str,
        request: &'a SignRequest,
    ) -> BoxFuture<'a, std::result::Result<String, String>> {
        async move { self.signed(trust, request) }.boxed()
    }
}
