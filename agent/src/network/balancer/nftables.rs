//! Balancing by nftables: per service one chain that takes the backends in turn, and one map from addresses and ports to chains.
//!
//! The table is replaced in one transaction, or, where it is known to be as it was written, only the services that differ (`amendment`). A packet
//! that comes just then finds either what was or what comes ([`hook`]). A service without backends has no chain: its packets reach the local stack,
//! which has nobody listening and refuses them.
//!
//! Only the first packet of a connection reaches a chain, as the kernel remembers where it went: a backend that is taken out
//! of its chain drains. A sticky service takes backends by a hash of the client's address instead of in turn.

mod amendment;
mod traffic;

use std::collections::BTreeMap;
use std::fmt::Write;

use swarmlite_proto::balance::Balancing;
use swarmlite_proto::balance::Scheduler;

use super::contract::Balancer;
use super::service::Backend;
use super::service::Frontend;
use super::service::Service;
use super::service::VirtualServices;
use super::statistics::Statistics;
use super::tables;
use super::tables::TABLE;
use crate::network::error::KernelError;
use crate::network::held::Held;
use crate::network::netns::Netns;
use crate::network::nft::Tables;
use crate::network::nft::elements;
use crate::network::nft::hook;
use crate::network::nft::hook::Hook;
use crate::network::nft::hook::priority;
use crate::network::nft::own::OwnChanges;
use crate::network::uplink::UPLINK;

/// Where hashes of clients' addresses start. The kernel would choose a number for each rule, and send clients elsewhere on
/// every change of the table, and on every node.
const SEED: u32 = 0x5357;

/// Balances by nftables.
#[derive(Debug)]
pub struct NftablesBalancer {
    tables: Tables<VirtualServices>,
}

impl NftablesBalancer {
    /// A balancer that has not programmed anything yet.
    #[must_use]
    pub(crate) fn new(own: OwnChanges) -> Self {
        Self { tables: Tables::new(TABLE, own) }
    }
}

impl Balancer for NftablesBalancer {
    fn observe(&self, netns: &Netns) -> Result<Held<VirtualServices>, KernelError> {
        self.tables.observe(netns)
    }

    fn program(&self, netns: &Netns, services: &VirtualServices) -> Result<(), KernelError> {
        if let Held::Exactly(held) = self.tables.observe(netns)?
            && let Some(text) = amendment::between(&held, services)
        {
            return self.tables.amend(netns, services, &text);
        }
        let traffic = if services.is_empty() { tables::no_traffic() } else { traffic::table() };
        self.tables.replace(netns, services, &(table(services) + &traffic))
    }

    fn statistics(
        &self,
        _: &Netns,
        services: &VirtualServices,
    ) -> Result<BTreeMap<Frontend, Statistics>, KernelError> {
        traffic::counted(services)
    }

    fn forget(&self, netns: &Netns) {
        self.tables.forget(netns);
    }
}

/// The table that balances these services, in the language of `nft -f`.
#[must_use]
pub fn table(services: &VirtualServices) -> String {
    let mut chains = String::new();
    let mut addresses = Vec::new();
    let mut ports = Vec::new();
    for (frontend, service) in services {
        let slots = slots(service);
        if slots.is_empty() {
            continue;
        }
        let chain = chain_name(*frontend);
        let element = format!("{} : goto {chain}", key(*frontend));
        match frontend {
            Frontend::Address(_) => addresses.push(element),
            Frontend::Port { .. } => ports.push(element),
        }
        let rule = rule(*frontend, service.balancing, &slots);
        // Writing to a string cannot fail.
        let _ = write!(chains, "\tchain {chain} {{\n\t\t{rule}\n\t}}\n");
    }
    let addresses = elements(&addresses);
    // A virtual address answers to nothing but these three protocols, and leaves ping to the local stack.
    let prerouting = hook::chain(
        "prerouting",
        Hook { kind: "nat", at: "prerouting", priority: priority::NAT_DST },
        &format!(
            "\t\tmeta l4proto {{ tcp, udp, sctp }} ip daddr vmap @addresses
\t\tiifname \"{UPLINK}\" meta l4proto . th dport vmap @ports
"
        ),
    );
    let ports = elements(&ports);
    format!(
        "table ip {TABLE} {{
{chains}\tmap addresses {{
\t\ttype ipv4_addr : verdict{addresses}
\t}}
\tmap ports {{
\t\ttype inet_proto . inet_service : verdict{ports}
\t}}
{prerouting}}}
"
    )
}

/// Each serving backend, as often as its weight says; once where backends simply take turns, as IPVS does it.
fn slots(service: &Service) -> Vec<Backend> {
    let plain = service.balancing.scheduler == Scheduler::Rr;
    let share = |backend: &Backend| if plain { 1 } else { backend.weight };
    let most = service.serving().map(share).max().unwrap_or(0);
    // Round by round rather than backend by backend, so that unequal weights still alternate.
    (0..most)
        .flat_map(|round| service.serving().filter(move |backend| share(backend) > round))
        .copied()
        .collect()
}

/// The expression that chooses a slot, but for how many there are.
fn choice(balancing: Balancing) -> &'static str {
    if balancing.sticky.is_some() || balancing.scheduler == Scheduler::Sh {
        "jhash ip saddr"
    } else {
        "numgen inc"
    }
}

/// What a frontend is in the map that leads to its chain.
fn key(frontend: Frontend) -> String {
    match frontend {
        Frontend::Address(address) => address.to_string(),
        Frontend::Port { protocol, port } => format!("{} . {port}", protocol.as_str()),
    }
}

