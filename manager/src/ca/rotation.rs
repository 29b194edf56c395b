//! Replacing the certificate authority while the cluster runs (swarmkit `manager/controlapi/ca_rotation.go`, `ca/reconciler.go`).
//!
//! 1. The new authority signs from the start, and the old one vouches for it: the certificate of every node comes with the new
//!    authority's, signed by the old one, so that nodes which know only the old one can follow the chain.
//! 2. Every node renews its certificate. That of a node that is down is waited for until the node is back or removed.
//! 3. When all have certificates of the new authority, it takes the place of the old one, and the join tokens, which name the authority, are
//!    replaced. From then on nodes are told to trust the new one.
//!
//! The key of an authority may be outside of the cluster. Then a server there signs, and vouches for the one that takes its place ([`super::Signing`]).
//!
//! At no time is there a node that does not trust another, so nothing has to be done at once. Pure.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::CryptoRng;
use rand::rngs::StdRng;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::object::TlsInfo;
use swarmlite_proto::spec::CaConfig;
use swarmlite_proto::spec::ExternalCa;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::tls;

use super::Authority;
use super::external;
use super::new_tokens;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Op;
use crate::state::State;

/// So many nodes renew their certificates at a time, and again after [`BATCH_TIME`] (swarmkit `ca/reconciler.go`).
const BATCH: u32 = 30;
const BATCH_TIME: Duration = Duration::from_secs(3);

/// The shortest life of an authority that somebody brings along (swarmkit, `x509.helpers.OneYear`).
const ONE_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What clients see of the authority: the one that all nodes trust, and the one that signs.
#[must_use]
pub fn tls_info(cluster: &Cluster) -> TlsInfo {
    let (subject, key) =
        tls::authority_of_pem(&cluster.signing_ca().certificate).unwrap_or_default();
    TlsInfo {
        trust_root: cluster.root_ca.certificate.clone(),
        cert_issuer_subject: STANDARD.encode(subject),
        cert_issuer_public_key: STANDARD.encode(key),
    }
}

/// The authority that `asked` wants in the place of the one of `cluster`, if it wants another.
///
/// # Errors
///
/// In Docker's words, when there cannot be such an authority.
pub fn wanted(
    cluster: &Cluster,
    asked: &CaConfig,
    rng: &mut impl CryptoRng,
    now: Timestamp,
) -> Result<Option<RootCa>> {
    let (certificate, key) = (&asked.signing_ca_cert, &asked.signing_ca_key);
    if certificate.is_empty() {
        if !key.is_empty() {
            return Err(Error::invalid(
                "if a signing CA key is provided, the signing CA cert must also be provided",
            ));
        }
        let forced = asked.force_rotate > cluster.spec.ca_config.force_rotate;
        return Ok(if forced { Some(Authority::create(rng, now)?) } else { None });
    }
    let present = cluster.signing_ca();
    if *certificate == present.certificate {
        if present.is_external() && !key.is_empty() {
            return Err(Error::invalid(
                "the key of the present external CA is not taken over: `swarm ca --rotate` puts an authority of the swarm's own in its place",
            ));
        }
        return Ok(None);
    }
    let root = RootCa { certificate: certificate.clone(), key: key.clone(), cross_signed: None };
    check(&root, &cluster.root_ca, now)?;
    Ok(Some(root))
}

/// Checks the servers of external authorities among the settings that `cluster` is to have, where `next` is about to replace its authority.
///
/// # Errors
///
/// When one signs for no external authority of the cluster, and in Docker's words when there is none for the authority that signs.
pub fn check_servers(cluster: &Cluster, next: Option<&RootCa>, asked: &CaConfig) -> Result<()> {
    let signs = next.unwrap_or_else(|| cluster.signing_ca());
    let external = [&cluster.root_ca, signs].into_iter().filter(|root| root.is_external());
    let of = |root| external::servers(&asked.external_cas, root, cluster);
    let known: Vec<&ExternalCa> = external.flat_map(of).collect();
    if let Some(other) = asked.external_cas.iter().find(|server| !known.contains(server)) {
        return Err(Error::invalid(format!(
            "external CA {} signs for none of the authorities of the swarm: `swarm ca --rotate --ca-cert FILE` makes another one its authority",
            other.url
        )));
    }
    if signs.is_external() && of(signs).next().is_none() {
        let which = if next.is_some() { "next" } else { "current" };
        return Err(Error::invalid(format!(
            "there must be at least one valid, reachable external CA corresponding to the {which} CA certificate"
        )));
    }
    Ok(())
}

/// Whether `root`, which somebody brings along, can be an authority in the place of `present`.
fn check(root: &RootCa, present: &RootCa, now: Timestamp) -> Result<()> {
    if root.certificate.matches("-----BEGIN CERTIFICATE-----").count() > 1 {
        return Err(Error::invalid(
            "the desired CA certificate cannot contain multiple certificates",
        ));
    }
    let unreadable = |_| Error::invalid("could not parse the desired CA certificate");
    let (_, end) = tls::validity_of_pem(&root.certificate).map_err(unreadable)?;
    if end < now + ONE_YEAR {
        return Err(Error::invalid("CA certificate expires too soon"));
    }
    let (_, key) = tls::authority_of_pem(&root.certificate).map_err(unreadable)?;
    if tls::authority_of_pem(&present.certificate).is_ok_and(|(_, present)| present == key) {
        return Err(Error::invalid("Cannot update to a cert with an identical key"));
    }
    if root.is_external() {
        return Ok(());
    }
    if Authority::load(root)
        .and_then(|authority| authority.holds_key_of(root))
        .is_ok_and(|holds| holds)
    {
        Ok(())
    } else {
        Err(Error::invalid("the signing CA key does not belong to the signing CA certificate"))
    }
}

/// The public key of the authority that all certificates have to be from, as nodes tell it; `None` unless it has just changed.
#[must_use]
pub fn required_issuer(state: &State) -> Option<String> {
    let cluster = state.cluster()?;
    cluster.next_root_ca.as_ref()?;
    Some(tls_info(cluster).cert_issuer_public_key)
}

/// Within which time the nodes are to renew their certificates, each at a time of its own.
#[must_use]
pub fn renewal_time(state: &State) -> Duration {
    let nodes = u32::try_from(state.nodes().len()).unwrap_or(u32::MAX);
    BATCH_TIME * (nodes / BATCH)
}

/// Puts the new authority in the place of the old one once all nodes have their certificates from it.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let mut plan = Plan::default();
    let Some(issuer) = required_issuer(&view.state) else { return plan };
    let has_renewed = |node: &Node| {
        let described = node.description.as_ref();
        described.is_some_and(|it| it.tls_info.cert_issuer_public_key == issuer)
    };
    if view.state.nodes().values().all(|node| has_renewed(node))
        && let Some(cluster) = view.state.cluster()
        && let Some(next) = &cluster.next_root_ca
    {
        let mut spec = cluster.spec.clone();
        // Who signs for an authority that nobody trusts any more is of no use.
        let still = |server: &ExternalCa| server.ca_cert.trim() == next.certificate.trim();
        spec.ca_config.external_cas.retain(still);
        let replaced = Cluster {
            spec,
            join_tokens: new_tokens(&next.certificate, rng),
            root_ca: next.clone(),
            next_root_ca: None,
            ..Cluster::clone(cluster)
        };
        plan.change(now, &[], [vec![Op::PutCluster(Box::new(replaced))]]);
    }
    plan
}

#[cfg(test)]
mod tests;
