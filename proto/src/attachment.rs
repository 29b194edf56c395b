//! Standalone containers, which are not of a service, on networks of the cluster (`docker run --network`, `docker network connect`).
//!
//! The node of such a container asks a manager for an address before it asks its engine for the container, and from then on tells the
//! managers what its engine has. The managers keep the address for as long as a container of that node has it, and no longer.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::Serialize;

use crate::id::AttachmentId;
use crate::id::NetworkId;
use crate::id::NodeId;
use crate::object::Meta;

/// A standalone container on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Version and times.
    pub meta: Meta,
    /// The network.
    pub network_id: NetworkId,
    /// The node that the container is on.
    pub node_id: NodeId,
    /// The address, with the network's prefix length.
    pub addr: Ipv4Net,
    /// Further names on this network.
    pub aliases: Vec<String>,
    /// Whether the user has chosen the address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// What has the address, as its node says. Absent until there is a container.
    pub container: Option<AttachedContainer>,
}

/// A container that has an address on a network of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedContainer {
    /// The engine's id of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
}

impl AttachedContainer {
    /// How many characters of its id Docker makes a name of (moby `daemon/container_operations.go`).
    const SHORT_ID: usize = 12;

    /// The beginning of its id, which is one of its names.
    #[must_use]
    pub fn short_id(&self) -> &str {
        self.id.get(..Self::SHORT_ID).unwrap_or(&self.id)
    }
}

/// A node asks for a place on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachRequest {
    /// The network, by id, name or beginning of its id.
    pub network: String,
    /// The address that the user wants; absent means any.
    pub addr: Option<Ipv4Addr>,
    /// Further names on this network.
    pub aliases: Vec<String>,
}

/// The place that a node got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The attachment.
    pub id: AttachmentId,
    /// The network.
    pub network_id: NetworkId,
    /// Its name, which is that of the Docker network on the node.
    pub network_name: String,
    /// The address, with the network's prefix length.
    pub addr: Ipv4Net,
    /// The gateway and DNS server.
    pub gateway: Ipv4Addr,
}

/// What a node says of one of its attachments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentReport {
    /// Which attachment.
    pub id: AttachmentId,
    /// What has its address; nothing: no container does, so that it is free.
    pub container: Option<AttachedContainer>,
}
