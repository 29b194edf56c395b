//! The messages of Docker's remote network driver (moby `libnetwork/drivers/remote/api`), as far as they are used.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// The content type of every message.
pub(super) const CONTENT_TYPE: &str = "application/vnd.docker.plugins.v1.2+json";

/// The key under which the engine passes the options of `docker network create -o`.
pub(super) const GENERIC_OPTIONS: &str = "com.docker.network.generic";

/// Answer to `/Plugin.Activate`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Activated {
    pub(super) implements: [&'static str; 1],
}

/// Answer to `/NetworkDriver.GetCapabilities`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Capabilities {
    pub(super) scope: &'static str,
    pub(super) connectivity_scope: &'static str,
}

/// An answer without content.
#[derive(Debug, Serialize)]
pub(super) struct Empty {}

/// An answer that refuses.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Refused {
    pub(super) err: String,
}

/// `/NetworkDriver.CreateNetwork`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
pub(super) struct CreateNetwork {
    pub(super) options: BTreeMap<String, Value>,
    #[serde(rename = "IPv4Data")]
    pub(super) ipv4_data: Vec<AddressPool>,
}

/// The addresses of a network.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddressPool {
    pub(super) pool: Ipv4Net,
}

/// `/NetworkDriver.CreateEndpoint`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateEndpoint {
    #[serde(rename = "EndpointID")]
    pub(super) endpoint_id: String,
    #[serde(default)]
    pub(super) interface: Option<Interface>,
}

/// What the engine has already decided about a container's interface, or what the driver decides.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Interface {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) mac_address: String,
}

/// Answer to `/NetworkDriver.CreateEndpoint`: only what the request left empty.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EndpointCreated {
    pub(super) interface: Interface,
}

/// `/NetworkDriver.Join`, `/NetworkDriver.DeleteEndpoint`: what they are about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EndpointRequest {
    #[serde(rename = "EndpointID")]
    pub(super) endpoint_id: String,
}

/// Answer to `/NetworkDriver.Join`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Joined {
    pub(super) interface_name: InterfaceName,
    pub(super) gateway: &'static str,
}

/// Which link the engine moves into the container, and how it names it there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InterfaceName {
    pub(super) src_name: String,
    pub(super) dst_prefix: &'static str,
}

/// Answer to `/NetworkDriver.EndpointOperInfo`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OperInfo {
    pub(super) value: Empty,
}
