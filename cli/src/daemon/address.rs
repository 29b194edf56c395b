//! Which addresses a node listens on, tells others, and sends tunnel traffic from. Pure: the interfaces are an argument.
//!
//! The rules and the texts are moby's (`daemon/cluster/listen_addr.go`).

use std::net::IpAddr;
use std::net::SocketAddr;

use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::spec::MANAGER_PORT;

/// What the names of interfaces begin with that a container engine or this program makes: no other machine is reached through them.
const OWN_INTERFACES: [&str; 5] = ["docker", "br-", "veth", "swl", "virbr"];

/// A network interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// As `eth0`.
    pub(crate) name: String,
    /// Its addresses.
    pub(crate) addrs: Vec<IpAddr>,
}

/// Where to listen. Empty means everywhere.
pub(crate) fn listen(text: &str, interfaces: &[Interface]) -> Result<SocketAddr> {
    const WRONG: &str =
        "listen address must be an IP address or network interface (with optional port number)";
    let text = if text.is_empty() { "0.0.0.0" } else { text };
    let (host, port) = split_port(text, MANAGER_PORT).ok_or_else(|| Error::invalid(WRONG))?;
    let ip = host_address(host, interfaces)?.ok_or_else(|| Error::invalid(WRONG))?;
    Ok(SocketAddr::new(ip, port))
}

/// What to tell others. Empty means the listening address if that is one, else this machine's only address.
pub(crate) fn advertise(
    text: &str,
    listen: SocketAddr,
    interfaces: &[Interface],
) -> Result<SocketAddr> {
    const WRONG: &str = "advertise address must be a non-zero IP address or network interface (with optional port number)";
    if text.is_empty() {
        let ip = if listen.ip().is_unspecified() { only_address(interfaces)? } else { listen.ip() };
        return Ok(SocketAddr::new(ip, listen.port()));
    }
    let (host, port) = split_port(text, listen.port()).ok_or_else(|| Error::invalid(WRONG))?;
    match host_address(host, interfaces)? {
        Some(ip) if !ip.is_unspecified() => Ok(SocketAddr::new(ip, port)),
        _ => Err(Error::invalid(WRONG)),
    }
}

/// Where tunnel traffic goes. Empty means the advertised address.
pub(crate) fn data_path(
    text: &str,
    advertise: SocketAddr,
    interfaces: &[Interface],
) -> Result<IpAddr> {
    if text.is_empty() {
        return Ok(advertise.ip());
    }
    match host_address(text, interfaces)? {
        Some(ip) if !ip.is_unspecified() => Ok(ip),
        _ => Err(Error::invalid(
            "data path address must be a non-zero IP address or network interface (without a port number)",
        )),
    }
}

/// `HOST`, `HOST:PORT`, `[V6]:PORT` or a bare version 6 address.
fn split_port(text: &str, default: u16) -> Option<(&str, u16)> {
    if text.parse::<IpAddr>().is_ok() {
        return Some((text, default));
    }
    match text.rsplit_once(':') {
        None => Some((text, default)),
        Some((host, port)) => {
            let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
            Some((host, port.parse().ok()?))
        }
    }
}

/// The address that `host` names: itself, or that of an interface. `None`: it names nothing.
fn host_address(host: &str, interfaces: &[Interface]) -> Result<Option<IpAddr>> {
    if let Ok(ip) = host.parse() {
        return Ok(Some(ip));
    }
    let Some(interface) = interfaces.iter().find(|interface| interface.name == host) else {
        return Ok(None);
    };
    let mut addrs = interface.addrs.iter().filter(|addr| addr.is_ipv4());
    match (addrs.next(), addrs.next()) {
        (Some(first), Some(second)) => Err(Error::invalid(format!(
            "interface {host} has more than one IPv4 address ({first} and {second})"
        ))),
        (first, _) => Ok(first.copied()),
    }
}