fn chain_name(frontend: Frontend) -> String {
    match frontend {
        Frontend::Address(address) => format!("address_{address}"),
        Frontend::Port { protocol, port } => format!("port_{}_{port}", protocol.as_str()),
    }
}

/// The only rule of a chain.
fn rule(frontend: Frontend, balancing: Balancing, slots: &[Backend]) -> String {
    let choice = choice(balancing);
    // The protocol has to be known before a port can be translated.
    let protocol = match frontend {
        Frontend::Address(_) => String::new(),
        Frontend::Port { protocol, .. } => format!("meta l4proto {} ", protocol.as_str()),
    };
    let targets: Vec<String> = slots
        .iter()
        .map(|slot| match slot.port {
            Some(port) => format!("{} . {port}", slot.addr),
            None => slot.addr.to_string(),
        })
        .collect();
    let target = match (targets.as_slice(), slots) {
        ([_], [Backend { addr, port: Some(port), .. }]) => format!("{addr}:{port}"),
        ([only], _) => only.clone(),
        _ => {
            let mapped: Vec<String> =
                targets.iter().enumerate().map(|(at, target)| format!("{at} : {target}")).collect();
            let seed = if choice.starts_with("jhash") {
                format!(" seed {SEED:#x}")
            } else {
                String::new()
            };
            format!("{choice} mod {}{seed} map {{ {} }}", targets.len(), mapped.join(", "))
        }
    };
    // `ip` says that the map gives an address and a port, not an address alone.
    let family =
        if slots.len() > 1 && slots.iter().any(|slot| slot.port.is_some()) { "ip " } else { "" };
    format!("{protocol}dnat {family}to {target}")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use swarmlite_proto::spec::PortProtocol;

    use super::*;

    fn backend(last: u8, port: Option<u16>, weight: u16) -> Backend {
        Backend { addr: Ipv4Addr::new(10, 0, 0, last), port, weight }
    }

    fn service(backends: Vec<Backend>) -> Service {
        Service { backends, ..Service::default() }
    }

    #[test]
    fn a_sticky_service_goes_by_the_clients_address_and_the_same_on_every_node() {
        let sticky = Balancing { scheduler: Scheduler::Wrr, sticky: Some(300) };
        let backends = vec![backend(3, None, 1), backend(4, None, 2), backend(5, None, 0)];
        let frontend = Frontend::Address(Ipv4Addr::new(10, 0, 0, 2));
        let table = table(&[(frontend, Service { balancing: sticky, backends })].into());
        let expected = "dnat to jhash ip saddr mod 3 seed 0x5357 map { 0 : 10.0.0.3, 1 : 10.0.0.4, 2 : 10.0.0.4 }";
        assert!(table.contains(expected), "{table}");
    }

    #[test]
    fn the_table_reads_as_documented() {
        let services = VirtualServices::from([
            (
                Frontend::Address(Ipv4Addr::new(10, 0, 0, 2)),
                service(vec![backend(3, None, 1), backend(4, None, 1)]),
            ),
            (Frontend::Address(Ipv4Addr::new(10, 0, 0, 9)), service(vec![backend(5, None, 0)])),
            (
                Frontend::Port { protocol: PortProtocol::Tcp, port: 8080 },
                service(vec![
                    backend(3, Some(80), 1),
                    backend(4, Some(80), 1),
                    backend(5, Some(80), 0),
                ]),
            ),
            (
                Frontend::Port { protocol: PortProtocol::Udp, port: 53 },
                service(vec![backend(3, Some(5353), 1)]),
            ),
        ]);
        let expected = "table ip swarmlite_balancer {
\tchain address_10.0.0.2 {
\t\tdnat to numgen inc mod 2 map { 0 : 10.0.0.3, 1 : 10.0.0.4 }
\t}
\tchain port_tcp_8080 {
\t\tmeta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 10.0.0.3 . 80, 1 : 10.0.0.4 . 80 }
\t}
\tchain port_udp_53 {
\t\tmeta l4proto udp dnat to 10.0.0.3:5353
\t}
\tmap addresses {
\t\ttype ipv4_addr : verdict
\t\telements = {
\t\t\t10.0.0.2 : goto address_10.0.0.2
\t\t}
\t}
\tmap ports {
\t\ttype inet_proto . inet_service : verdict
\t\telements = {
\t\t\ttcp . 8080 : goto port_tcp_8080,
\t\t\tudp . 53 : goto port_udp_53
\t\t}
\t}
\tchain prerouting {
\t\tmeta l4proto { tcp, udp, sctp } ip daddr vmap @addresses
\t\tiifname \"uplink0\" meta l4proto . th dport vmap @ports
\t}
\tchain prerouting_first {
\t\ttype nat hook prerouting priority -100; policy accept;
\t\tjump prerouting
\t}
\tchain prerouting_again {
\t\ttype nat hook prerouting priority -99; policy accept;
\t\tjump prerouting
\t}
}
";
        assert_eq!(table(&services), expected);
    }

    #[test]
    fn weights_count_where_they_are_asked_for_and_alternate() {
        let order = |scheduler| -> Vec<u8> {
            let backends = vec![backend(1, None, 3), backend(2, None, 0), backend(3, None, 1)];
            let balancing = Balancing { scheduler, sticky: None };
            let slots = slots(&Service { balancing, backends });
            slots.iter().map(|slot| slot.addr.octets()[3]).collect()
        };
        assert_eq!(order(Scheduler::Wrr), [1, 3, 1, 1]);
        assert_eq!(order(Scheduler::Rr), [1, 3]);
    }
}
