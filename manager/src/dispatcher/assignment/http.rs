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
    let needed = if options.change_answers() { protocol::HTTP_OPTIONS } else { protocol::HTTP };
    let speaks = state.nodes().get(node)?.versions.protocol.speaks(needed);
    let cookie_key = cookie_key(cluster);
    (ports.is_on() && speaks).then_some(HttpAssignment { ports, options, cookie_key })
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
    rules.filter_map(|rule| state.certificate_of(&rule).cloned())
}

/// The rules of a service, certificates with the ids of their secrets. None as long as nobody answers.
pub(super) fn rules(state: &State, service: &Service) -> Vec<HttpRoute> {
    let is_on = state.cluster().is_some_and(|cluster| cluster.spec.http().is_on());
    let mut rules = if is_on { state.http_rules_of(&service.spec) } else { Vec::new() };
    for rule in &mut rules {
        if let Some(secret) = state.certificate_of(rule) {
            rule.certificate = Some(CertificateReference {
                secret_id: secret.id.to_string(),
                secret_name: secret.spec.name.clone(),
            });
        }
    }
    rules
}

/// Whether both need the same secrets.
pub(super) fn same_certificates(state: &State, one: &Service, other: &Service) -> bool {
    let of = |service: &Service| {
        let rules = state.http_rules_of(&service.spec);
        let certificates = rules.into_iter().filter(|rule| rule.acme || rule.certificate.is_some());
        certificates.map(|rule| (rule.host, rule.certificate)).collect::<Vec<_>>()
    };
    one.spec == other.spec || of(one) == of(other)
}

/// What cookies are signed with. It follows from the key of the authority, which all managers have and nodes do not, and changes with that: a client
/// is then given to a task anew, once.
fn cookie_key(cluster: &Cluster) -> [u8; 32] {
    let digest =
        Sha256::new_with_prefix(b"swarmlite http cookies\0").chain_update(&cluster.root_ca.key);
    digest.finalize().into()
}
