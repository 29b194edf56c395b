//! What the agent has to be told about its node.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use swarmlite_proto::spec::GenericResource;
use swarmlite_vault::Vault;

use crate::network::balancer::choice::Picked;

/// What the agent has to be told about its node.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Where the node keeps its certificates, what it remembers, and the namespaces of its networks.
    pub state_dir: PathBuf,
    /// Where the node keeps what must not survive it: the secrets of its tasks, in memory.
    pub run_dir: PathBuf,
    /// Seals the key of the node's certificate on the disk while there is a lock.
    pub vault: Arc<Vault>,
    /// Whether the node is a witness, which has neither an engine nor a data plane.
    pub witness: bool,
    /// The Unix socket of the Docker Engine.
    pub docker: PathBuf,
    /// Docker's plugin folder, where the engine looks for the network driver.
    pub plugin_dir: PathBuf,
    /// What balances connections on this node, and why: see [`crate::network::balancer::choice::pick`].
    pub dataplane: Picked,
    /// The address that other nodes send tunnel traffic to.
    pub data_path_addr: IpAddr,
    /// The name of the node. `None`: the one the engine gives. For several nodes on one machine.
    pub hostname: Option<String>,
    /// Where the kernel's `/proc` is, by which the load of the machine is measured.
    pub procfs: PathBuf,
    /// The countable resources of the node, for the scheduler.
    pub generic_resources: Vec<GenericResource>,
}
