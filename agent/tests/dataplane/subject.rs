//! What a case of the conformance suite has in its hands: a balancer, and clients and servers around it.
//!
//! [`crate::sandbox`] is one in a kernel, [`crate::fake`] one in memory. Cases cannot tell which they are given.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::balancer::statistics::Statistics;
use swarmlite_agent::testing::held::Held;
use swarmlite_proto::spec::PortProtocol;

/// The address of the sandbox itself, from which a container that reaches itself is seen to come.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// The virtual address.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
/// The address of the client outside.
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// The port of the servers.
pub(crate) const PORT: u16 = 80;
/// The containers that serve TCP and UDP. What they say is `cNUMBER ADDRESS`: who they are, and whom they see.
pub(crate) const SERVERS: [u8; 3] = [1, 2, 4];
/// The container that asks, and that has addresses of more clients.
pub(crate) const ASKING: u8 = 3;
/// The addresses of these clients.
pub(crate) const GUESTS: &str = "10.0.1.96/27";

/// The address of a container, by its number.
pub(crate) const fn container(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, 10 + number)
}

/// The address of a guest, by its number below 32: of one more client in the container that asks.
pub(crate) const fn guest(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, 96 + number)
}

/// Where a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) protocol: PortProtocol,
    pub(crate) addr: Ipv4Addr,
    pub(crate) port: u16,
}

/// A balancer, and clients and servers around it. What it cannot do panics.
pub(crate) trait Subject {
    /// Has the balancer balance exactly this.
    fn program(&self, services: &VirtualServices);

    /// What the balancer says is balanced.
    fn held(&self) -> Held<VirtualServices>;

    /// Goes on with a balancer that remembers nothing, as after a restart of the node's daemon.
    fn restart(&self);

    /// Has another program make this of what is balanced.
    fn damage(&self, services: &VirtualServices);

    /// Begins a connection, or a flow of datagrams, from this address.
    fn open(&self, from: Ipv4Addr, to: Target) -> Box<dyn Conversation>;

    /// Lets time pass.
    fn pass(&self, time: Duration);

    /// What was counted of these services.
    fn statistics(&self, services: &VirtualServices) -> BTreeMap<Frontend, Statistics>;

    /// Everything that is balanced, in whatever words; empty if nothing is.
    fn listed(&self) -> String;

    /// Shows what is balanced to whoever reads the output.
    fn show(&self) {}

    /// For how long a connection that is open and idle, or a flow of datagrams, is remembered.
    fn idle_limit(&self, protocol: PortProtocol) -> Duration;
}

/// A connection or a flow of datagrams. Dropping it ends it.
pub(crate) trait Conversation {
    /// Asks, and says what was answered. An error is answered by its kind.
    fn ask(&mut self) -> String;
}
