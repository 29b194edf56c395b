//! The engine of this node, and how it is reached.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;

use bollard::API_DEFAULT_VERSION;
use bollard::Docker;
use bollard::models::Network;
use bollard::query_parameters::ListNetworksOptionsBuilder;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;

use super::answer::failure;
use crate::task::runtime::RuntimeError;
use crate::task::translate::network_filter;

/// How long the engine may take for a call that does not wait for a container, in seconds. It is slow when it starts many containers at once.
const CALL_TIMEOUT: u64 = 120;

/// The Docker Engine of this node.
#[derive(Clone, Debug)]
pub(crate) struct DockerRuntime {
    pub(super) docker: Docker,
    pub(super) socket: PathBuf,
    pub(super) node_id: NodeId,
}

impl DockerRuntime {
    /// Connects to the engine on the Unix socket `socket`. Only containers with the label of `node_id` are seen as the node's own.
    ///
    /// # Errors
    ///
    /// When no engine answers there.
    pub(crate) async fn connect(socket: &Path, node_id: NodeId) -> Result<Self, RuntimeError> {
        let path = socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, CALL_TIMEOUT, API_DEFAULT_VERSION)
            .map_err(failure)?
            .negotiate_version()
            .await
            .map_err(failure)?;
        Ok(Self { docker, socket: socket.to_owned(), node_id })
    }

    /// The Docker networks that stand for the cluster's, or for this one.
    pub(super) async fn list_networks(
        &self,
        which: Option<&NetworkId>,
    ) -> Result<Vec<Network>, RuntimeError> {
        let filters = filters("label", [network_filter(which)]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        self.docker.list_networks(Some(options)).await.map_err(failure)
    }

    /// The engine's id of the network that stands for one of the cluster's.
    pub(super) async fn network_id(
        &self,
        network: &NetworkId,
    ) -> Result<Option<String>, RuntimeError> {
        let networks = self.list_networks(Some(network)).await?;
        Ok(networks.into_iter().find_map(|network| network.id))
    }
}

/// Values of one key, as filters of the engine.
pub(super) fn filters<const N: usize>(
    key: &'static str,
    values: [String; N],
) -> HashMap<&'static str, Vec<String>> {
    HashMap::from([(key, values.to_vec())])
}
