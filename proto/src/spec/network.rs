//! A network that spans the cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::Labels;
use super::is_default;

/// What a user asks of a network, as the cluster keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkSpec {
    /// Unique in the cluster.
    pub name: String,
    /// User labels.
    pub labels: Labels,
    /// Whether containers on it reach nothing outside through it.
    #[serde(skip_serializing_if = "is_default")]
    pub internal: bool,
    /// Whether standalone containers may attach.
    #[serde(skip_serializing_if = "is_default")]
    pub attachable: bool,
    /// Whether it is the network of the routing mesh. There is one.
    #[serde(skip_serializing_if = "is_default")]
    pub ingress: bool,
    /// Options of the overlay driver.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
    /// The addresses asked for. Absent or empty: from the cluster's pools.
    #[serde(rename = "IPAM", skip_serializing_if = "Option::is_none")]
    pub ipam: Option<IpamOptions>,
}

/// Where the addresses of a network come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct IpamOptions {
    /// Always `default`, or empty, which means the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Options of the IPAM driver.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
    /// The subnets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<IpamConfig>,
}

/// One subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct IpamConfig {
    /// The subnet; absent means any from the pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subnet: Option<IpNet>,
    /// The part of it that addresses are taken from; absent means all.
    #[serde(rename = "IPRange", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ip_range: Option<IpNet>,
    /// The address of the gateway; absent means the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub gateway: Option<IpAddr>,
    /// Addresses that are something else's and go to no container, by the name of what has them.
    #[serde(rename = "AuxiliaryAddresses", skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub auxiliary_addresses: BTreeMap<String, IpAddr>,
}

impl NetworkSpec {
    /// The option that asks for a number in VXLAN headers (moby `libnetwork/drivers/overlay/ovmanager`).
    pub const VXLAN_OPTION: &str = "com.docker.network.driver.overlay.vxlanid_list";

    /// The number in VXLAN headers that is asked for.
    #[must_use]
    pub fn vxlan_id(&self) -> Option<u32> {
        self.options.get(Self::VXLAN_OPTION)?.trim().parse().ok()
    }
}
