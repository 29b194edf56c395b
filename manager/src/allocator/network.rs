//! Subnets and VXLAN ids.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use ipnet::Ipv4Net;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::NetworkAllocation;
use swarmlite_proto::spec::IpamConfig;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::time::Timestamp;

use super::Shortage;
use crate::reconcile::Plan;
use crate::state::Op;
use crate::state::State;

/// The first VXLAN id. Docker Swarm starts at 4097 too (moby `libnetwork/drivers/overlay/ovmanager`).
const FIRST_VNI: u32 = 4097;

/// The last VXLAN id: they have 24 bits (RFC 7348, section 5).
const LAST_VNI: u32 = 0x00ff_ffff;

/// The longest prefix that leaves room for a gateway and one more address.
const LONGEST_PREFIX: u8 = 30;

/// Gives networks without addresses theirs.
pub(super) fn allocate(state: &State, now: Timestamp, plan: &mut Plan) {
    let unallocated = state.networks().values().filter(|network| network.allocation.is_none());
    let mut wanting: Vec<Network> = unallocated.map(|network| network.as_ref().clone()).collect();
    if wanting.is_empty() {
        return;
    }
    let mut given: Vec<NetworkAllocation> =
        state.networks().values().filter_map(|network| network.allocation).collect();
    // What is asked for is kept free by the state; the others choose from what is left.
    wanting.sort_by_key(|network| asked(&network.spec).is_none());
    for network in wanting {
        match choose(state, &network.spec, &given) {
            Ok(allocation) => {
                given.push(allocation);
                let network = Network { allocation: Some(allocation), ..network };
                plan.change(now, &[], [vec![Op::PutNetwork(Box::new(network))]]);
            }
            Err(shortage) => plan.note(format!("network {}: {shortage}", network.spec.name)),
        }
    }
}

fn choose(
    state: &State,
    spec: &NetworkSpec,
    given: &[NetworkAllocation],
) -> Result<NetworkAllocation, Shortage> {
    let config = asked(spec);
    let subnet = match config.and_then(|config| config.subnet) {
        Some(IpNet::V4(subnet)) if subnet.prefix_len() <= LONGEST_PREFIX => subnet.trunc(),
        Some(_) => return Err(Shortage::BadSubnet(spec.name.clone())),
        None => free_subnet(state, given)?,
    };
    let spared = |addr: &Ipv4Addr| {
        let addr = IpAddr::V4(*addr);
        config.is_some_and(|config| config.auxiliary_addresses.values().any(|one| *one == addr))
    };
    let gateway = config
        .and_then(gateway)
        .or_else(|| subnet.hosts().find(|addr| !spared(addr)))
        .ok_or_else(|| Shortage::BadSubnet(spec.name.clone()))?;
    let vni = spec.vxlan_id().map_or_else(|| free_vni(state, given), Ok)?;
    Ok(NetworkAllocation { vni, subnet, gateway })
}

/// The addresses that a network asks for.
fn asked(spec: &NetworkSpec) -> Option<&IpamConfig> {
    spec.ipam.as_ref()?.config.first()
}

fn gateway(config: &IpamConfig) -> Option<Ipv4Addr> {
    match config.gateway? {
        IpAddr::V4(gateway) => Some(gateway),
        IpAddr::V6(_) => None,
    }
}

/// The first subnet of the cluster's pools that overlaps no network.
fn free_subnet(state: &State, given: &[NetworkAllocation]) -> Result<Ipv4Net, Shortage> {
    let cluster = state.cluster().ok_or(Shortage::Subnets)?;
    let size = cluster.subnet_size;
    let subnets = cluster
        .default_addr_pool
        .iter()
        .filter_map(|pool| pool.subnets(size.min(LONGEST_PREFIX)).ok())
        .flatten();
    let is_free = |subnet: &Ipv4Net| !given.iter().any(|other| overlap(other.subnet, *subnet));
    subnets.into_iter().find(is_free).ok_or(Shortage::Subnets)
}

fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// The id after the last one given, so that the id of a removed network is not used again while nodes may still have it.
fn free_vni(state: &State, given: &[NetworkAllocation]) -> Result<u32, Shortage> {
    let asked: Vec<u32> =
        state.networks().values().filter_map(|network| network.spec.vxlan_id()).collect();
    let is_free = |vni: &u32| !asked.contains(vni) && given.iter().all(|other| other.vni != *vni);
    // A state from before the last one was written down goes on from the greatest.
    let greatest = || given.iter().map(|other| other.vni).filter(|vni| !asked.contains(vni)).max();
    let next = state.cursors().vni().or_else(greatest).map_or(FIRST_VNI, |last| last + 1);
    (next..=LAST_VNI).chain(FIRST_VNI..next).find(is_free).ok_or(Shortage::Vni)
}
