//! Virtual addresses and published ports of services.

use std::collections::BTreeMap;

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Endpoint;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::VirtualIp;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::time::Timestamp;

use super::Shortage;
use super::networks_of;
use super::pool::Pools;
use super::port;
use super::port::Given;
use super::unchanged;
use crate::reconcile::Plan;
use crate::state::Op;
use crate::state::State;

/// Gives every service whose spec is new what that spec needs. Returns why others have to wait.
pub(super) fn allocate(
    state: &State,
    now: Timestamp,
    pools: &mut Pools<'_>,
    plan: &mut Plan,
) -> BTreeMap<ServiceId, Shortage> {
    let mut short = BTreeMap::new();
    let mut given = Given::new();
    for service in state.unallocated_services() {
        match endpoint(state, service, pools, &mut given) {
            Ok((endpoint, guards)) => {
                let service = Service { endpoint, ..service.as_ref().clone() };
                plan.change(now, &guards, [vec![Op::PutService(Box::new(service))]]);
            }
            Err(shortage) => {
                plan.note(format!("service {}: {shortage}", service.spec.name));
                short.insert(service.id.clone(), shortage);
            }
        }
    }
    short
}

/// What the service gets. It keeps the addresses it has on networks that it stays on.
fn endpoint(
    state: &State,
    service: &Service,
    pools: &mut Pools<'_>,
    given: &mut Given,
) -> Result<(Endpoint, Vec<Op>), Shortage> {
    let networks = networks_of(state, &service.spec)?;
    let ports = port::choose(state, service, given)?;
    let mode = service.spec.endpoint_spec.as_ref().map_or(EndpointMode::Vip, |spec| spec.mode);
    let mut virtual_ips = Vec::new();
    if mode == EndpointMode::Vip {
        for network in networks.iter().map(|attachment| attachment.network) {
            let had = service.endpoint.virtual_ips.iter();
            let kept = had.filter(|vip| vip.network_id == network.id).map(|vip| vip.addr).next();
            let addr = kept.map_or_else(|| pools.take(network), Ok)?;
            virtual_ips.push(VirtualIp { network_id: network.id.clone(), addr });
        }
    }
    let endpoint = Endpoint { ports, virtual_ips, spec_version: Some(service.spec_version) };
    Ok((endpoint, unchanged(&networks)))
}
