//! The options of containers that Docker Swarm refuses ([`crate::spec::extension`]), as they are written on the command line and in labels.
//!
//! Clients and Compose files that know nothing of the members of the spec set labels of the service, which name the options of the command
//! line: `swarmlite.container.device=/dev/ttyUSB0`. Labels are part of every update, so that what a label asks for goes with it.

use crate::error::Error;
use crate::label_option;
use crate::label_option::LabelOption;
use crate::placement_option::PlacementOption;
use crate::spec::ContainerSpec;
use crate::spec::ServiceSpec;
use crate::spec::TaskSpec;
use crate::value::bytes;
use crate::value::device;

/// Labels of a service that begin with this are options of its containers, as in `swarmlite.container.shm-size=64m`.
pub const CONTAINER_LABELS: &str = "swarmlite.container.";

/// One of the members, by the option of the command line that sets it.
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

impl LabelOption for ContainerOption {
    type Of = ContainerSpec;
    const LABELS: &'static str = CONTAINER_LABELS;
    const KIND: &'static str = "container option";
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.as_str()
    }

    fn set(self, container: &mut ContainerSpec, value: &str) -> Result<(), String> {
        self.set(container, value)
    }

    fn get(self, container: &ContainerSpec) -> Option<Vec<String>> {
        self.get(container)
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
        if let Some(container) = &mut task.container_spec {
            label_option::take::<ContainerOption>(&self.labels, container)?;
            container.drop_empty_extensions();
        }
        if label_option::are_in::<PlacementOption>(&self.labels) {
            let placement = task.placement.get_or_insert_default();
            label_option::take::<PlacementOption>(&self.labels, placement)?;
        }
        Ok(task)
    }
}

#[cfg(test)]
mod tests;
