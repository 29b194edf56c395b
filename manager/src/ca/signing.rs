//! Who signs: the cluster, by the key of its authority, or a server outside, for an authority whose key it does not have.

use std::sync::Arc;

use rand::CryptoRng;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::spec::ExternalCa;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;

use super::Authority;
use super::NodeKey;
use super::Subject;
use super::Validity;
use super::external;
use super::external::ExternalSigner;
use super::external::SignRequest;
use super::root;

/// Has certificates signed by whoever can. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Signing {
    external: Arc<dyn ExternalSigner>,
}

impl Signing {
    /// By servers outside where `external` has to be asked.
    #[must_use]
    pub fn new(external: Arc<dyn ExternalSigner>) -> Self {
        Self { external }
    }

    /// A certificate for `subject`, PEM, with what lets nodes that trust the authority before the one that signs follow the chain to that.
    ///
    /// # Errors
    ///
    /// When `csr` is no signing request, and when no external authority signs.
    pub async fn certificate(
        &self,
        cluster: &Cluster,
        subject: &Subject<'_>,
        csr: &str,
        now: Timestamp,
    ) -> Result<String> {
        let root = cluster.signing_ca();
        if !root.is_external() {
            return by_own_key(cluster, subject, csr, (&mut rand::rng(), now));
        }
        let servers = &cluster.spec.ca_config.external_cas;
        let certificate =
            self.signed_outside(cluster, (root, servers), (csr, subject), now).await?;
        Ok(with_issuer(certificate, root))
    }

    /// `next` with what the present authority of `cluster` has to say for it: what replaces that one has to be vouched for by it, and one outside has to
    /// sign, for which `servers` are asked.
    ///
    /// # Errors
    ///
    /// When an external authority does not sign, and in Docker's words when there is none for `next`, or one has another in its place.
    pub async fn vouched(
        &self,
        cluster: &Cluster,
        next: RootCa,
        servers: &[ExternalCa],
        now: Timestamp,
    ) -> Result<RootCa> {
        let present = &cluster.root_ca;
        if next.is_external() {
            if present.is_external() {
                return Err(Error::invalid(
                    "rotating from one external CA to a different external CA is not supported",
                ));
            }
            self.try_out(cluster, &next, servers, now).await?;
        }
        let certificate = if present.is_external() {
            let request = external::cross_sign_request(&next)?;
            let known = &cluster.spec.ca_config.external_cas;
            let certificate = self.ask(cluster, (present, known), &request).await?;
            if !root::stands_for(&certificate, &next) {
                return Err(Error::unavailable(
                    "the external CA has vouched for another name or key than that of the next authority",
                ));
            }
            certificate
        } else {
            Authority::load(present)?.vouch_for(&next, &mut rand::rng())?
        };
        Ok(RootCa { cross_signed: Some(certificate), ..next })
    }

    /// Has a certificate signed for `next` that nobody will use: that a server answers says little about what it signs.
    async fn try_out(
        &self,
        cluster: &Cluster,
        next: &RootCa,
        servers: &[ExternalCa],
        now: Timestamp,
    ) -> Result<()> {
        let NodeKey { csr, .. } = NodeKey::generate()?;
        let node_id = NodeId::random(&mut rand::rng());
        let subject =
            Subject { node_id: &node_id, cluster_id: &cluster.id, role: NodeRole::Worker };
        let tried = self.signed_outside(cluster, (next, servers), (&csr, &subject), now).await;
        tried.map(drop).map_err(|error| {
            Error::invalid(format!(
                "there must be at least one valid, reachable external CA corresponding to the next CA certificate: {error}"
            ))
        })
    }

    async fn signed_outside(
        &self,
        cluster: &Cluster,
        (root, servers): (&RootCa, &[ExternalCa]),
        (csr, subject): (&str, &Subject<'_>),
        now: Timestamp,
    ) -> Result<String> {
        let request = external::node_request(csr, subject);
        let certificate = self.ask(cluster, (root, servers), &request).await?;
        external::check(&certificate, (csr, subject), root, now)?;
        Ok(certificate)
    }

    /// What the first of the servers that signs says.
    async fn ask(
        &self,
        cluster: &Cluster,
        (root, servers): (&RootCa, &[ExternalCa]),
        request: &SignRequest,
    ) -> Result<String> {
        let mut reasons = Vec::new();
        for server in external::servers(servers, root, cluster) {
            match self.external.sign(server, &root.certificate, request).await {
                Ok(certificate) => return Ok(certificate),
                Err(why) => {
                    tracing::warn!(url = server.url, error = why, "an external CA does not sign");
                    reasons.push(format!("{}: {why}", server.url));
                }
            }
        }
        if reasons.is_empty() {
            reasons.push("the swarm knows no server for it".to_owned());
        }
        Err(Error::unavailable(format!("the external CA does not sign: {}", reasons.join("; "))))
    }
}

/// A certificate for `subject`, as [`Signing::certificate`], by the key that `cluster` has.
pub(super) fn by_own_key(
    cluster: &Cluster,
    subject: &Subject<'_>,
    csr: &str,
    (rng, now): (&mut impl CryptoRng, Timestamp),
) -> Result<String> {
    let root = cluster.signing_ca();
    let validity = Validity::of_node(cluster, now);
    Ok(with_issuer(Authority::load(root)?.sign(csr, subject, validity, rng)?, root))
}

fn with_issuer(certificate: String, root: &RootCa) -> String {
    let certificate = certificate.trim_end().to_owned() + "\n";
    certificate + root.cross_signed.as_deref().unwrap_or_default()
}
