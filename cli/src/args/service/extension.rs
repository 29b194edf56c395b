//! Options about what a container gets of its node, which Docker has for containers and not for services.

use clap::Args;
use swarmlite_proto::spec::DeviceRequest;

use crate::value::bytes;
use crate::value::device;

/// What a container gets of its node. An empty value takes an option back.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Node")]
pub(crate) struct ExtensionFlags {
    /// Give the container GPUs: all, a count, or driver=,count=,device=,capabilities=,options=; 0 takes them away.
    #[arg(long, value_name = "GPUS", value_parser = device::gpus)]
    pub(crate) gpus: Option<DeviceRequest>,

    /// Give the container extended privileges: all that the engine has on its node.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) privileged: Option<bool>,

    /// Size of /dev/shm; 0 stands for the engine's default.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    pub(crate) shm_size: Option<i64>,

    /// IPC namespace of the container: none, private, shareable or host.
    #[arg(long, value_name = "MODE")]
    pub(crate) ipc: Option<String>,

    /// PID namespace of the container: host.
    #[arg(long, value_name = "MODE")]
    pub(crate) pid: Option<String>,

    /// Parent control group of the container.
    #[arg(long, value_name = "PATH")]
    pub(crate) cgroup_parent: Option<String>,

    /// Control group namespace of the container: private or host.
    #[arg(long, value_name = "MODE")]
    pub(crate) cgroupns: Option<String>,

    /// Runtime of the engine that runs the container, such as nvidia or runsc.
    #[arg(long, value_name = "NAME")]
    pub(crate) runtime: Option<String>,
}
