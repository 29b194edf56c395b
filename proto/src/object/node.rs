//! What is known of a node: what its agent says it is, and whether it lives.

use serde::Deserialize;
use serde::Serialize;

use crate::spec::GenericResource;
use crate::spec::Labels;
use crate::spec::Platform;

/// What a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PluginDescription {
    /// `Volume`, `Network` or `Log`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The driver.
    pub name: String,
}

/// The certificate authority a node trusts, and that issued its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
