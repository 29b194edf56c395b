//! What the agent changes on its machine beside the engine, and why it cannot run: for those that start it and those that clear away.

use std::io;
use std::path::PathBuf;

use swarmlite_proto::id::NodeId;
use swarmlite_rpc::tls::TlsError;

use crate::config::AgentConfig;
use crate::ledger::LedgerError;
use crate::network;
use crate::network::DataPlane;
use crate::network::DataPlaneHandle;
use crate::task::files::Files;
use crate::task::files::memory;
use crate::task::runtime::RuntimeError;

/// The agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The Docker Engine does not answer.
    #[error("cannot use the Docker Engine at {}", .socket.display())]
    Engine {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        source: RuntimeError,
    },
    /// The identity of the node is not valid.
    #[error("cannot use the identity of the node")]
    Identity(#[from] TlsError),
    /// What the node remembers cannot be read.
    #[error("cannot read what the node remembers")]
    Ledger(#[from] LedgerError),
    /// There is no place for secrets.
    #[error("cannot mount memory on {} for secrets", .folder.display())]
    Memory {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data plane cannot run.
    #[error("cannot start the data plane")]
    DataPlane(#[source] io::Error),
}

/// The data plane of this node.
pub(crate) fn data_plane(config: &AgentConfig, node_id: NodeId) -> io::Result<DataPlaneHandle> {
    let plane_config = network::Config {
        state_dir: config.state_dir.clone(),
        node_id,
        data_path_addr: config.data_path_addr,
        plugin_dir: Some(config.plugin_dir.clone()),
    };
    DataPlane::start(plane_config, config.dataplane.balancer)
}

/// The files of secrets and configs, with memory for those that are secret.
pub(crate) fn files(config: &AgentConfig) -> Result<Files, StartError> {
    let folder = config.run_dir.join("secrets");
    memory::mount_on(&folder)
        .map_err(|source| StartError::Memory { folder: folder.clone(), source })?;
    Ok(Files::new(folder, config.state_dir.join("configs")))
}
