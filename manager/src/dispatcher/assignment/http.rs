//! What nodes are told about HTTP routing: that they answer, by which rules, and with which certificates.

use std::sync::Arc;

use sha2::Digest;
use sha2::Sha256;
use swarmlite_proto::agent::AcmeAnswer;
use swarmlite_proto::agent::HttpAssignment;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::AcmeChallenge;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Secret;
use swarmlite_proto::object::Service;
use swarmlite_proto::protocol;
use swarmlite_proto::spec::CertificateReference;
use swarmlite_proto::spec::HttpRoute;

use crate::state::State;
use crate::state::answers_acme;

/// How a node answers HTTP, if it does: the cluster says so, and the node is not too old to do it as that says.
pub(super) fn assignment(state: &State, node: &NodeId) -> Option<HttpAssignment> {
    let cluster = state.cluster()?;
    let ports = cluster.spec.http();
    let options = cluster.spec.http_options.clone().unwrap_or_default();
    let spoken = state.nodes().get(node)?.versions.protocol;
    // A node that does not know of the certificates of clients would answer everybody.
    let speaks = spoken.speaks(protocol::HTTP_OPTIONS)
        || (spoken.speaks(protocol::HTTP) && !options.change_answers() && !asks_clients(state));
    let cookie_key = cookie_key(cluster);
    (ports.is_on() && speaks).then_some(HttpAssignment { ports, options, cookie_key })
}

/// Whether there is a rule that asks clients for certificates.
fn asks_clients(state: &State) -> bool {
    let services = state.services_with_http_rules().into_iter();
    let mut services = services.filter_map(|id| state.services().get(id));
    services.any(|it| state.http_rules_of(&it.spec).iter().any(|rule| rule.client_ca.is_some()))
}

/// What ACME servers may ask a node for, if they have a reason to.
pub(super) fn acme(state: &State, node: &NodeId) -> Option<Vec<AcmeAnswer>> {
    let is_told = answers_acme(state.nodes().get(node)?) && assignment(state, node).is_some();
    let answers: Vec<AcmeAnswer> =
        state.acme_hosts().values().filter_map(|it| answer(it)).collect();
    (is_told && !answers.is_empty()).then_some(answers)
}

fn answer(host: &AcmeHost) -> Option<AcmeAnswer> {
    let challenge = host.order.as_ref()?.challenge.as_ref()?;
    let AcmeChallenge { token, answer, .. } = challenge.clone();
    Some(AcmeAnswer { host: host.host.clone(), token, answer })
}

/// The secrets of all rules, which every node that answers HTTP has.
pub(super) fn certificates(state: &State, node: &NodeId) -> impl Iterator<Item = Arc<Secret>> {
    let services = assignment(state, node).map(|_| state.services_with_http_rules());
    let services = services.into_iter().flatten().filter_map(|id| state.services().get(id));
    let rules = services.flat_map(|service| state.http_rules_of(&service.spec));
    let secrets = rules.flat_map(|rule| {
        let ca = rule.client_ca.as_ref().and_then(|it| state.certificate(it));
        [state.certificate_of(&rule), ca].map(Option::<&Arc<Secret>>::cloned)
    });
    secrets.flatten()
}

/// The rules of a service, certificates and authorities with the ids of their secrets. None as long as nobody answers.
pub(super) fn rules(state: &State, service: &Service) -> Vec<HttpRoute> {
    let is_on = state.cluster().is_some_and(|cluster| cluster.spec.http().is_on());
    let mut rules = if is_on { state.http_rules_of(&service.spec) } else { Vec::new() };
    for rule in &mut rules {
        rule.certificate = by_id(state.certificate_of(rule)).or(rule.certificate.take());
        let ca = rule.client_ca.as_ref().and_then(|it| state.certificate(it));
        rule.client_ca = by_id(ca).or(rule.client_ca.take());
    }
    rules
}

fn by_id(secret: Option<&Arc<Secret>>) -> Option<CertificateReference> {
    secret.map(|secret| CertificateReference {
        secret_id: secret.id.to_string(),
        secret_name: secret.spec.name.clone(),
    })
}

/// Whether both need the same secrets.
pub(super) fn same_certificates(state: &State, one: &Service, other: &Service) -> bool {
    let of = |service: &Service| {
        let rules = state.http_rules_of(&service.spec);
        let needing = rules.into_iter().filter(needs_secret);
        needing.map(|rule| (rule.host, rule.certificate, rule.client_ca)).collect::<Vec<_>>()
    };
    one.spec == other.spec || of(one) == of(other)
}

/// Whether nodes need a secret for a rule.
pub(super) const fn needs_secret(rule: &HttpRoute) -> bool {
    rule.acme || rule.certificate.is_some() || rule.client_ca.is_some()
}

/// What cookies are signed with. It follows from the key of the authority, which all managers have and nodes do not, and changes with that: a client
/// is then given to a task anew, once.
fn cookie_key(cluster: &Cluster) -> [u8; 32] {
    let key = match &cluster.root_ca {
        // Managers have no key of that, but the token that lets others become managers.
        root if root.is_external() => &cluster.join_tokens.manager,
        root => &root.key,
    };
    Sha256::new_with_prefix(b"swarmlite http cookies\0").chain_update(key).finalize().into()
}
