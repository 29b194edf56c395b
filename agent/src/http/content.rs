//! From what the managers told this node to what the proxy answers. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::agent::AcmeAnswer;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::object::Secret;
use swarmlite_proxy::Certificate;
use swarmlite_proxy::CertificateError;
use swarmlite_proxy::Challenge;
use swarmlite_proxy::Service;
use swarmlite_proxy::Task;

use crate::network::NetworkAssignments;

/// What the proxy answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// The services that have rules.
    pub(super) services: Vec<Service>,
    /// The certificates of hosts.
    pub(super) certificates: BTreeMap<String, Certificate>,
    /// What ACME servers may ask for.
    pub(super) challenges: Vec<Challenge>,
}

/// The certificates that have been read, by the secrets they are in. The content of a secret never changes.
pub(super) type Read = BTreeMap<SecretId, Result<Certificate, Arc<CertificateError>>>;

/// The services with rules among `networks`. `lost` are nodes that do not answer any more.
pub(super) fn services(networks: &NetworkAssignments, lost: &BTreeSet<NodeId>) -> Vec<Service> {
    let answering = networks.endpoints.values().filter(|endpoint| !endpoint.http.is_empty());
    let services = answering.map(|endpoint| Service {
        id: endpoint.service_id.clone(),
        name: endpoint.name.clone(),
        routes: endpoint.http.clone(),
        tasks: endpoint
            .tasks
            .iter()
            .map(|task| Task {
                id: task.task_id.clone(),
                address: task.addr,
                serving: task.serving,
                // If no other task serves either, one whose node may be there after all is waited for.
                lost: !task.serving && lost.contains(&task.node_id),
            })
            .collect(),
    });
    services.collect()
}

/// What is answered to ACME servers.
pub(super) fn challenges(answers: &[AcmeAnswer]) -> Vec<Challenge> {
    let challenges = answers.iter().cloned();
    let challenges =
        challenges.map(|AcmeAnswer { host, token, answer }| Challenge { host, token, answer });
    challenges.collect()
}

/// The certificates of the hosts of `services`, of several the first one. Keeps in `read` those of `secrets` that are needed.
pub(super) fn certificates(
    services: &[Service],
    secrets: &BTreeMap<SecretId, Arc<Secret>>,
    read: &mut Read,
) -> BTreeMap<String, Certificate> {
    let mut needed = Read::new();
    let mut certificates = BTreeMap::new();
    for rule in services.iter().flat_map(|service| &service.routes) {
        let id: Option<SecretId> =
            rule.certificate.as_ref().and_then(|it| it.secret_id.parse().ok());
        // Secrets are never on a disk, so that after a restart there are none before a manager has been heard.
        let Some(secret) = id.and_then(|id| secrets.get(&id)) else { continue };
        let known = needed.entry(secret.id.clone()).or_insert_with(|| {
            read.remove(&secret.id).unwrap_or_else(|| {
                Certificate::from_pem(secret.spec.data.as_bytes()).map_err(Arc::new)
            })
        });
        if let Ok(certificate) = known {
            certificates.entry(rule.host.clone()).or_insert_with(|| certificate.clone());
        }
    }
    *read = needed;
    certificates
}
