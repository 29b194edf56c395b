//! What Docker Swarm refuses and people ask for: devices, GPUs, privileges, namespaces of the node. They are members of
//! [`ContainerSpec`] under the names that they have in the `HostConfig` of Docker's containers.
//!
//! A service is always updated as a whole, by clients that write back what they have read. Those made for Docker's API drop the
//! members that they do not know, and must not take a device from a service by changing its image. So **a member that is absent from
//! an update stays as it is, and an empty one (`[]`, `false`, `0`, `""`) takes it back.**
//!
//! Clients and Compose files that know nothing of the members set labels of the service, which name the options of the command line:
//! `swarmlite.container.device=/dev/ttyUSB0`. Labels are part of every update, so that what a label asks for goes with it.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::ContainerSpec;
use super::Labels;
use super::ServiceSpec;
use super::TaskSpec;
use crate::error::Error;
use crate::value::bytes;
use crate::value::device;

/// Labels of a service that begin with this are options of its containers, as in `swarmlite.container.shm-size=64m`.
pub const CONTAINER_LABELS: &str = "swarmlite.container.";

/// A device of the node that a container gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceMapping {
    /// Where it is on the node.
    pub path_on_host: String,
    /// Where it is in the container. Empty: the same.
    pub path_in_container: String,
    /// Some of r (read), w (write) and m (make nodes). Empty: all.
    pub cgroup_permissions: String,
}

/// Devices that a driver of the engine hands out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceRequest {
    /// Which driver. Empty: one that has the capabilities.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// How many; -1 means all.
    pub count: i64,
    /// Which ones.
    #[serde(rename = "DeviceIDs", skip_serializing_if = "Vec::is_empty")]
    pub device_ids: Vec<String>,
    /// What they must be capable of: all of one of the lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Vec<String>>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
}

/// One of these members, by the option of the command line that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerOption {
    /// [`ContainerSpec::devices`].
    Device,
    /// [`ContainerSpec::device_cgroup_rules`].
    DeviceCgroupRule,
    /// [`ContainerSpec::device_requests`].
    Gpus,
    /// [`ContainerSpec::privileged`].
    Privileged,
    /// [`ContainerSpec::shm_size`].
    ShmSize,
    /// [`ContainerSpec::security_opt`].
    SecurityOpt,
    /// [`ContainerSpec::ipc_mode`].
    Ipc,
    /// [`ContainerSpec::pid_mode`].
    Pid,
    /// [`ContainerSpec::cgroup_parent`].
    CgroupParent,
    /// [`ContainerSpec::cgroupns_mode`].
    Cgroupns,
    /// [`ContainerSpec::runtime`].
    Runtime,
}

impl ContainerOption {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Device,
        Self::DeviceCgroupRule,
        Self::Gpus,
        Self::Privileged,
        Self::ShmSize,
        Self::SecurityOpt,
        Self::Ipc,
        Self::Pid,
        Self::CgroupParent,
        Self::Cgroupns,
        Self::Runtime,
    ];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::DeviceCgroupRule => "device-cgroup-rule",
            Self::Gpus => "gpus",
            Self::Privileged => "privileged",
            Self::ShmSize => "shm-size",
            Self::SecurityOpt => "security-opt",
            Self::Ipc => "ipc",
            Self::Pid => "pid",
            Self::CgroupParent => "cgroup-parent",
            Self::Cgroupns => "cgroupns",
            Self::Runtime => "runtime",
        }
    }

    fn of_label(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|option| option.as_str() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("unknown container option {name:?}: {names} are known")
        })
    }

    /// Takes the value of a label. Options that take several values have commas between them.
    fn set(self, container: &mut ContainerSpec, value: &str) -> Result<(), String> {
        let text = || Some(value.to_owned());
        match self {
            Self::Device => container.devices = Some(list(value, device::mapping)?),
            Self::DeviceCgroupRule => {
                container.device_cgroup_rules = Some(list(value, device::rule)?);
            }
            Self::Gpus => container.device_requests = Some(vec![device::gpus(value)?]),
            Self::Privileged => container.privileged = Some(switch(value)?),
            Self::ShmSize => container.shm_size = Some(bytes::parse(value)?),
            Self::SecurityOpt => {
                container.security_opt = Some(list(value, |one| Ok(one.to_owned()))?);
            }
            Self::Ipc => container.ipc_mode = text(),
            Self::Pid => container.pid_mode = text(),
            Self::CgroupParent => container.cgroup_parent = text(),
            Self::Cgroupns => container.cgroupns_mode = text(),
            Self::Runtime => container.runtime = text(),
        }
        Ok(())
    }

    /// What a container asks for, as it is written; one line for each value. `None` if it does not ask.
    #[must_use]
    pub fn get(self, container: &ContainerSpec) -> Option<Vec<String>> {
        let one = |value: &Option<String>| value.clone().map(|value| vec![value]);
        match self {
            Self::Device => lines(container.devices.as_ref(), device::show_mapping),
            Self::DeviceCgroupRule => container.device_cgroup_rules.clone(),
            Self::Gpus => lines(container.device_requests.as_ref(), device::show_request),
            Self::Privileged => container.privileged.map(|value| vec![value.to_string()]),
            Self::ShmSize => container.shm_size.map(|value| vec![value.to_string()]),
            Self::SecurityOpt => container.security_opt.clone(),
            Self::Ipc => one(&container.ipc_mode),
            Self::Pid => one(&container.pid_mode),
            Self::CgroupParent => one(&container.cgroup_parent),
            Self::Cgroupns => one(&container.cgroupns_mode),
            Self::Runtime => one(&container.runtime),
        }
    }
}

