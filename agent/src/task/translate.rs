//! From what the manager assigned to what the engine is asked to make. Pure; the types are those of the Docker Engine API.

mod error;
mod files;
mod host;
mod labels;
mod mount;
mod plan;
mod security;
mod values;

use std::collections::HashMap;

use bollard::models::ContainerCreateBody;
use bollard::models::EndpointIpamConfig;
use bollard::models::EndpointSettings;
use bollard::models::HealthConfig as EngineHealthConfig;
use bollard::models::Ipam;
use bollard::models::IpamConfig;
use bollard::models::NetworkCreateRequest;
use bollard::models::NetworkingConfig;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::engine::NETWORK_DRIVER;
use swarmlite_proto::engine::NETWORK_ID_LABEL;
use swarmlite_proto::engine::NODE_ID_LABEL;
use swarmlite_proto::engine::TASK_ID_LABEL;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::HealthConfig;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proto::value::generic_resource;

pub(crate) use self::error::TranslateError;
pub(crate) use self::files::mount_files;
pub(crate) use self::labels::network_filter;
pub(crate) use self::labels::network_of_labels;
pub(crate) use self::labels::node_filter;
pub(crate) use self::labels::task_of_labels;
pub(crate) use self::plan::ContainerPlan;
pub(crate) use self::plan::EndpointPlan;
pub(crate) use self::plan::NetworkPlan;
pub(crate) use self::plan::TaskNetwork;
use self::values::some_list;
use self::values::some_text;
use self::values::to_map;
use super::template::Context;
use super::template::TemplateError;
use super::template::expand;
use super::template::task_name;

/// The container of a task that is on `networks`, in this order.
///
/// # Errors
///
/// When the spec has something that the engine cannot be asked for.
pub(crate) fn container_plan(
    task: &TaskAssignment,
    networks: &[TaskNetwork<'_>],
    node_hostname: &str,
    platform: &Platform,
) -> Result<ContainerPlan, TranslateError> {
    let spec = task.spec.container_spec.as_ref().ok_or(TranslateError::NotAContainer)?;
    let context = Context { task, node_hostname, platform };
    let mut endpoints = networks.iter().map(endpoint);
    let first = endpoints.next();
    let network_mode = first.as_ref().map(|endpoint| endpoint.network.clone());
    let (entrypoint, cmd) = command(spec);
    let body = ContainerCreateBody {
        hostname: some_text(&expand(&spec.hostname, &context)?),
        user: some_text(&spec.user),
        exposed_ports: some_list(host::exposed_ports(task)),
        tty: Some(spec.tty),
        open_stdin: Some(spec.open_stdin),
        env: some_list(environment(spec, &context)?),
        cmd,
        healthcheck: spec.healthcheck.as_ref().map(health),
        image: Some(spec.image.clone()),
        working_dir: some_text(&spec.dir),
        entrypoint,
        labels: Some(labels(task, spec)),
        stop_signal: some_text(&spec.stop_signal),
        stop_timeout: Some(grace_seconds(spec)),
        host_config: Some(host::config(spec, networks, network_mode, &context)?),
        networking_config: first.map(|endpoint| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(endpoint.network, endpoint.settings)])),
        }),
        ..ContainerCreateBody::default()
    };
    Ok(ContainerPlan { name: task_name(task), body, connect: endpoints.collect() })
}

/// The Docker network that stands for one of the cluster's on this node.
#[must_use]
pub(crate) fn network_plan(network: &NetworkAssignment) -> NetworkPlan {
    let id = (NETWORK_ID_LABEL.to_owned(), network.id.to_string());
    let labels = network.labels.clone().into_iter().chain([id.clone()]).collect();
    // The driver takes no other options; those of the cluster's network are for the data plane, which has them from the manager.
    let options = [id].into_iter().collect();
    let pool = IpamConfig {
        subnet: Some(network.subnet.trunc().to_string()),
        gateway: Some(network.gateway.to_string()),
        ..IpamConfig::default()
    };
    let body = NetworkCreateRequest {
        name: network.name.clone(),
        driver: Some(NETWORK_DRIVER.to_owned()),
        internal: Some(network.internal),
        attachable: Some(network.attachable),
        ipam: Some(Ipam { config: Some(vec![pool]), ..Ipam::default() }),
        options: Some(options),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    NetworkPlan { id: network.id.clone(), body }
}

/// The container's place on a network. It gets no aliases there: the engine's own resolver would answer them with this one
/// container, where the name of a service has to be answered with its virtual address.
fn endpoint(network: &TaskNetwork<'_>) -> EndpointPlan {
    let address = EndpointIpamConfig {
        ipv4_address: Some(network.addr.addr().to_string()),
        ..EndpointIpamConfig::default()
    };
    let settings = EndpointSettings { ipam_config: Some(address), ..EndpointSettings::default() };
    let name = network.network.name.clone();
    EndpointPlan { network: network.engine_id.to_owned(), name, settings }
}

/// Swarm's command is the engine's entry point, and its arguments are the engine's command.
fn command(spec: &ContainerSpec) -> (Option<Vec<String>>, Option<Vec<String>>) {
    (some_list(spec.command.clone()), some_list(spec.args.clone()))
}

/// Only values have placeholders, not names. What the task was given of its node comes last, so that nothing hides it.
fn environment(spec: &ContainerSpec, context: &Context<'_>) -> Result<Vec<String>, TemplateError> {
    let own = spec.env.iter().map(|entry| match entry.split_once('=') {
        Some((name, value)) => Ok(format!("{name}={}", expand(value, context)?)),
        None => Ok(entry.clone()),
    });
    let given = generic_resource::environment(&context.task.generic_resources);
    own.chain(given.into_iter().map(Ok)).collect()
}

fn labels(task: &TaskAssignment, spec: &ContainerSpec) -> HashMap<String, String> {
    let system = [
        ("com.docker.swarm.task", String::new()),
        (TASK_ID_LABEL, task.id.to_string()),
        ("com.docker.swarm.task.name", task_name(task)),
        (NODE_ID_LABEL, task.node_id.to_string()),
        ("com.docker.swarm.service.id", task.service_id.to_string()),
        ("com.docker.swarm.service.name", task.service_name.clone()),
    ];
    let system = system.map(|(key, value)| (key.to_owned(), value));
    // The system's labels come last: a user's label cannot hide a container from its node.
    to_map(&spec.labels).into_iter().chain(system).collect()
}

/// Zero members are left out, which the engine takes from the image.
fn health(config: &HealthConfig) -> EngineHealthConfig {
    let some = |time: Nanoseconds| (!time.is_zero()).then_some(time.0);
    EngineHealthConfig {
        test: some_list(config.test.clone()),
        interval: some(config.interval),
        timeout: some(config.timeout),
        retries: (config.retries != 0).then_some(config.retries),
        start_period: some(config.start_period),
        start_interval: some(config.start_interval),
    }
}

/// The engine counts whole seconds; a part of one is rounded up, so that no task gets less than it asked for.
fn grace_seconds(spec: &ContainerSpec) -> i64 {
    let grace = spec.stop_grace();
    let second = Nanoseconds::from_secs(1).0;
    grace.0.max(0).saturating_add(second - 1) / second
}

#[cfg(test)]
mod tests;
