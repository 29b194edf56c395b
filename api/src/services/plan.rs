//! What the changes of services mean: functions of the state, in Docker's words where they refuse.

use std::collections::BTreeSet;

use rand::RngExt;
use swarmlite_manager::expression;
use swarmlite_manager::state::ObjectRef;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::state::lookup;
use swarmlite_manager::state::out_of_sequence;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Endpoint;
use swarmlite_proto::object::JobStatus;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::object::UpdateStatus;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::validate;
use swarmlite_proto::version::Version;

use super::balancing;
use super::http;

/// Makes a service.
pub(super) fn create(
    state: &State,
    mut spec: ServiceSpec,
    registry_auth: Option<RegistryAuth>,
    now: Timestamp,
    rng: &mut impl RngExt,
) -> Result<(ServiceId, Transaction)> {
    if spec.name.is_empty() {
        spec.name = unused_name(state, rng);
    }
    let mut spec = checked(spec)?;
    state.check_service_name(&spec.name, None)?;
    let transaction = resolve_networks(state, &mut spec, Transaction::new(now))?;
    state.check_ports(&spec, None)?;
    http::resolve(state, &mut spec)?;
    state.check_http(&spec, None)?;
    balancing::check(state, &spec)?;
    state.check_needed(&spec)?;
    let first = JobStatus { job_iteration: Version::default(), last_execution: now };
    let job_status = spec.mode.is_job().then_some(first);
    let service = Service {
        id: ServiceId::random(rng),
        meta: Meta::default(),
        spec,
        spec_version: Version::NONE,
        previous_spec: None,
        previous_spec_version: None,
        endpoint: Endpoint::default(),
        update_status: None,
        job_status,
        registry_auth,
        previous_registry_auth: None,
    };
    Ok((service.id.clone(), transaction.with(Op::PutService(Box::new(service)))))
}

/// Where the credentials of an updated service come from.
#[derive(Clone, Debug)]
pub(super) enum Credentials {
    /// The client has sent these.
    Sent(Option<RegistryAuth>),
    /// Those of the present spec stay.
    OfSpec,
    /// Those of the spec before come back.
    OfPreviousSpec,
}

/// Replaces the spec of a service that still has `version`.
pub(super) fn update(
    state: &State,
    reference: &str,
    version: Version,
    spec: ServiceSpec,
    credentials: Credentials,
    now: Timestamp,
) -> Result<Transaction> {
    let (old, spec) = changeable(state, reference, version, spec)?;
    let service = Service {
        spec,
        previous_spec: Some(old.spec.clone()),
        previous_spec_version: Some(old.spec_version),
        // In the same write: a client that waits for the update would take the last one's end for its own.
        update_status: None,
        job_status: next_iteration(old, now),
        registry_auth: match credentials {
            Credentials::Sent(auth) => auth,
            Credentials::OfSpec => old.registry_auth.clone(),
            Credentials::OfPreviousSpec => old.previous_registry_auth.clone(),
        },
        previous_registry_auth: old.registry_auth.clone(),
        ..Service::clone(old)
    };
    replacement(state, old, service, now)
}

/// Puts the spec before the present one in its place, with the credentials that came with it. `spec`, which clients have to send, is
/// checked and not used.
pub(super) fn rollback(
    state: &State,
    reference: &str,
    version: Version,
    spec: ServiceSpec,
    now: Timestamp,
) -> Result<Transaction> {
    let (old, _) = changeable(state, reference, version, spec)?;
    let (Some(spec), Some(spec_version)) = (old.previous_spec.clone(), old.previous_spec_version)
    else {
        return Err(Error::invalid(format!("service {reference} does not have a previous spec")));
    };
    let started = UpdateStatus {
        state: UpdateState::RollbackStarted,
        started_at: Some(now),
        completed_at: None,
        message: "manually requested rollback".to_owned(),
    };
    let service = Service {
        spec,
        spec_version,
        previous_spec: Some(old.spec.clone()),
        previous_spec_version: Some(old.spec_version),
        // A job has no update that could end.
        update_status: (!old.spec.mode.is_job()).then_some(started),
        job_status: next_iteration(old, now),
        registry_auth: old.previous_registry_auth.clone(),
        previous_registry_auth: old.registry_auth.clone(),
        ..Service::clone(old)
    };
    replacement(state, old, service, now)
}