fn lines<T>(values: Option<&Vec<T>>, show: impl Fn(&T) -> String) -> Option<Vec<String>> {
    values.map(|values| values.iter().map(show).collect())
}

fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(|one| read(one.trim())).collect()
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("invalid boolean value {text:?}: must be true or false")),
    }
}

impl ContainerSpec {
    /// Takes over from `old` those of these members that this spec says nothing about, and the readiness check likewise.
    pub fn keep_extensions(&mut self, old: &Self) {
        fn keep<T: Clone>(new: &mut Option<T>, old: &Option<T>) {
            if new.is_none() {
                new.clone_from(old);
            }
        }
        keep(&mut self.readiness, &old.readiness);
        keep(&mut self.devices, &old.devices);
        keep(&mut self.device_cgroup_rules, &old.device_cgroup_rules);
        keep(&mut self.device_requests, &old.device_requests);
        keep(&mut self.privileged, &old.privileged);
        keep(&mut self.shm_size, &old.shm_size);
        keep(&mut self.security_opt, &old.security_opt);
        keep(&mut self.ipc_mode, &old.ipc_mode);
        keep(&mut self.pid_mode, &old.pid_mode);
        keep(&mut self.cgroup_parent, &old.cgroup_parent);
        keep(&mut self.cgroupns_mode, &old.cgroupns_mode);
        keep(&mut self.runtime, &old.runtime);
    }

    /// Drops those of these members that ask for nothing, which is what Docker's API has a form for.
    pub(crate) fn drop_empty_extensions(&mut self) {
        fn drop_empty<T: Default + PartialEq>(member: &mut Option<T>) {
            if member.as_ref().is_some_and(|value| *value == T::default()) {
                *member = None;
            }
        }
        drop_empty(&mut self.devices);
        drop_empty(&mut self.device_cgroup_rules);
        drop_empty(&mut self.device_requests);
        drop_empty(&mut self.privileged);
        drop_empty(&mut self.shm_size);
        drop_empty(&mut self.security_opt);
        drop_empty(&mut self.ipc_mode);
        drop_empty(&mut self.pid_mode);
        drop_empty(&mut self.cgroup_parent);
        drop_empty(&mut self.cgroupns_mode);
        drop_empty(&mut self.runtime);
    }
}

impl ServiceSpec {
    /// What the tasks of the service are made from: its task template, with what its labels ask for.
    ///
    /// # Errors
    ///
    /// For a label that is no possible option, and for one that says something else than the member that it stands for.
    pub fn task(&self) -> Result<TaskSpec, Error> {
        let mut task = self.task_template.clone();
        let Some(container) = &mut task.container_spec else { return Ok(task) };
        for (label, value) in &self.labels {
            let Some(name) = label.strip_prefix(CONTAINER_LABELS) else { continue };
            let refused = |reason| Error::invalid(format!("label {label}: {reason}"));
            let option = ContainerOption::of_label(name).map_err(refused)?;
            let asked = option.get(container);
            option.set(container, value).map_err(refused)?;
            match (asked, option.get(container)) {
                (Some(asked), Some(labelled)) if asked != labelled => {
                    let (asked, labelled) = (asked.join(" "), labelled.join(" "));
                    return Err(Error::invalid(format!(
                        "container option {name} is {asked}, but label {label} is {labelled}"
                    )));
                }
                _ => {}
            }
        }
        container.drop_empty_extensions();
        Ok(task)
    }
}

#[cfg(test)]
mod tests;
