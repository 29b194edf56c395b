//! Who is at the other end of a connection.

use std::net::IpAddr;
use std::net::SocketAddr;

use hyper::header::HeaderValue;

/// Who requests come from over a connection: a client, or another proxy in front of it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    /// What is written with every request, once for all of them.
    ip_text: HeaderValue,
    node: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, tls: bool) -> Self {
        let ip = address.ip().to_canonical();
        // Digits, dots and colons: it is never refused.
        let ip_text = HeaderValue::try_from(ip.to_string());
        let ip_text = ip_text.unwrap_or(HeaderValue::from_static("unknown"));
        Self { address, tls, ip_text, node: node(ip) }
    }

    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Its address; of an IPv4 client on a socket for both families, the IPv4 address.
    pub(crate) const fn ip(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }

    /// The same as text.
    pub(crate) const fn ip_text(&self) -> &HeaderValue {
        &self.ip_text
    }

    /// The same as [`node`] writes it.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }
}

/// How the header `Forwarded` says that a request comes from an address (RFC 7239, 6).
pub(crate) fn node(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("for={ip}"),
        IpAddr::V6(ip) => format!("for=\"[{ip}]\""),
    }
}
