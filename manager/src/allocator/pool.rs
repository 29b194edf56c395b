//! The free addresses of networks, during one pass.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use ipnet::Ipv4Net;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::object::Network;

use super::Shortage;
use crate::state::State;

/// The free addresses of every network that something was asked of.
pub(super) struct Pools<'a> {
    state: &'a State,
    pools: BTreeMap<NetworkId, Pool>,
}

/// The free addresses of one network.
struct Pool {
    name: String,
    subnet: Ipv4Net,
    /// Free, and not used by a task that the state still remembers.
    rested: Range,
    /// Free, but used not long ago: taken last, as somebody may still talk to who had it.
    recent: Range,
}

/// Addresses in order, walked through once, from one of them round to the one before it.
struct Range {
    first: u32,
    size: u64,
    /// How far from the first the walk begins.
    begin: u64,
    walked: u64,
    skip: BTreeSet<Ipv4Addr>,
}

impl<'a> Pools<'a> {
    pub(super) const fn new(state: &'a State) -> Self {
        Self { state, pools: BTreeMap::new() }
    }

    /// Takes a free address of `network`, with the prefix length of its subnet.
    pub(super) fn take(&mut self, network: &Network) -> Result<Ipv4Net, Shortage> {
        if !self.pools.contains_key(&network.id) {
            let pool = Pool::of(self.state, network)?;
            self.pools.insert(network.id.clone(), pool);
        }
        let missing = || Shortage::NoNetwork(network.spec.name.clone());
        self.pools.get_mut(&network.id).ok_or_else(missing)?.take()
    }
}

impl Pools<'_> {
    /// Takes `addr` of `network`; nothing if it is taken, or is none for containers. It need not be in the range that the network's own
    /// choice is limited to.
    pub(super) fn claim(
        &self,
        network: &Network,
        addr: Ipv4Addr,
    ) -> Result<Option<Ipv4Net>, Shortage> {
        let missing = || Shortage::NoNetwork(network.spec.name.clone());
        let subnet = network.allocation.ok_or_else(missing)?.subnet;
        let pool = Pool::of(self.state, network)?;
        if !subnet.contains(&addr) || pool.recent.skip.contains(&addr) {
            return Ok(None);
        }
        let addr = Ipv4Net::new(addr, subnet.prefix_len());
        addr.map(Some).map_err(|_| Shortage::BadSubnet(network.spec.name.clone()))
    }
}

impl Pool {
    fn of(state: &State, network: &Network) -> Result<Self, Shortage> {
        let name = network.spec.name.clone();
        let Some(allocation) = network.allocation else { return Err(Shortage::NoNetwork(name)) };
        let asked = network.spec.ipam.as_ref().and_then(|ipam| ipam.config.first());
        let range = match asked.and_then(|config| config.ip_range) {
            Some(IpNet::V4(range)) if allocation.subnet.contains(&range) => range,
            _ => allocation.subnet,
        };
        let mut held: BTreeSet<Ipv4Addr> =
            state.addresses(&network.id).into_iter().flatten().map(|(addr, _)| *addr).collect();
        held.insert(allocation.gateway);
        let spared = asked.into_iter().flat_map(|config| config.auxiliary_addresses.values());
        held.extend(spared.filter_map(|addr| match addr {
            IpAddr::V4(addr) => Some(*addr),
            IpAddr::V6(_) => None,
        }));
        held.insert(allocation.subnet.network());
        held.insert(allocation.subnet.broadcast());
        let last = state.cursors().address(&network.id);
        let recent = Range::new(range, last, held.clone());
        held.extend(state.left_addresses(&network.id));
        Ok(Self { name, subnet: allocation.subnet, rested: Range::new(range, last, held), recent })
    }

    fn take(&mut self) -> Result<Ipv4Net, Shortage> {
        let addr = match self.rested.next() {
            Some(addr) => {
                self.recent.skip.insert(addr);
                addr
            }
            None => self.recent.next().ok_or_else(|| Shortage::Addresses(self.name.clone()))?,
        };
        Ipv4Net::new(addr, self.subnet.prefix_len())
            .map_err(|_| Shortage::BadSubnet(self.name.clone()))
    }
}

impl Range {
    /// The addresses of `range` but for those to `skip`, beginning after `given`.
    fn new(range: Ipv4Net, given: Option<Ipv4Addr>, skip: BTreeSet<Ipv4Addr>) -> Self {
        let (first, last) = (u32::from(range.network()), u32::from(range.broadcast()));
        let size = u64::from(last - first) + 1;
        let given = given.and_then(|given| u32::from(given).checked_sub(first));
        let begin = given.map_or(0, |given| u64::from(given) + 1);
        Self { first, size, begin, walked: 0, skip }
    }

    fn next(&mut self) -> Option<Ipv4Addr> {
        while self.walked < self.size {
            let offset = (self.begin + self.walked) % self.size;
            self.walked += 1;
            let addr = Ipv4Addr::from(self.first + u32::try_from(offset).ok()?);
            if !self.skip.contains(&addr) {
                return Some(addr);
            }
        }
        None
    }
}
