//! The link of a container, and how the kernel itself remembers whose it is.
//!
//! An endpoint is a veth pair: one side is in the sandbox of its network, the other in the container. Who it belongs to is
//! written in the alias (`IFLA_IFALIAS`) of our side, so that a restarted daemon knows its endpoints from a dump and keeps
//! no file that could disagree with the kernel.

use ipnet::Ipv4Net;

/// What the names of our sides of endpoint links start with; the ruleset matches on it.
pub const ENDPOINT_PREFIX: &str = "ep";

/// How many characters of an endpoint's id its links are named after: `IFNAMSIZ` allows 15 in all.
const SHORT_ID: usize = 12;

const ALIAS_PREFIX: &str = "swarmlite";

/// A container's place on a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The id that the engine gave it.
    pub id: String,
    /// Its address, with the network's prefix length.
    pub address: Ipv4Net,
}

impl Endpoint {
    /// The name of our side of the link.
    #[must_use]
    pub fn link_name(&self) -> String {
        link_name(&self.id)
    }

    /// The name of the container's side until the engine renames it.
    #[must_use]
    pub fn container_link_name(&self) -> String {
        container_link_name(&self.id)
    }

    /// What our side's alias says.
    #[must_use]
    pub fn alias(&self) -> String {
        format!("{ALIAS_PREFIX} endpoint={} address={}", self.id, self.address)
    }

    /// Reads an alias back. `None` if it is not one of ours.
    #[must_use]
    pub fn from_alias(alias: &str) -> Option<Self> {
        let mut words = alias.split(' ');
        if words.next() != Some(ALIAS_PREFIX) {
            return None;
        }
        let id = words.next()?.strip_prefix("endpoint=")?.to_owned();
        let address = words.next()?.strip_prefix("address=")?.parse().ok()?;
        Some(Self { id, address })
    }
}

/// The name of our side of the link of the endpoint with this id.
#[must_use]
pub fn link_name(id: &str) -> String {
    format!("{ENDPOINT_PREFIX}{}", short(id))
}

/// The name of the container's side of that link.
#[must_use]
pub fn container_link_name(id: &str) -> String {
    format!("swl{}", short(id))
}

fn short(id: &str) -> String {
    id.chars().take(SHORT_ID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_tells_the_whole_endpoint() {
        let endpoint = Endpoint {
            id: "0123456789abcdef".repeat(4),
            address: "10.0.1.7/24".parse().expect("address"),
        };
        assert_eq!(Endpoint::from_alias(&endpoint.alias()), Some(endpoint.clone()));
        assert!(endpoint.alias().len() < 256, "IFALIASZ");
        assert!(endpoint.link_name().len() < 16 && endpoint.container_link_name().len() < 16);
    }

    #[test]
    fn foreign_aliases_are_not_endpoints() {
        for alias in ["", "uplink of rack 3", "swarmlite", "swarmlite endpoint=a address=nowhere"] {
            assert_eq!(Endpoint::from_alias(alias), None, "{alias}");
        }
    }
}
