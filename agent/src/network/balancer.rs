//! Balancing: from one address or port to the tasks of a service.
//!
//! What is balanced is a value, [`VirtualServices`]; what makes the kernel do it is a [`Balancer`]: [`ipvs`] or
//! [`nftables`]. [`choice`] tells which of them a kernel has. Nothing else knows how balancing is done.

pub mod choice;
pub mod ipvs;
pub mod nftables;
pub mod statistics;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use swarmlite_proto::balance::Balancing;
use swarmlite_proto::spec::PortProtocol;

use self::statistics::Statistics;
use super::kernel::KernelError;
use super::state::Held;
use super::state::Place;

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
    /// [`NetworkAssignments::adapt`](super::NetworkAssignments::adapt).
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

/// Makes the kernel balance. Called on a thread that is inside the namespace in question.
pub trait Balancer: fmt::Debug + Send + Sync + 'static {
    /// What the namespace balances now.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn observe(&self, place: &Place) -> Result<Held<VirtualServices>, KernelError>;

    /// Makes the namespace balance exactly this, without a moment in which it balances less.
    ///
    /// # Errors
    /// If the kernel refuses. What has changed by then is seen by the next [`Self::observe`].
    fn program(&self, place: &Place, services: &VirtualServices) -> Result<(), KernelError>;

    /// What was counted of these services, as the namespace balances them. One that it does not balance is left out, and
    /// so may be one that nobody has asked yet. IPVS adds up every two seconds.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn statistics(
        &self,
        place: &Place,
        services: &VirtualServices,
    ) -> Result<BTreeMap<Frontend, Statistics>, KernelError>;

    /// Drops what is remembered of a namespace that is being removed.
    fn forget(&self, place: &Place);
}