/// Every change of a job runs it once more, even one that changes nothing.
fn next_iteration(service: &Service, now: Timestamp) -> Option<JobStatus> {
    service.job_status.map(|status| JobStatus {
        job_iteration: Version::at(status.job_iteration.index + 1),
        last_execution: now,
    })
}

/// The service, if it still has `version`, and the checked spec, if it is one that the service can change to.
fn changeable<'a>(
    state: &'a State,
    reference: &str,
    version: Version,
    spec: ServiceSpec,
) -> Result<(&'a Service, ServiceSpec)> {
    let old = lookup::service(state, reference)?;
    let spec = checked(balancing::keep(spec, &old.spec))?;
    if !old.meta.is_known_at(version) {
        return Err(out_of_sequence());
    }
    if spec.name != old.spec.name {
        return Err(Error::not_implemented("renaming services is not supported"));
    }
    if !same_kind(&spec.mode, &old.spec.mode) {
        return Err(Error::not_implemented("service mode change is not allowed"));
    }
    Ok((old, spec))
}

/// The spec, if it is one that a service can have.
fn checked(spec: ServiceSpec) -> Result<ServiceSpec> {
    let spec = validate::service(spec)?;
    if let Some(placement) = &spec.task()?.placement {
        expression::check(placement)?;
    }
    Ok(spec)
}

/// Puts `service` in the place of `old`, if its networks, secrets and configs are there and its ports are free.
fn replacement(
    state: &State,
    old: &Service,
    mut service: Service,
    now: Timestamp,
) -> Result<Transaction> {
    let transaction = resolve_networks(state, &mut service.spec, Transaction::new(now))?;
    if service.spec.endpoint_spec != old.spec.endpoint_spec
        || service.spec.answers_http() != old.spec.answers_http()
    {
        state.check_ports(&service.spec, Some(&old.id))?;
    }
    http::resolve(state, &mut service.spec)?;
    state.check_http(&service.spec, Some(&old.id))?;
    // A service that a node which came later cannot balance as asked can be changed in every other way.
    if service.spec.endpoint_options()? != old.spec.endpoint_options()? {
        balancing::check(state, &service.spec)?;
    }
    state.check_needed(&service.spec)?;
    Ok(transaction.with(Op::PutService(Box::new(service))))
}

/// Removes a service. Its tasks are for the orchestrator to end.
pub(super) fn remove(state: &State, reference: &str, now: Timestamp) -> Result<Transaction> {
    let service = lookup::service(state, reference)?;
    let op = Op::Remove(ObjectRef::Service(service.id.clone()), service.meta.version);
    Ok(Transaction::new(now).with(op))
}

fn same_kind(one: &ServiceMode, other: &ServiceMode) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

fn unused_name(state: &State, rng: &mut impl RngExt) -> String {
    let mut attempt = 0;
    loop {
        let name = validate::name::random(rng, attempt);
        if state.service_by_name(&name).is_none() {
            return name;
        }
        attempt += 1;
    }
}

/// Puts ids in the place of network names, and makes the transaction fail if a network goes away or changes meanwhile.
fn resolve_networks(
    state: &State,
    spec: &mut ServiceSpec,
    mut transaction: Transaction,
) -> Result<Transaction> {
    let mut seen = BTreeSet::new();
    for attachment in &mut spec.task_template.networks {
        let target = &attachment.target;
        // Docker has no class for this error, and so answers 500.
        let network =
            lookup::network(state, target).map_err(|error| Error::unknown(error.message))?;
        if network.spec.ingress {
            return Err(Error::invalid(format!(
                "Service cannot be explicitly attached to the ingress network {:?}",
                network.spec.name
            )));
        }
        if !seen.insert(network.id.clone()) {
            return Err(Error::invalid(format!(
                "Service cannot be attached to the network {:?} twice",
                network.spec.name
            )));
        }
        attachment.target = network.id.to_string();
        let object = ObjectRef::Network(network.id.clone());
        transaction.ops.push(Op::Expect(object, network.meta.version));
    }
    if !spec.networks.is_empty() {
        spec.networks.clone_from(&spec.task_template.networks);
    }
    Ok(transaction)
}
