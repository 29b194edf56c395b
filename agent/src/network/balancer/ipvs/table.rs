//! What IPVS should hold for the services of a namespace, and what it takes to get there from what it holds. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use swarmlite_proto::balance::Balancing;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use crate::network::balancer::service::Frontend;
use crate::network::balancer::service::Service;
use crate::network::balancer::service::VirtualServices;
use crate::network::uplink::INGRESS_ADDRESS;

/// `IP_VS_SVC_F_PERSISTENT`.
pub(super) const PERSISTENT: u32 = 0x01;
/// `IP_VS_SVC_F_SCHED_SH_FALLBACK` and `IP_VS_SVC_F_SCHED_MH_FALLBACK`.
pub(super) const FALLBACK: u32 = 0x08;

/// What tells the mark of a virtual address for datagrams from the one for streams. Two addresses of one network never
/// differ in this bit alone.
pub(super) const DATAGRAMS: u32 = 0x8000_0000;

/// `IPPROTO_TCP`, `IPPROTO_UDP` and `IPPROTO_SCTP`.
pub(super) const TCP: u16 = 6;
pub(super) const UDP: u16 = 17;
pub(super) const SCTP: u16 = 132;

/// Which packets a virtual service of IPVS is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// Those with this mark.
    Mark(u32),
    /// Those to this port.
    Port { protocol: u16, addr: Ipv4Addr, port: u16 },
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark(mark) => write!(f, "FWM {mark}"),
            Self::Port { protocol, addr, port } => write!(f, "{protocol} {addr}:{port}"),
        }
    }
}

/// How a virtual service balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The scheduler's name.
    pub(super) scheduler: String,
    /// Of the flags, those that are settings.
    pub(super) flags: u32,
    /// For how many seconds a client is remembered, if [`PERSISTENT`].
    pub(super) timeout: u32,
}

impl Settings {
    fn of(balancing: Balancing) -> Self {
        // Both hash the client's address to a destination, and without this flag refuse it if that one drains.
        let fallback = match balancing.scheduler {
            Scheduler::Mh | Scheduler::Sh => FALLBACK,
            Scheduler::Rr | Scheduler::Wrr | Scheduler::Lc => 0,
        };
        let persistent = if balancing.sticky.is_some() { PERSISTENT } else { 0 };
        Self {
            scheduler: balancing.scheduler.to_string(),
            flags: fallback | persistent,
            timeout: balancing.sticky.unwrap_or_default(),
        }
    }
}

/// A virtual service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Virtual {
    pub(super) settings: Settings,
    /// Weights by address and port. The port is 0 behind a mark: the one that was asked for.
    pub(super) destinations: BTreeMap<Destination, u32>,
}

/// The address and port of a real server.
pub(super) type Destination = (Ipv4Addr, u16);

/// Everything that IPVS holds in one namespace.
pub(super) type Table = BTreeMap<Key, Virtual>;

/// The virtual services of a frontend.
pub(super) fn keys(frontend: Frontend) -> Vec<Key> {
    match frontend {
        Frontend::Address(addr) => {
            vec![Key::Mark(u32::from(addr)), Key::Mark(u32::from(addr) ^ DATAGRAMS)]
        }
        Frontend::Port { protocol, port } => {
            let protocol = match protocol {
                PortProtocol::Tcp => TCP,
                PortProtocol::Udp => UDP,
                PortProtocol::Sctp => SCTP,
            };
            vec![Key::Port { protocol, addr: INGRESS_ADDRESS, port }]
        }
    }
}

/// What IPVS should hold. A service without destinations is left out: its packets reach the local stack, which has nobody
/// listening and refuses them.
pub(super) fn table(services: &VirtualServices) -> Table {
    let mut table = Table::new();
    for (frontend, service) in services {
        for key in keys(*frontend) {
            let destinations = destinations(*frontend, key, service);
            if !destinations.is_empty() {
                let settings = Settings::of(service.balancing);
                table.insert(key, Virtual { settings, destinations });
            }
        }
    }
    table
}

/// A backend that drains stays, with weight 0, so that its connections live on. Datagrams have no connections that could
/// end: for them it is gone at once, and IPVS finds each flow another backend.
fn destinations(frontend: Frontend, key: Key, service: &Service) -> BTreeMap<Destination, u32> {
    let datagrams = match (frontend, key) {
        (Frontend::Address(addr), Key::Mark(mark)) => mark != u32::from(addr),
        (_, Key::Port { protocol, .. }) => protocol == UDP,
        (Frontend::Port { .. }, Key::Mark(_)) => false,
    };
    service
        .backends
        .iter()
        .filter(|backend| backend.weight > 0 || !datagrams)
        .map(|backend| {
            ((backend.addr, backend.port.unwrap_or_default()), u32::from(backend.weight))
        })
        .collect()
}

/// One request to IPVS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    AddService(Key, Settings),
    SetService(Key, Settings),
    RemoveService(Key),
    AddDestination(Key, Destination, u32),
    SetDestination(Key, Destination, u32),
    RemoveDestination(Key, Destination),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddService(key, settings) => {
                write!(f, "add service {key} with scheduler {}", settings.scheduler)
            }
            Self::SetService(key, settings) => {
                write!(f, "set service {key} to scheduler {}", settings.scheduler)
            }
            Self::RemoveService(key) => write!(f, "remove service {key}"),
            Self::AddDestination(key, (addr, port), _) => write!(f, "add {addr}:{port} to {key}"),
            Self::SetDestination(key, (addr, port), weight) => {
                write!(f, "set the weight of {addr}:{port} in {key} to {weight}")
            }
            Self::RemoveDestination(key, (addr, port)) => {
                write!(f, "remove {addr}:{port} from {key}")
            }
        }
    }
}

/// What has to be asked for, in two parts between which packets can be led to the new services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) additions: Vec<Request>,
    pub(super) removals: Vec<Request>,
}

/// What makes `seen` into `wanted`. Nothing is taken away before what takes its place is there.
pub(super) fn difference(wanted: &Table, seen: &Table) -> Difference {
    let mut difference = Difference::default();
    for (key, service) in wanted {
        let before = seen.get(key);
        let settings = service.settings.clone();
        match before {
            None => difference.additions.push(Request::AddService(*key, settings)),
            Some(before) if before.settings != settings => {
                difference.additions.push(Request::SetService(*key, settings));
            }
            Some(_) => {}
        }
        for (destination, weight) in &service.destinations {
            match before.and_then(|before| before.destinations.get(destination)) {
                None => {
                    difference.additions.push(Request::AddDestination(*key, *destination, *weight));
                }
                Some(before) if before != weight => {
                    difference.additions.push(Request::SetDestination(*key, *destination, *weight));
                }
                Some(_) => {}
            }
        }
    }
    for (key, before) in seen {
        match wanted.get(key) {
            None => difference.removals.push(Request::RemoveService(*key)),
            Some(service) => difference.removals.extend(
                before
                    .destinations
                    .keys()
                    .filter(|destination| !service.destinations.contains_key(*destination))
                    .map(|destination| Request::RemoveDestination(*key, *destination)),
            ),
        }
    }
    difference
}

#[cfg(test)]
mod tests;
