//! The container of a task.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::ConfigReference;
use super::DeviceMapping;
use super::DeviceRequest;
use super::Labels;
use super::Privileges;
use super::ReadinessConfig;
use super::SecretReference;
use super::is_default;
use crate::time::Nanoseconds;

/// What the container is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerSpec {
    /// The image, with tag or digest.
    pub image: String,
    /// Labels of the container.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The entry point; empty means the image's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The arguments; empty means the image's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Its host name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Its environment, as `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Its working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// The user it runs as, `user[:group]`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Further groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What the kernel's security modules let it do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Privileges>,
    /// Whether an init process reaps children. Absent: the engine's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// The signal that asks it to stop. Empty: the image's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Whether it has a terminal.
    #[serde(rename = "TTY", skip_serializing_if = "is_default")]
    pub tty: bool,
    /// Whether its standard input is open.
    #[serde(skip_serializing_if = "is_default")]
    pub open_stdin: bool,
    /// Whether its root file system is read-only.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only: bool,
    /// What is mounted into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// How long it gets to stop before it is killed. Absent: 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace_period: Option<Nanoseconds>,
    /// How its health is checked. Absent: the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<HealthConfig>,
    /// How it is found out whether it is to get requests. Absent: as soon as it runs. Not in Docker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<ReadinessConfig>,
    /// Lines for /etc/hosts, as `ADDRESS NAME...`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Its resolver.
    #[serde(rename = "DNSConfig", skip_serializing_if = "Option::is_none")]
    pub dns_config: Option<DnsConfig>,
    /// The secrets it has, as files in memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretReference>,
    /// The configs it has, as files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<ConfigReference>,
    /// The isolation technology (Windows); empty or `default` on Linux.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub isolation: String,
    /// Kernel parameters of its namespaces.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub sysctls: Labels,
    /// Capabilities beyond the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_add: Vec<String>,
    /// Default capabilities that are taken away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_drop: Vec<String>,
    /// Resource limits of its processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// Preference to be killed when memory runs out, -1000 to 1000.
    #[serde(skip_serializing_if = "is_default")]
    pub oom_score_adj: i64,
    /// Devices of the node that it gets. Not in Docker, as all that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<DeviceMapping>>,
    /// Further devices that it may use, as `c 13:* rwm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_cgroup_rules: Option<Vec<String>>,
    /// Devices that a driver of the engine hands out, such as GPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_requests: Option<Vec<DeviceRequest>>,
    /// Whether it may do on its node whatever the engine may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// Size of /dev/shm, in bytes; 0 means the engine's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<i64>,
    /// Options of the kernel's security modules, as `apparmor=unconfined`; beside those that follow from the privileges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_opt: Option<Vec<String>>,
    /// Whose shared memory it sees: `none`, `private`, `shareable` or `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<String>,
    /// Whose processes it sees: `host`, or its own if empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<String>,
    /// The control group that its own is made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_parent: Option<String>,
    /// Whose control groups it sees: `private` or `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroupns_mode: Option<String>,
    /// The runtime of the engine that runs it, such as `nvidia` or `runsc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
}

impl ContainerSpec {
    /// The grace period when none is given (swarmkit `api/defaults/service.go`).
    pub const DEFAULT_STOP_GRACE: Nanoseconds = Nanoseconds::from_secs(10);

    /// How long it gets to stop before it is killed.
    #[must_use]
    pub fn stop_grace(&self) -> Nanoseconds {
        self.stop_grace_period.unwrap_or(Self::DEFAULT_STOP_GRACE)
    }
}

/// One mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Mount {
    /// What kind of thing is mounted.
    #[serde(rename = "Type")]
    pub kind: MountType,
    /// The path on the host, or the volume's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The path in the container.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Whether it cannot be written.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only: bool,
    /// Consistency on Docker Desktop; kept and passed on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub consistency: String,
    /// For bind mounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_options: Option<MountBindOptions>,
    /// For volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_options: Option<MountVolumeOptions>,
    /// For tmpfs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs_options: Option<MountTmpfsOptions>,
    /// For images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_options: Option<MountImageOptions>,
}

/// What kind of thing is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MountType {
    /// A path of the host.
    Bind,
    /// A named or anonymous volume.
    #[default]
    Volume,
    /// Memory.
    Tmpfs,
    /// The files of an image.
    Image,
}

impl MountType {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Volume => "volume",
            Self::Tmpfs => "tmpfs",
            Self::Image => "image",
        }
    }
}

/// Options of a bind mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct MountBindOptions {
    /// As `rprivate`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub propagation: String,
    /// Leave out what is mounted below the source.
    #[serde(skip_serializing_if = "is_default")]
    pub non_recursive: bool,
    /// Make the source if it is absent.
    #[serde(skip_serializing_if = "is_default")]
    pub create_mountpoint: bool,
    /// If it is read-only: leave what is mounted below the source writable.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only_non_recursive: bool,
    /// If it is read-only: fail rather than leave what is mounted below the source writable.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only_force_recursive: bool,
}

/// Options of a volume mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct MountVolumeOptions {
    /// Do not copy the image's files into a new volume.
    #[serde(skip_serializing_if = "is_default")]
    pub no_copy: bool,
    /// Labels of a volume that is made.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The directory of the volume that is mounted; empty means all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// The driver of a volume that is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_config: Option<MountDriver>,
}

/// The driver of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct MountDriver {
    /// Which driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its options.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
}

/// Options of a tmpfs mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct MountTmpfsOptions {
    /// Size in bytes; 0 means no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub size_bytes: i64,
    /// Mode bits; 0 means 1777.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: u32,
    /// Options of mount(8), each as `[name]` or `[name, value]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Vec<String>>,
}

/// Options of an image mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct MountImageOptions {
    /// The directory of the image that is mounted; empty means all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subpath: String,
}

/// How health is checked. Zero members are inherited from the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthConfig {
    /// `["NONE"]`, `["CMD", ...]` or `["CMD-SHELL", command]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Time between checks.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub interval: Nanoseconds,
    /// Time a check may take.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub timeout: Nanoseconds,
    /// Time to start in which failures do not count.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub start_period: Nanoseconds,
    /// Time between checks while it starts.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub start_interval: Nanoseconds,
    /// Failures in a row that make it unhealthy.
    #[serde(skip_serializing_if = "is_default")]
    pub retries: i64,
}

/// The resolver of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DnsConfig {
    /// Addresses of servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// Domains to search.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options of resolv.conf.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// One resource limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Ulimit {
    /// As `nofile`.
    pub name: String,
    /// The limit a process may raise its own to.
    pub hard: i64,
    /// The limit in force.
    pub soft: i64,
}
