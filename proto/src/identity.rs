//! Who a node is to others: its certificate, its key, and the authority it trusts.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::id::ClusterId;
use crate::id::NodeId;
use crate::spec::NodeRole;

/// The DNS name in the certificate of every manager, which callers check.
pub const MANAGER_SERVER_NAME: &str = "swarm-manager";

/// Who a node is to others. All texts are PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The node: the common name of the certificate.
    pub node_id: NodeId,
    /// The cluster: the organization of the certificate.
    pub cluster_id: ClusterId,
    /// The role: the organizational unit of the certificate, `swarm-manager` or `swarm-worker`.
    pub role: NodeRole,
    /// The node's certificate.
    pub certificate: String,
    /// The node's key. Never leaves the node, never printed.
    pub key: String,
    /// The certificate of the cluster's authority.
    pub root_ca: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("node_id", &self.node_id)
            .field("cluster_id", &self.cluster_id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// The caller of a remote call, as its certificate tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The node.
    pub node_id: NodeId,
    /// The cluster it belongs to.
    pub cluster_id: ClusterId,
    /// Its role.
    pub role: NodeRole,
}

/// The organizational unit in the certificate of a node with `role`.
#[must_use]
pub const fn role_unit(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Manager => "swarm-manager",
        NodeRole::Worker => "swarm-worker",
    }
}
