//! Gives networks, services and tasks what has to be unique: subnets, VXLAN ids, addresses and ports.
//!
//! Everything is read off the state, which refuses a duplicate: an allocator that lags behind is refused and decides again. A task gets
//! its addresses before it gets a node, and they are free again when it has ended. What is free comes back last: what was given out last is
//! in the state too ([`crate::state::Cursors`]), and giving out goes on from there.

mod network;
mod pool;
mod port;
mod service;
mod task;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rand::rngs::StdRng;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result as ProtoResult;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Network;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::time::Timestamp;

use self::pool::Pools;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;

/// Why something cannot have what it needs yet. What a task waits for is shown in its status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Shortage {
    /// No subnet of the cluster's pools is free.
    #[error(
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
    )]
    Subnets,
    /// What was asked for is no IPv4 subnet with room for addresses.
    #[error(
        "the subnet of network {0} cannot be used: IPv4 with a prefix length of 30 or less is needed"
    )]
    BadSubnet(String),
    /// Every VXLAN id is taken.
    #[error("could not find an available VXLAN id")]
    Vni,
    /// Every address of a network is taken.
    #[error("could not find an available IP on network {0}")]
    Addresses(String),
    /// A network is not there, or has no addresses yet.
    #[error("network {0} not found")]
    NoNetwork(String),
    /// There is no ingress network, or it has no addresses yet.
    #[error("no ingress network present")]
    NoIngress,
    /// Every port that the cluster may choose is taken.
    #[error("no available dynamic port")]
    Ports,
}

/// Allocates whatever lacks something.
#[must_use]
pub(crate) fn reconcile(view: &View, now: Timestamp, _rng: &mut StdRng) -> Plan {
    let state = &view.state;
    let mut plan = Plan::default();
    network::allocate(state, now, &mut plan);
    let mut pools = Pools::new(state);
    let short: BTreeMap<ServiceId, Shortage> = service::allocate(state, now, &mut pools, &mut plan);
    task::allocate(state, now, &mut pools, &short, &mut plan);
    plan
}

/// An address for one more container on `network`: the one that is `wanted`, or any that is free. Nothing is taken by it: the state
/// refuses whoever comes second.
///
/// # Errors
///
/// In Docker's words, when there is none or another has it.
pub(crate) fn address(
    state: &State,
    network: &Network,
    wanted: Option<Ipv4Addr>,
) -> ProtoResult<Ipv4Net> {
    let mut pools = Pools::new(state);
    let refused = |shortage: Shortage| Error::unknown(shortage.to_string());
    match wanted {
        None => pools.take(network).map_err(refused),
        Some(addr) => pools.claim(network, addr).map_err(refused)?.ok_or_else(|| {
            let held = state.addresses(&network.id).is_some_and(|held| held.contains_key(&addr));
            Error::invalid(if held {
                "Address already in use".to_owned()
            } else {
                format!(
                    "Invalid address {addr}: It does not belong to any of this network's subnets"
                )
            })
        }),
    }
}

/// A network that a service is on, with what the service says of it.
struct Attachment<'a> {
    network: &'a Network,
    config: Option<&'a NetworkAttachmentConfig>,
}

/// The networks of a service, in the order in which its containers get them: those of the spec, and last the ingress network if the
/// service publishes a port there, or answers HTTP. Last, as a container's own name resolves to its first address, which its peers have to reach.
fn networks_of<'a>(
    state: &'a State,
    spec: &'a ServiceSpec,
) -> Result<Vec<Attachment<'a>>, Shortage> {
    let named = spec.task_template.networks.iter().map(|config| {
        let id: Option<NetworkId> = config.target.parse().ok();
        let network = id.and_then(|id| state.networks().get(&id));
        let network = network.filter(|network| network.allocation.is_some());
        network
            .map(|network| Attachment { network, config: Some(config) })
            .ok_or_else(|| Shortage::NoNetwork(config.target.clone()))
    });
    let ingress = spec.is_on_ingress().then(|| {
        let network = state.ingress_network().filter(|network| network.allocation.is_some());
        network.map(|network| Attachment { network, config: None }).ok_or(Shortage::NoIngress)
    });
    named.chain(ingress).collect()
}

/// Refuses addresses on networks that have been changed or removed since.
fn unchanged(attachments: &[Attachment<'_>]) -> Vec<Op> {
    let expect = |attachment: &Attachment<'_>| {
        let network = attachment.network;
        Op::Expect(ObjectRef::Network(network.id.clone()), network.meta.version)
    };
    attachments.iter().map(expect).collect()
}

#[cfg(test)]
mod tests;
