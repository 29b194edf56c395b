//! The part of a container that the engine keeps in `HostConfig`: what it gets from the machine.

use bollard::models::DeviceMapping as EngineDevice;
use bollard::models::DeviceRequest as EngineDeviceRequest;
use bollard::models::HostConfig;
use bollard::models::HostConfigCgroupnsModeEnum as CgroupnsMode;
use bollard::models::HostConfigLogConfig;
use bollard::models::PortBinding;
use bollard::models::PortMap;
use bollard::models::ResourcesUlimits;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::DeviceMapping;
use swarmlite_proto::spec::DeviceRequest;
use swarmlite_proto::spec::DnsConfig;
use swarmlite_proto::spec::PortConfig;

use super::error::TranslateError;
use super::mount;
use super::plan::TaskNetwork;
use super::security;
use super::values::some_list;
use super::values::some_text;
use super::values::to_map;
use crate::task::template::Context;

/// Everything in `HostConfig`.
pub(super) fn config(
    spec: &ContainerSpec,
    networks: &[TaskNetwork<'_>],
    network_mode: Option<String>,
    context: &Context<'_>,
) -> Result<HostConfig, TranslateError> {
    if !matches!(spec.isolation.as_str(), "" | "default") {
        let value = spec.isolation.clone();
        return Err(TranslateError::Unsupported { field: "Isolation", value });
    }
    let dns = dns(spec.dns_config.as_ref(), networks);
    let mounts = spec.mounts.iter().map(|mount| mount::translate(mount, context));
    let base = extensions(spec, resources(context.task))?;
    Ok(HostConfig {
        network_mode,
        port_bindings: bindings(context.task),
        log_config: log_driver(context.task),
        mounts: some_list(mounts.collect::<Result<_, _>>()?),
        ulimits: some_list(ulimits(spec)),
        init: spec.init,
        cap_add: some_list(spec.capability_add.clone()),
        cap_drop: some_list(spec.capability_drop.clone()),
        dns: some_list(dns.nameservers),
        dns_options: some_list(dns.options),
        dns_search: some_list(dns.search),
        extra_hosts: some_list(hosts(&spec.hosts)),
        group_add: some_list(spec.groups.clone()),
        oom_score_adj: (spec.oom_score_adj != 0).then_some(spec.oom_score_adj),
        readonly_rootfs: Some(spec.read_only),
        security_opt: some_list(security::options(spec)?),
        sysctls: (!spec.sysctls.is_empty()).then(|| to_map(&spec.sysctls)),
        ..base
    })
}

/// What Docker Swarm has no members for.
fn extensions(spec: &ContainerSpec, base: HostConfig) -> Result<HostConfig, TranslateError> {
    let cgroupns_mode = match spec.cgroupns_mode.as_deref() {
        None | Some("") => None,
        Some("private") => Some(CgroupnsMode::PRIVATE),
        Some("host") => Some(CgroupnsMode::HOST),
        Some(other) => {
            let value = other.to_owned();
            return Err(TranslateError::Unsupported { field: "CgroupnsMode", value });
        }
    };
    let text = |value: &Option<String>| value.as_deref().and_then(some_text);
    Ok(HostConfig {
        devices: spec.devices.as_ref().map(|devices| devices.iter().map(device).collect()),
        device_cgroup_rules: spec.device_cgroup_rules.clone(),
        device_requests: spec
            .device_requests
            .as_ref()
            .map(|requests| requests.iter().map(device_request).collect()),
        privileged: spec.privileged,
        shm_size: spec.shm_size.filter(|size| *size != 0),
        ipc_mode: text(&spec.ipc_mode),
        pid_mode: text(&spec.pid_mode),
        cgroup_parent: text(&spec.cgroup_parent),
        cgroupns_mode,
        runtime: text(&spec.runtime),
        ..base
    })
}

fn device(device: &DeviceMapping) -> EngineDevice {
    EngineDevice {
        path_on_host: some_text(&device.path_on_host),
        path_in_container: some_text(&device.path_in_container),
        cgroup_permissions: some_text(&device.cgroup_permissions),
    }
}

fn device_request(request: &DeviceRequest) -> EngineDeviceRequest {
    EngineDeviceRequest {
        driver: some_text(&request.driver),
        count: (request.count != 0).then_some(request.count),
        device_ids: some_list(request.device_ids.clone()),
        capabilities: some_list(request.capabilities.clone()),
        options: (!request.options.is_empty()).then(|| to_map(&request.options)),
    }
}

/// The container's side of the ports that the engine publishes, as `80/tcp`.
pub(super) fn exposed_ports(task: &TaskAssignment) -> Vec<String> {
    task.host_ports.iter().map(container_port).collect()
}

fn container_port(port: &PortConfig) -> String {
    format!("{}/{}", port.target_port, port.protocol.as_str())
}

/// Port 0 lets the engine choose.
fn bindings(task: &TaskAssignment) -> Option<PortMap> {
    let mut map = PortMap::new();
    for port in &task.host_ports {
        let number = port.published_port;
        let host_port = if number == 0 { String::new() } else { number.to_string() };
        let binding = PortBinding { host_ip: None, host_port: Some(host_port) };
        map.entry(container_port(port)).or_default().get_or_insert_default().push(binding);
    }
    (!map.is_empty()).then_some(map)
}

fn resources(task: &TaskAssignment) -> HostConfig {
    let some = |amount: i64| (amount != 0).then_some(amount);
    let asked = task.spec.resources.clone().unwrap_or_default();
    let limits = asked.limits.unwrap_or_default();
    let reserved = asked.reservations.unwrap_or_default();
    HostConfig {
        nano_cpus: some(limits.nano_cpus),
        memory: some(limits.memory_bytes),
        pids_limit: some(limits.pids),
        memory_reservation: some(reserved.memory_bytes),
        memory_swap: asked.swap_bytes.map(|swap| memory_swap(limits.memory_bytes, swap)),
        memory_swappiness: asked.memory_swappiness.filter(|swappiness| *swappiness >= 0),
        ..HostConfig::default()
    }
}

/// The engine counts memory and swap together, and takes -1 for no limit of swap.
const fn memory_swap(memory: i64, swap: i64) -> i64 {
    if swap < 0 { -1 } else { memory.saturating_add(swap) }
}

fn log_driver(task: &TaskAssignment) -> Option<HostConfigLogConfig> {
    let driver = task.spec.log_driver.as_ref().or(task.log_driver.as_ref())?;
    let name = (!driver.name.is_empty()).then(|| driver.name.clone());
    Some(HostConfigLogConfig { typ: name, config: Some(to_map(&driver.options)) })
}

fn ulimits(spec: &ContainerSpec) -> Vec<ResourcesUlimits> {
    let ulimits = spec.ulimits.iter().map(|ulimit| ResourcesUlimits {
        name: Some(ulimit.name.clone()),
        soft: Some(ulimit.soft),
        hard: Some(ulimit.hard),
    });
    ulimits.collect()
}

/// The cluster's resolver answers on the gateway address of each network, but knows names of services only on networks of users: on
/// the ingress network nobody looks for names. A user's own resolvers take its place, as in Swarm.
fn dns(asked: Option<&DnsConfig>, networks: &[TaskNetwork<'_>]) -> DnsConfig {
    let mut dns = asked.cloned().unwrap_or_default();
    if dns.nameservers.is_empty() {
        let named = networks.iter().find(|attached| !attached.network.ingress);
        dns.nameservers.extend(named.map(|attached| attached.network.gateway.to_string()));
    }
    dns
}

/// Swarm writes `ADDRESS NAME...` as hosts(5) does, the engine `NAME:ADDRESS`.
fn hosts(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .flat_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().unwrap_or_default();
            words.map(move |name| format!("{name}:{address}"))
        })
        .collect()
}
