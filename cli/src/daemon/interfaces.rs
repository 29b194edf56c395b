//! The network interfaces of this machine.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;

use super::address::Interface;

/// The interfaces that have addresses, by name.
pub(crate) fn interfaces() -> io::Result<Vec<Interface>> {
    let mut by_name: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for entry in getifaddrs()? {
        let Some(storage) = entry.address else { continue };
        let addr = match (storage.as_sockaddr_in(), storage.as_sockaddr_in6()) {
            (Some(v4), _) => IpAddr::V4(v4.ip()),
            (None, Some(v6)) => IpAddr::V6(v6.ip()),
            (None, None) => continue,
        };
        by_name.entry(entry.interface_name).or_default().push(addr);
    }
    Ok(by_name.into_iter().map(|(name, addrs)| Interface { name, addrs }).collect())
}
