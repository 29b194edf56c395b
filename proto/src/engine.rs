//! By which names the Docker Engine of a node knows what is of the cluster.

/// The driver of the Docker networks that stand for networks of the cluster.
pub const NETWORK_DRIVER: &str = "swarmlite";

/// The label and driver option of such a network that tells which of the cluster's it stands for.
pub const NETWORK_ID_LABEL: &str = "swarmlite.network.id";

/// The label of a container that tells its task.
pub const TASK_ID_LABEL: &str = "com.docker.swarm.task.id";

/// The label of a container that tells its node.
pub const NODE_ID_LABEL: &str = "com.docker.swarm.node.id";
