//! Balancing by IPVS, the kernel's load balancer, over generic netlink.
//!
//! A published port is a virtual service at the address to which the node sends published ports. A virtual address answers on
//! every port, for which IPVS has services by firewall mark: nftables marks what comes in for the address, with the
//! address itself as the number, and with its first bit flipped for datagrams, which do not drain (see `table`).
//!
//! ```text
//! FWM  167772418 rr                     10.0.1.2, TCP and SCTP
//!   -> 10.0.1.11:0        Masq    1
//!   -> 10.0.1.12:0        Masq    0     draining
//! FWM  2315255810 rr                    10.0.1.2, UDP
//!   -> 10.0.1.11:0        Masq    1
//! TCP  169.254.255.2:8000 rr
//!   -> 10.255.0.11:80     Masq    1
//! ```
//!
//! Forwarding is `Masq`: the destination is translated, the source is not, and replies pass here on their way back.
//!
//! - `table`: what IPVS should hold, and the requests that lead there. Pure.
//! - `rules`: what nftables does so that IPVS gets what it should, and no more. Pure.
//! - `message`, `wire`: requests and answers as bytes. Pure.
//! - `listing`: destinations as the kernel lists them. Pure.
//! - `socket`: the conversation with the kernel. `settings`: what holds for a whole namespace.
//!
//! What IPVS holds is read back each time. Only what differs is asked for, so connections are never disturbed, not even by a
//! restart of this process.

mod listing;
mod message;
mod rules;
mod settings;
mod socket;
mod table;
mod wire;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::sync::Mutex;
use std::sync::PoisonError;

use self::rules::Rules;
use self::socket::Ipvs;
use self::socket::refused;
use self::table::Key;
use self::table::Request;
use self::table::Table;
use self::table::Virtual;
use super::contract::Balancer;
use super::service::Frontend;
use super::service::VirtualServices;
use super::statistics::Counters;
use super::statistics::Statistics;
use super::tables;
use super::tables::TABLE;
use crate::network::error::KernelError;
use crate::network::held::Held;
use crate::network::netns::Netns;
use crate::network::nft::Tables;
use crate::network::nft::own::OwnChanges;

/// Balances by IPVS.
#[derive(Debug)]
pub struct IpvsBalancer {
    /// What nftables does around IPVS.
    rules: Tables<Rules>,
    /// What was asked for, by namespace: backends that drain cannot be told from what IPVS holds.
    asked: Mutex<HashMap<Netns, VirtualServices>>,
}

impl IpvsBalancer {
    /// A balancer that has not programmed anything yet.
    #[must_use]
    pub(crate) fn new(own: OwnChanges) -> Self {
        Self { rules: Tables::new(TABLE, own), asked: Mutex::default() }
    }
}

