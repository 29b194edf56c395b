//! By which labels the engine's containers and networks are known as the cluster's.

use std::collections::HashMap;

use swarmlite_proto::engine::NETWORK_ID_LABEL;
use swarmlite_proto::engine::NODE_ID_LABEL;
use swarmlite_proto::engine::TASK_ID_LABEL;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;

/// The label that the Docker networks of the cluster have, as a filter of the engine: all of them, or the one that stands for `network`.
#[must_use]
pub(crate) fn network_filter(network: Option<&NetworkId>) -> String {
    network.map_or_else(|| NETWORK_ID_LABEL.to_owned(), |id| format!("{NETWORK_ID_LABEL}={id}"))
}

/// The label that the containers of `node` have, as a filter of the engine.
#[must_use]
pub(crate) fn node_filter(node: &NodeId) -> String {
    format!("{NODE_ID_LABEL}={node}")
}

/// The task of a container with these labels.
#[must_use]
pub(crate) fn task_of_labels(labels: &HashMap<String, String>) -> Option<TaskId> {
    labels.get(TASK_ID_LABEL)?.parse().ok()
}

/// The cluster's network that a Docker network with these labels stands for.
#[must_use]
pub(crate) fn network_of_labels(labels: &HashMap<String, String>) -> Option<NetworkId> {
    labels.get(NETWORK_ID_LABEL)?.parse().ok()
}
