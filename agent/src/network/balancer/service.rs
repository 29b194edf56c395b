//! What is balanced, as values.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use swarmlite_proto::balance::Balancing;
use swarmlite_proto::spec::PortProtocol;

/// What one namespace balances, by where connections come in.
pub type VirtualServices = BTreeMap<Frontend, Service>;

/// Where connections come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frontend {
    /// At a virtual address: every port of TCP, UDP and SCTP.
    Address(Ipv4Addr),
    /// At a published port, through the link from the node.
    Port {
        /// The protocol.
        protocol: PortProtocol,
        /// The published port.
        port: u16,
    },
}

/// What is done with the connections of one frontend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// How they are spread. What the balancer cannot do does not get here: see
    /// [`NetworkAssignments::adapt`](crate::network::NetworkAssignments::adapt).
    pub balancing: Balancing,
    /// Where they go.
    pub backends: Vec<Backend>,
}

impl Service {
    /// The backends that new connections go to.
    pub fn serving(&self) -> impl Iterator<Item = &Backend> {
        self.backends.iter().filter(|backend| backend.weight > 0)
    }
}

/// Where connections go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    /// The task's address.
    pub addr: Ipv4Addr,
    /// The task's port; the one that was asked for if `None`.
    pub port: Option<u16>,
    /// Its share of new connections. 0 drains: connections that exist go on, new ones go elsewhere.
    pub weight: u16,
}
