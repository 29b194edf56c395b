//! Networks of the cluster.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::spec::IpamOptions;
use crate::spec::Labels;
use crate::spec::is_default;
use crate::time::Timestamp;

/// `GET /networks/{id}` of an overlay network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The network: an id of the cluster, or of the local engine.
    pub id: String,
    /// When it was made.
    pub created: String,
    /// `swarm` or `local`.
    pub scope: String,
    /// `overlay` for those of the cluster.
    pub driver: String,
    /// Always, for an overlay network.
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: bool,
    /// Never, for now.
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: bool,
    /// Its addresses.
    #[serde(rename = "IPAM")]
    pub ipam: IpamOptions,
    /// Whether containers reach nothing outside through it.
    pub internal: bool,
    /// Whether standalone containers may attach.
    pub attachable: bool,
    /// Whether it is the network of the routing mesh.
    pub ingress: bool,
    /// Whether it is only a template. Never.
    pub config_only: bool,
    /// Local containers on it.
    pub containers: BTreeMap<String, serde_json::Value>,
    /// Options of the driver.
    pub options: Labels,
    /// User labels.
    pub labels: Labels,
    /// The nodes on it. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<NetworkPeer>>,
    /// The services on it by name, and under no name the standalone containers. Only where more was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeMap<String, NetworkService>>,
}

/// A node that is on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkPeer {
    /// Its host name.
    pub name: String,
    /// Where tunnel traffic for it goes.
    #[serde(rename = "IP")]
    pub ip: String,
}

/// A service on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkService {
    /// Its virtual address there; empty if it has none.
    #[serde(rename = "VIP")]
    pub vip: String,
    /// What it publishes, on the ingress network.
    pub ports: Vec<String>,
    /// Docker's number of the service in the balancer of a node. Always 0, as there is no such number here.
    #[serde(rename = "LocalLBIndex")]
    pub local_lb_index: u32,
    /// Its tasks.
    pub tasks: Vec<NetworkTask>,
}

/// A container on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkTask {
    /// The name of the task, or of the container.
    pub name: String,
    /// The id of the task or attachment that has the address.
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    /// The address.
    #[serde(rename = "EndpointIP")]
    pub endpoint_ip: String,
    /// `Host IP`: the address of its node.
    pub info: Labels,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            name: String::new(),
            id: String::new(),
            created: Timestamp::ZERO.to_string(),
            scope: "swarm".to_owned(),
            driver: "overlay".to_owned(),
            enable_ipv4: true,
            enable_ipv6: false,
            ipam: IpamOptions::default(),
            internal: false,
            attachable: false,
            ingress: false,
            config_only: false,
            containers: BTreeMap::new(),
            options: Labels::new(),
            labels: Labels::new(),
            peers: None,
            services: None,
        }
    }
}

/// The answer to `POST /networks/create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkCreateResponse {
    /// The new network: an id of the cluster, or of the local engine.
    pub id: String,
    /// What deserves attention.
    pub warning: String,
}

/// A template of networks, which engines keep for themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
// The document has one schema for each name, and containers have references to configs.
#[schema(as = NetworkTemplate)]
pub struct ConfigReference {
    /// Its name; empty for none.
    pub network: String,
}

/// `POST /networks/create`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkCreateRequest {
    /// Unique in the cluster.
    pub name: String,
    /// `overlay` for a network of the cluster.
    #[schema(pattern = "^(overlay)?$")]
    pub driver: String,
    /// `swarm` for a network of the cluster; empty means what the driver has.
    pub scope: String,
    /// Refused when false, for an overlay network.
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: Option<bool>,
    /// Refused when true, for now.
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: Option<bool>,
    /// The addresses asked for.
    #[serde(rename = "IPAM")]
    pub ipam: Option<IpamOptions>,
    /// Whether containers reach nothing outside through it.
    pub internal: bool,
    /// Whether standalone containers may attach.
    pub attachable: bool,
    /// Whether it is the network of the routing mesh.
    pub ingress: bool,
    /// Whether it is only a template. Refused when true, for an overlay network.
    pub config_only: bool,
    /// The template that it is made from. Refused, for an overlay network.
    #[serde(skip_serializing_if = "is_default")]
    pub config_from: ConfigReference,
    /// Accepted and without effect, as in Docker: names are always unique here.
    pub check_duplicate: bool,
    /// Options of the driver.
    pub options: Labels,
    /// User labels.
    pub labels: Labels,
}
