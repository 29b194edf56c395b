//! What Docker Swarm refuses and people ask for: devices, GPUs, privileges, namespaces of the node. They are members of
//! [`ContainerSpec`] under the names that they have in the `HostConfig` of Docker's containers.
//!
//! A service is always updated as a whole, by clients that write back what they have read. Those made for Docker's API drop the
//! members that they do not know, and must not take a device from a service by changing its image. So **a member that is absent from
//! an update stays as it is, and an empty one (`[]`, `false`, `0`, `""`) takes it back.**
//!
//! Labels of the service may ask for the same: [`crate::container_option`].

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::ContainerSpec;
use super::Labels;

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
