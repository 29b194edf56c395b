//! What Docker Swarm refuses and swarmlite takes: see [`crate::spec::extension`].

use super::require;
use crate::error::Error;
use crate::error::Result;
use crate::spec::ContainerSpec;
use crate::value::device;

/// Fills in what absent parts of devices mean.
pub(super) fn complete(container: &mut ContainerSpec) {
    for device in container.devices.iter_mut().flatten() {
        if device.path_in_container.is_empty() {
            device.path_in_container.clone_from(&device.path_on_host);
        }
        if device.cgroup_permissions.is_empty() {
            device::ALL_ACCESS.clone_into(&mut device.cgroup_permissions);
        }
    }
}

/// Checks what a container asks for beyond Docker Swarm.
pub(super) fn check(container: &ContainerSpec) -> Result<()> {
    for asked in container.devices.iter().flatten() {
        device::mapping(&device::show_mapping(asked))
            .map_err(|why| Error::invalid(format!("ContainerSpec: invalid device: {why}")))?;
    }
    for rule in container.device_cgroup_rules.iter().flatten() {
        device::rule(rule).map_err(|why| Error::invalid(format!("ContainerSpec: {why}")))?;
    }
    for request in container.device_requests.iter().flatten() {
        require(request.count == 0 || request.device_ids.is_empty(), || {
            "ContainerSpec: cannot set both Count and DeviceIDs on device request".to_owned()
        })?;
    }
    require(container.shm_size.is_none_or(|size| size >= 0), || {
        "ContainerSpec: SHM size can not be less than 0".to_owned()
    })?;
    for option in container.security_opt.iter().flatten() {
        // The command line of Docker turns it into members that a service does not have.
        require(!option.starts_with("systempaths"), || {
            format!("ContainerSpec: SecurityOpt {option:?} is not supported")
        })?;
    }
    // Another container's is no choice: it may be on another node.
    for (member, value, known) in [
        ("IpcMode", &container.ipc_mode, &["none", "private", "shareable", "host"][..]),
        ("PidMode", &container.pid_mode, &["host"]),
        ("CgroupnsMode", &container.cgroupns_mode, &["private", "host"]),
    ] {
        let value = value.as_deref().unwrap_or_default();
        require(value.is_empty() || known.contains(&value), || {
            format!("ContainerSpec: invalid {member} {value:?}: must be {}", known.join(", "))
        })?;
    }
    Ok(())
}
