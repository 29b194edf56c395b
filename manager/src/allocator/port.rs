//! Published ports: those that were asked for, and those that the cluster chooses.

use std::collections::BTreeSet;

use swarmlite_proto::object::Service;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;

use super::Shortage;
use crate::state::State;

/// The ports that the cluster chooses from, for each protocol (swarmkit `manager/allocator/portallocator.go`).
const DYNAMIC: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// Ports given out in this pass, which the state does not know of yet.
pub(super) type Given = BTreeSet<(PortProtocol, u16)>;

/// The ports of `service`, in the order of its spec. A port that the cluster has chosen stays for as long as its target does.
pub(super) fn choose(
    state: &State,
    service: &Service,
    given: &mut Given,
) -> Result<Vec<PortConfig>, Shortage> {
    let asked = service.spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
    let mut ports: Vec<PortConfig> = asked.cloned().collect();
    let is_chosen_here =
        |port: &PortConfig| port.publish_mode == PublishMode::Ingress && port.published_port == 0;
    // Another port of the same service may ask for the very port that was chosen before.
    let mut own: Given = ports
        .iter()
        .filter(|port| !is_chosen_here(port))
        .map(|port| (port.protocol, port.published_port))
        .collect();
    for port in ports.iter_mut().filter(|port| is_chosen_here(port)) {
        let is_free = |candidate: &u16| {
            let key = (port.protocol, *candidate);
            let owner = state.ingress_port(port.protocol, *candidate);
            owner.is_none_or(|owner| *owner == service.id)
                && !given.contains(&key)
                && !own.contains(&key)
        };
        let before = service.endpoint.ports.iter().filter(|old| {
            old.publish_mode == PublishMode::Ingress
                && (old.protocol, old.target_port) == (port.protocol, port.target_port)
        });
        let chosen = before.map(|old| old.published_port).chain(DYNAMIC).find(is_free);
        port.published_port = chosen.ok_or(Shortage::Ports)?;
        own.insert((port.protocol, port.published_port));
    }
    given.extend(own);
    Ok(ports)
}
