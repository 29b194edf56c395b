//! The cluster itself, and how a node enters it.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::TlsInfo;
use crate::id::ClusterId;
use crate::object;
use crate::spec::SwarmSpec;
use crate::spec::is_default;
use crate::time::Timestamp;
use crate::version::Version;

/// `GET /swarm`, and, without the tokens, a part of `GET /info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Swarm {
    /// The cluster.
    #[serde(rename = "ID")]
    pub id: ClusterId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Its settings.
    pub spec: SwarmSpec,
    /// Its certificate authority.
    #[serde(rename = "TLSInfo")]
    pub tls_info: TlsInfo,
    /// Whether its certificate authority is being replaced.
    pub root_rotation_in_progress: bool,
    /// The UDP port of the tunnels.
    pub data_path_port: u16,
    /// Where subnets are taken from.
    pub default_addr_pool: Vec<String>,
    /// The prefix length of the subnets.
    pub subnet_size: u8,
    /// What lets nodes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_tokens: Option<JoinTokens>,
}

/// What lets nodes in, in Docker's form `SWMTKN-1-<digest>-<secret>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct JoinTokens {
    /// For workers.
    pub worker: String,
    /// For managers.
    pub manager: String,
}

impl From<object::JoinTokens> for JoinTokens {
    fn from(tokens: object::JoinTokens) -> Self {
        Self { worker: tokens.worker, manager: tokens.manager }
    }
}

impl std::fmt::Debug for JoinTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinTokens(..)")
    }
}

/// `POST /swarm/init`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct InitRequest {
    /// Where to listen for other nodes: an address or an interface, with or without a port.
    pub listen_addr: String,
    /// Where other nodes reach this one. Empty: found out.
    pub advertise_addr: String,
    /// Where tunnel traffic goes. Empty: the advertised address.
    pub data_path_addr: String,
    /// The UDP port of the tunnels; 0 means 4789.
    pub data_path_port: u32,
    /// Whether to make a new cluster of one from what this manager has.
    pub force_new_cluster: bool,
    /// Settings that differ from the defaults.
    pub spec: SwarmSpec,
    /// Whether managers need a key to start.
    pub auto_lock_managers: bool,
    /// Whether this node gets tasks. Empty: active.
    pub availability: String,
    /// Where subnets are taken from.
    pub default_addr_pool: Vec<String>,
    /// The prefix length of the subnets; 0 means 24.
    pub subnet_size: u32,
}

/// `POST /swarm/join`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct JoinRequest {
    /// Where to listen for other nodes.
    pub listen_addr: String,
    /// Where other nodes reach this one. Empty: found out.
    pub advertise_addr: String,
    /// Where tunnel traffic goes. Empty: the advertised address.
    pub data_path_addr: String,
    /// Managers of the cluster.
    pub remote_addrs: Vec<String>,
    /// What lets this node in, and with which role.
    pub join_token: String,
    /// Whether this node gets tasks. Empty: active.
    pub availability: String,
    /// Whether this node only votes and keeps the log, and so needs no Docker Engine. Not in Docker's API.
    pub witness: bool,
}

/// `GET /swarm/unlockkey` and `POST /swarm/unlock`. Never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct UnlockKeyText {
    /// What unlocks managers, in the form `SWMKEY-1-...`. Empty without autolock.
    pub unlock_key: String,
}

impl std::fmt::Debug for UnlockKeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnlockKeyText(..)")
    }
}

/// The `Swarm` member of `GET /info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmInfo {
    /// This node; empty when it is in no cluster.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// Where other nodes reach it.
    pub node_addr: String,
    /// Whether it is in a cluster.
    pub local_node_state: LocalNodeState,
    /// Whether it is a manager.
    pub control_available: bool,
    /// Whether it only votes and keeps the log. Not in Docker's API.
    #[serde(skip_serializing_if = "is_default")]
    pub witness: bool,
    /// What is wrong.
    pub error: String,
    /// The managers it knows.
    pub remote_managers: Option<Vec<RemoteManager>>,
    /// Nodes in the cluster. Managers only.
    #[serde(skip_serializing_if = "is_default")]
    pub nodes: u64,
    /// Managers in the cluster. Managers only.
    #[serde(skip_serializing_if = "is_default")]
    pub managers: u64,
    /// The cluster. Managers only, and never with tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Swarm>,
    /// What deserves attention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Whether a node is in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LocalNodeState {
    /// No.
    #[default]
    Inactive,
    /// It is joining.
    Pending,
    /// Yes.
    Active,
    /// It was, and cannot go on.
    Error,
    /// It needs the unlock key.
    Locked,
}

impl LocalNodeState {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Error => "error",
            Self::Locked => "locked",
        }
    }
}

/// A manager that a node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemoteManager {
    /// The node.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// `address:port`.
    pub addr: String,
}
