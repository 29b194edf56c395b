//! The number of a lab, which gives its addresses: 10.213.NUMBER.0/24. Labs side by side have different numbers.

use std::net::Ipv4Addr;

/// The host part of the address of node 1 is one more.
const NODES: u8 = 10;
/// The most nodes of a lab.
pub(crate) const MAX_NODES: u8 = 200;

/// The addresses of one lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet(u8);

impl Subnet {
    /// The subnet of the lab with `number`.
    pub(crate) const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The first number that is neither in `taken` nor named by `routes`, the machine's routing tables as text.
    pub(crate) fn free_number(taken: &[u8], routes: &str) -> Option<u8> {
        (1..=254).find(|number| {
            !taken.contains(number) && !routes.contains(&format!("10.213.{number}."))
        })
    }

    /// The address of this machine on the switch.
    pub(crate) const fn host(self) -> Ipv4Addr {
        self.address(1)
    }

    /// The address of the outside world, which is the nodes' gateway.
    pub(crate) const fn client(self) -> Ipv4Addr {
        self.address(254)
    }

    /// The address of node `index`, the first being 1.
    pub(crate) const fn node(self, index: u8) -> Ipv4Addr {
        self.address(NODES + index)
    }

    const fn address(self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.0, host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_use_by_a_lab_or_by_the_machine_is_not_given_again() {
        assert_eq!(Subnet::free_number(&[], ""), Some(1));
        assert_eq!(Subnet::free_number(&[1, 3], "10.213.2.0/24 dev eth0"), Some(4));
        let all: Vec<u8> = (1..=254).collect();
        assert_eq!(Subnet::free_number(&all, ""), None);
    }

    #[test]
    fn addresses_of_a_lab_differ() {
        let subnet = Subnet::new(7);
        assert_eq!(subnet.node(1), Ipv4Addr::new(10, 213, 7, 11));
        assert!(subnet.node(MAX_NODES) < subnet.client());
        assert_ne!(subnet.host(), subnet.node(1));
    }
}
