//! Nodes: what they are, whether they live, and what place they have among the managers.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::id::NodeId;
use crate::object;
use crate::spec::GenericResource;
use crate::spec::Labels;
use crate::spec::NodeSpec;
use crate::spec::Platform;
use crate::spec::is_default;
use crate::time::Timestamp;
use crate::version::Version;

/// `GET /nodes/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// The node.
    #[serde(rename = "ID")]
    pub id: NodeId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What the operator decided.
    pub spec: NodeSpec,
    /// What it is.
    pub description: NodeDescription,
    /// Whether it is alive.
    pub status: NodeStatus,
    /// Its place among the managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_status: Option<ManagerStatus>,
}

/// What a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeDescription {
    /// Its host name.
    pub hostname: String,
    /// What it runs on.
    pub platform: Platform,
    /// What it has.
    pub resources: NodeResources,
    /// Its Docker Engine.
    pub engine: EngineDescription,
    /// Its certificate.
    #[serde(rename = "TLSInfo")]
    pub tls_info: TlsInfo,
    /// What balances connections on it, `nftables` or `ipvs`. Not in Docker's API.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dataplane: String,
    /// Why this and not the other. Not in Docker's API.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dataplane_reason: String,
}

/// What a node has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeResources {
    /// Processor time, in billionths of a core.
    #[serde(rename = "NanoCPUs")]
    pub nano_cpus: i64,
    /// Memory, in bytes.
    pub memory_bytes: i64,
    /// What its operator declares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
}

/// The Docker Engine of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct EngineDescription {
    /// As `20.10.24+dfsg1`.
    pub engine_version: String,
    /// Labels of the engine, for placement.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Its volume, network and log drivers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginDescription>,
}

/// One driver of an engine.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "PascalCase", default)]
pub struct PluginDescription {
    /// `Volume`, `Network` or `Log`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The driver.
    pub name: String,
}

/// The certificate authority a node trusts, and that issued its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TlsInfo {
    /// PEM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_root: String,
    /// DER, base 64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_issuer_subject: String,
    /// DER, base 64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_issuer_public_key: String,
}

/// Whether a node is alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeStatus {
    /// As seen by the managers.
    pub state: NodeState,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Where its agent calls from.
    pub addr: String,
}

/// Whether a node is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// Not heard of since the leader changed.
    #[default]
    Unknown,
    /// Not heard of for too long; its tasks are replaced.
    Down,
    /// Its agent is in session.
    Ready,
    /// Its session was closed on purpose; it looks for another manager.
    Disconnected,
}

impl NodeState {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Down => "down",
            Self::Ready => "ready",
            Self::Disconnected => "disconnected",
        }
    }
}

/// The place of a node among the managers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ManagerStatus {
    /// Whether it leads.
    #[serde(skip_serializing_if = "is_default")]
    pub leader: bool,
    /// Whether the leader reaches it.
    pub reachability: Reachability,
    /// `address:port`.
    pub addr: String,
    /// Whether it only votes and keeps the log. Not in Docker's API.
    #[serde(skip_serializing_if = "is_default")]
    pub witness: bool,
}

/// Whether the leader reaches a manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reachability {
    /// Not known.
    #[default]
    Unknown,
    /// No.
    Unreachable,
    /// Yes.
    Reachable,
}

impl Reachability {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
            Self::Reachable => "reachable",
        }
    }
}

impl From<object::NodeDescription> for NodeDescription {
    fn from(node: object::NodeDescription) -> Self {
        Self {
            hostname: node.hostname,
            platform: node.platform,
            resources: NodeResources {
                nano_cpus: node.resources.nano_cpus,
                memory_bytes: node.resources.memory_bytes,
                generic_resources: node.resources.generic_resources,
            },
            engine: node.engine.into(),
            tls_info: node.tls_info.into(),
            dataplane: node.dataplane,
            dataplane_reason: node.dataplane_reason,
        }
    }
}

impl From<object::EngineDescription> for EngineDescription {
    fn from(engine: object::EngineDescription) -> Self {
        let plugins = engine.plugins.into_iter();
        Self {
            engine_version: engine.engine_version,
            labels: engine.labels,
            plugins: plugins
                .map(|plugin| PluginDescription { kind: plugin.kind, name: plugin.name })
                .collect(),
        }
    }
}

impl From<object::TlsInfo> for TlsInfo {
    fn from(tls: object::TlsInfo) -> Self {
        Self {
            trust_root: tls.trust_root,
            cert_issuer_subject: tls.cert_issuer_subject,
            cert_issuer_public_key: tls.cert_issuer_public_key,
        }
    }
}

impl From<object::NodeStatus> for NodeStatus {
    fn from(status: object::NodeStatus) -> Self {
        Self { state: status.state.into(), message: status.message, addr: status.addr }
    }
}

impl From<object::NodeState> for NodeState {
    fn from(state: object::NodeState) -> Self {
        match state {
            object::NodeState::Unknown => Self::Unknown,
            object::NodeState::Down => Self::Down,
            object::NodeState::Ready => Self::Ready,
            object::NodeState::Disconnected => Self::Disconnected,
        }
    }
}