impl Balancer for IpvsBalancer {
    fn observe(&self, netns: &Netns) -> Result<Held<VirtualServices>, KernelError> {
        let refused = refused(netns, "list services");
        let ipvs = Ipvs::open().map_err(&refused)?;
        let seen = dump(&ipvs).map_err(&refused)?;
        let rules = self.rules.observe(netns)?;
        if seen.is_empty() && rules == Held::Absent {
            return Ok(Held::Absent);
        }
        let settled = settings::settled(&ipvs).map_err(&refused)?;
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match asked.get(netns) {
            Some(services)
                if settled
                    && table::table(services) == seen
                    && rules == Held::Exactly(Rules::of(services)) =>
            {
                Held::Exactly(services.clone())
            }
            _ => Held::Unknown,
        })
    }

    fn program(&self, netns: &Netns, services: &VirtualServices) -> Result<(), KernelError> {
        let ipvs = Ipvs::open().map_err(refused(netns, "use IPVS"))?;
        // First, as connections take them over when they begin.
        settings::settle(&ipvs, netns)?;
        let seen = dump(&ipvs).map_err(refused(netns, "list services"))?;
        let difference = table::difference(&table::table(services), &seen);
        ask(&ipvs, netns, &difference.additions)?;
        let rules = Rules::of(services);
        if self.rules.observe(netns)? != Held::Exactly(rules.clone()) {
            self.rules.replace(netns, &rules, &(rules.table() + &tables::no_traffic()))?;
        }
        ask(&ipvs, netns, &difference.removals)?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(netns.clone(), services.clone());
        Ok(())
    }

    fn statistics(
        &self,
        netns: &Netns,
        services: &VirtualServices,
    ) -> Result<BTreeMap<Frontend, Statistics>, KernelError> {
        let refused = refused(netns, "read the statistics");
        let ipvs = Ipvs::open().map_err(&refused)?;
        let held = ipvs
            .dump(message::GET_SERVICE, &wire::Attributes::default(), message::read_service)
            .map_err(&refused)?;
        let totals: BTreeMap<Key, Counters> =
            held.into_iter().map(|(key, _, counters)| (key, counters)).collect();
        let mut all: BTreeMap<Frontend, Statistics> = BTreeMap::new();
        for frontend in services.keys().copied() {
            for key in table::keys(frontend) {
                let Some(total) = totals.get(&key) else { continue };
                let statistics = all.entry(frontend).or_default();
                statistics.total.add(*total);
                let destinations = ipvs
                    .dump(message::GET_DEST, &message::about(key), message::read_destination)
                    .map_err(&refused)?;
                for ((addr, port), counters) in destinations {
                    let backend = SocketAddrV4::new(addr, port);
                    statistics.backends.entry(backend).or_default().add(counters);
                }
            }
        }
        Ok(all)
    }

    fn forget(&self, netns: &Netns) {
        self.rules.forget(netns);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(netns);
    }
}

/// Whether the kernel has IPVS. Loads no module by itself, but the kernel may on being asked.
///
/// # Errors
/// If the kernel cannot be asked.
pub(super) fn present() -> io::Result<bool> {
    match Ipvs::open() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the namespace of the calling thread balances anything by IPVS. Loads no module.
///
/// # Errors
/// If it cannot be read.
pub(super) fn in_use(netns: &Netns) -> Result<bool, KernelError> {
    match list() {
        Ok(listing) => Ok(listing::has_services(&listing)),
        // No IPVS.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(refused(netns, "list services")(source)),
    }
}

/// Removes everything that IPVS balances in the namespace of the calling thread.
///
/// # Errors
/// If the kernel refuses.
pub(super) fn clear(netns: &Netns) -> Result<(), KernelError> {
    let flush = |ipvs: Ipvs| ipvs.change(message::FLUSH, &wire::Attributes::default());
    Ipvs::open().and_then(flush).map_err(refused(netns, "remove all services"))
}

/// Asks for the services over netlink, and reads all their destinations at once: over netlink that would be a dump for each service.
fn dump(ipvs: &Ipvs) -> io::Result<Table> {
    let all = wire::Attributes::default();
    let services = ipvs.dump(message::GET_SERVICE, &all, message::read_service)?;
    if services.is_empty() {
        return Ok(Table::new());
    }
    let mut listed = listing::destinations(&list()?);
    let with_destinations = |(key, settings, _): (Key, _, Counters)| {
        (key, Virtual { settings, destinations: listed.remove(&key).unwrap_or_default() })
    };
    Ok(services.into_iter().map(with_destinations).collect())
}

/// What the namespace of the calling thread balances, as text.
fn list() -> io::Result<String> {
    // Of the thread, as another thread of this process may be in another namespace.
    fs::read_to_string("/proc/thread-self/net/ip_vs")
}

fn ask(ipvs: &Ipvs, netns: &Netns, requests: &[Request]) -> Result<(), KernelError> {
    let changes: Vec<_> = requests.iter().map(message::request).collect();
    ipvs.change_all(&changes).map_err(|(at, source)| {
        let what = requests.get(at).map(Request::to_string).unwrap_or_default();
        refused(netns, &what)(source)
    })
}
