//! What a network of the cluster is to the local Docker Engine. Pure: task code makes the network from it.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use swarmlite_proto::agent::NetworkAssignment;

/// The name of the driver: that of its socket in Docker's plugin folder.
pub const DRIVER: &str = "swarmlite";

/// The driver option with the id of the cluster's network.
pub const NETWORK_OPTION: &str = "swarmlite.network";

/// The label with the id of the cluster's network, by which its Docker networks are found again.
pub const NETWORK_LABEL: &str = "swarmlite.network.id";

/// The parameters of `POST /networks/create`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerNetwork {
    /// `Name`.
    pub name: String,
    /// `Driver`.
    pub driver: &'static str,
    /// `Options`.
    pub options: BTreeMap<String, String>,
    /// `Labels`.
    pub labels: BTreeMap<String, String>,
    /// `IPAM.Config[0].Subnet`.
    pub subnet: Ipv4Net,
    /// `IPAM.Config[0].Gateway`.
    pub gateway: std::net::Ipv4Addr,
    /// `Internal`: whether containers get no way out through `docker_gwbridge`.
    pub internal: bool,
}

/// The Docker network that stands for this network on a node.
#[must_use]
pub fn docker_network(network: &NetworkAssignment) -> DockerNetwork {
    let id = network.id.to_string();
    let mut labels: BTreeMap<String, String> =
        network.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.insert(NETWORK_LABEL.to_owned(), id.clone());
    DockerNetwork {
        name: network.name.clone(),
        driver: DRIVER,
        options: BTreeMap::from([(NETWORK_OPTION.to_owned(), id)]),
        labels,
        subnet: network.subnet,
        gateway: network.gateway,
        internal: network.internal,
    }
}
