//! Which addresses count as one client, for whoever limits what a client may do.

use std::net::IpAddr;
use std::net::Ipv6Addr;

/// The part of an address that tells clients apart. Who has an IPv6 address has all 2^64 beside it (RFC 6177); an IPv4 address is the same however
/// it is written.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_version_6_stands_for_its_network() {
        let of = |text: &str| client_network(text.parse().expect("an address")).to_string();
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8::1"), "2001:db8::");
        assert_eq!(of("2001:db8::2:0:0:3"), "2001:db8::");
        assert_eq!(of("2001:db8:0:1::2"), "2001:db8:0:1::");
    }
}
