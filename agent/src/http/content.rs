//! From what the managers told this node to what the proxy answers. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::agent::AcmeAnswer;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::object::Secret;
use swarmlite_proto::spec::CertificateReference;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proxy::Certificate;
use swarmlite_proxy::CertificateError;
use swarmlite_proxy::Challenge;
use swarmlite_proxy::ClientCa;
use swarmlite_proxy::ClientCaError;
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
    /// The authorities of clients, by the hosts that ask for certificates of theirs.
    pub(super) client_cas: BTreeMap<String, ClientCa>,
    /// What ACME servers may ask for.
    pub(super) challenges: Vec<Challenge>,
}

/// What has been read of secrets. The content of a secret never changes.
#[derive(Debug, Default)]
pub(super) struct Read {
    certificates: Known<Certificate, CertificateError>,
    client_cas: Known<ClientCa, ClientCaError>,
}

type Known<T, E> = BTreeMap<SecretId, Result<T, Arc<E>>>;

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
    let named = |rule: &HttpRoute| rule.certificate.clone();
    by_host(services, secrets, &mut read.certificates, named, Certificate::from_pem)
}

/// The authorities of clients, likewise.
pub(super) fn client_cas(
    services: &[Service],
    secrets: &BTreeMap<SecretId, Arc<Secret>>,
    read: &mut Read,
) -> BTreeMap<String, ClientCa> {
    let named = |rule: &HttpRoute| rule.client_ca.clone();
    by_host(services, secrets, &mut read.client_cas, named, ClientCa::from_pem)
}

/// What the secrets that rules name hold, by the hosts of the rules.
fn by_host<T: Clone, E>(
    services: &[Service],
    secrets: &BTreeMap<SecretId, Arc<Secret>>,
    known: &mut Known<T, E>,
    named: impl Fn(&HttpRoute) -> Option<CertificateReference>,
    from_pem: impl Fn(&[u8]) -> Result<T, E>,
) -> BTreeMap<String, T> {
    let mut needed = Known::new();
    let mut by_host = BTreeMap::new();
    for rule in services.iter().flat_map(|service| &service.routes) {
        let id: Option<SecretId> = named(rule).and_then(|it| it.secret_id.parse().ok());
        // Secrets are never on a disk, so that after a restart there are none before a manager has been heard.
        let Some(secret) = id.and_then(|id| secrets.get(&id)) else { continue };
        let read = needed.entry(secret.id.clone()).or_insert_with(|| {
            let fresh = || from_pem(secret.spec.data.as_bytes()).map_err(Arc::new);
            known.remove(&secret.id).unwrap_or_else(fresh)
        });
        if let Ok(read) = read {
            by_host.entry(rule.host.clone()).or_insert_with(|| read.clone());
        }
    }
    *known = needed;
    by_host
}
