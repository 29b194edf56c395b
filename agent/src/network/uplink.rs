//! The link between the node and its ingress sandbox: how both sides are called and addressed.

use std::net::Ipv4Addr;

/// The node's side of the link between the node and its ingress sandbox.
pub const HOST_LINK: &str = "swarmlite0";

/// The ingress sandbox's side of that link.
pub const UPLINK: &str = "uplink0";

/// The node's address on the link to the ingress sandbox. Connections of the node to itself come from it.
pub const HOST_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 255, 1);

/// The ingress sandbox's address on that link, to which published ports are translated.
pub const INGRESS_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 255, 2);

/// The prefix length of that link.
pub const UPLINK_PREFIX: u8 = 30;