/// The one address by which others reach this machine.
fn only_address(interfaces: &[Interface]) -> Result<IpAddr> {
    let usable = |interface: &&Interface| {
        !OWN_INTERFACES.iter().any(|prefix| interface.name.starts_with(prefix))
    };
    let candidates: Vec<(&str, IpAddr)> = interfaces
        .iter()
        .filter(usable)
        .flat_map(|interface| interface.addrs.iter().map(|addr| (interface.name.as_str(), *addr)))
        .filter(|(_, addr)| addr.is_ipv4() && !addr.is_loopback() && !is_link_local(*addr))
        .collect();
    match candidates.as_slice() {
        [] => Err(not_chosen("could not find the system's IP address".to_owned())),
        [(_, addr)] => Ok(*addr),
        [(first_name, first), (second_name, second), ..] => {
            let place = if first_name == second_name {
                format!("interface {first_name} ({first} and {second})")
            } else {
                format!(
                    "different interfaces ({first} on {first_name} and {second} on {second_name})"
                )
            };
            Err(not_chosen(format!(
                "could not choose an IP address to advertise since this system has multiple addresses on {place}"
            )))
        }
    }
}

fn not_chosen(message: String) -> Error {
    Error::invalid(message).because(Reason::NoAddressChosen)
}

fn is_link_local(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V4(v4) if v4.is_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces(list: &[(&str, &[&str])]) -> Vec<Interface> {
        list.iter()
            .map(|(name, addrs)| Interface {
                name: (*name).to_owned(),
                addrs: addrs.iter().map(|addr| addr.parse().expect("an address")).collect(),
            })
            .collect()
    }

    #[test]
    fn the_only_address_is_found_beside_those_of_docker() {
        let machine = interfaces(&[
            ("lo", &["127.0.0.1"]),
            ("eth0", &["192.0.2.7", "fe80::1"]),
            ("docker0", &["172.17.0.1"]),
            ("docker_gwbridge", &["172.18.0.1"]),
        ]);
        let listen = listen("0.0.0.0:2377", &machine).expect("is an address");
        let found = advertise("", listen, &machine).expect("there is one");
        assert_eq!(found, "192.0.2.7:2377".parse().expect("an address"));
        assert_eq!(data_path("", found, &machine), Ok(found.ip()));
    }

    #[test]
    fn addresses_and_interfaces_are_taken_with_and_without_a_port() {
        let machine = interfaces(&[("eth0", &["192.0.2.7"]), ("eth1", &["198.51.100.7"])]);
        let anywhere = listen("", &machine).expect("the default");
        for (text, expected) in [
            ("eth1", "198.51.100.7:2377"),
            ("eth1:4000", "198.51.100.7:4000"),
            ("203.0.113.1", "203.0.113.1:2377"),
            ("203.0.113.1:99", "203.0.113.1:99"),
            ("[2001:db8::1]:99", "[2001:db8::1]:99"),
            ("2001:db8::1", "[2001:db8::1]:2377"),
        ] {
            let expected = expected.parse().expect("an address");
            assert_eq!(advertise(text, anywhere, &machine), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_dockers_words() {
        let machine = interfaces(&[
            ("eth0", &["192.0.2.7"]),
            ("eth1", &["198.51.100.7"]),
            ("eth2", &["10.1.0.1", "10.1.0.2"]),
        ]);
        let anywhere: SocketAddr = "0.0.0.0:2377".parse().expect("an address");
        for (refused, text) in [
            (listen("nowhere", &machine), "listen address must be an IP address"),
            (listen("eth0:x", &machine), "listen address must be an IP address"),
            (advertise("0.0.0.0", anywhere, &machine), "advertise address must be a non-zero"),
            (advertise("eth2", anywhere, &machine), "interface eth2 has more than one IPv4"),
            (advertise("", anywhere, &machine), "could not choose an IP address to advertise"),
            (advertise("", anywhere, &[]), "could not find the system's IP address"),
        ] {
            let message = refused.expect_err("cannot be meant").message;
            assert!(message.starts_with(text), "{message}");
        }
        data_path("0.0.0.0", anywhere, &machine).expect_err("is no address");
    }
}
