//! What a container gets of its node: devices, GPUs, privileges, namespaces. Docker drops all of it with a warning; the cluster has it.

use std::io;

use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::DeviceMapping;
use swarmlite_proto::spec::DeviceRequest;
use swarmlite_proto::value::device;
use swarmlite_proto::value::security_opt;

use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;

/// What GPUs are capable of, when nothing else is asked for.
const GPU: &str = "gpu";

/// Fills in what a service asks for.
pub(super) fn fill(container: &mut ContainerSpec, section: &mut Section<'_>) -> Result<()> {
    container.devices = section.read("devices", |node| each(node, mapping))?;
    container.device_cgroup_rules = section.read("device_cgroup_rules", |node| {
        each(node, |node| device::rule(&node.string()?).map_err(|why| node.invalid(why)))
    })?;
    container.device_requests = section.read("gpus", gpus)?;
    container.privileged = section.read("privileged", Node::boolean)?;
    container.shm_size = section.read("shm_size", Node::bytes)?;
    container.security_opt = section.read("security_opt", |node| each(node, security_option))?;
    container.ipc_mode = section.read("ipc", Node::string)?;
    container.pid_mode = section.read("pid", Node::string)?;
    container.cgroup_parent = section.read("cgroup_parent", Node::string)?;
    container.cgroupns_mode = section.read("cgroup", Node::string)?;
    container.runtime = section.read("runtime", Node::string)?;
    Ok(())
}

/// Adds the devices that `deploy` sets aside: the other words for GPUs.
pub(super) fn add_reserved(container: &mut ContainerSpec, reserved: Vec<DeviceRequest>) {
    if !reserved.is_empty() {
        container.device_requests.get_or_insert_default().extend(reserved);
    }
}

fn each<T>(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Result<T>) -> Result<Vec<T>> {
    node.items()?.iter().map(read).collect()
}

/// `host[:container[:permissions]]`, or a mapping.
fn mapping(node: &Node<'_>) -> Result<DeviceMapping> {
    if let Ok(text) = node.string() {
        return device::mapping(&text).map_err(|why| node.invalid(why));
    }
    let mut section = node.section()?;
    let mapping = DeviceMapping {
        path_on_host: section.get("source", Node::string)?,
        path_in_container: section.get("target", Node::string)?,
        cgroup_permissions: section.get("permissions", Node::string)?,
    };
    section.finish()?;
    Ok(mapping)
}

/// `all`, or a list of requests.
fn gpus(node: &Node<'_>) -> Result<Vec<DeviceRequest>> {
    match node.string() {
        Ok(text) => device::gpus(&text).map(|gpus| vec![gpus]).map_err(|why| node.invalid(why)),
        Err(_) => each(node, request),
    }
}

/// A request for devices, GPUs if it says nothing else; all of them if it says neither which nor how many.
pub(super) fn request(node: &Node<'_>) -> Result<DeviceRequest> {
    let mut section = node.section()?;
    let device_ids = section.get("device_ids", Node::strings)?;
    let count = section.read("count", |node| match node.string() {
        Ok(text) if text == "all" => Ok(-1),
        _ => node.integer(),
    })?;
    let capabilities = section.get("capabilities", Node::strings)?;
    let request = DeviceRequest {
        driver: section.get("driver", Node::string)?,
        count: count.unwrap_or(if device_ids.is_empty() { -1 } else { 0 }),
        device_ids,
        capabilities: vec![if capabilities.is_empty() {
            vec![GPU.to_owned()]
        } else {
            capabilities
        }],
        options: section.get("options", Node::labels)?,
    };
    section.finish()?;
    Ok(request)
}

fn security_option(node: &Node<'_>) -> Result<String> {
    let no_file =
        |_: &str| Err(io::Error::other("in Compose files, profiles are builtin or unconfined"));
    security_opt::parse(&node.string()?, no_file).map_err(|why| node.invalid(why))
}
