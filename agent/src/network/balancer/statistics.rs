//! What a balancer has counted.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

/// What was counted since a service or backend was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that are open now; only of backends. nftables does not count them.
    pub active: u32,
    /// Connections.
    pub connections: u64,
    /// Packets of clients.
    pub packets_in: u64,
    /// Packets to clients.
    pub packets_out: u64,
    /// Bytes of clients, with the headers of IP.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
}

impl Counters {
    /// Counts what another has counted too.
    pub fn add(&mut self, other: Self) {
        self.active = self.active.saturating_add(other.active);
        self.connections = self.connections.saturating_add(other.connections);
        self.packets_in = self.packets_in.saturating_add(other.packets_in);
        self.packets_out = self.packets_out.saturating_add(other.packets_out);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
    }
}

/// What was counted of one frontend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// All of it.
    pub total: Counters,
    /// By backend. The port is 0 where it is the one that was asked for.
    pub backends: BTreeMap<SocketAddrV4, Counters>,
}
