//! Who is at the other end of a connection.

use std::net::IpAddr;
use std::net::SocketAddr;

/// Who requests come from over a connection: a client, or another proxy in front of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
}

impl Client {
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Its address; of an IPv4 client on a socket for both families, the IPv4 address.
    pub(crate) const fn ip(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }
}
