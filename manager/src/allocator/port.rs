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
    let is_open =
        |port: &PortConfig| port.publish_mode == PublishMode::Ingress && port.published_port == 0;
    let mut own: Given = ports
        .iter()
        .filter(|port| !is_open(port))
        .map(|port| (port.protocol, port.published_port))
        .collect();
    // What was chosen before comes first, so that no new target takes it away.
    for keep in [true, false] {
        for port in ports.iter_mut().filter(|port| is_open(port)) {
            let is_free = |candidate: &u16| {
                let key = (port.protocol, *candidate);
                let owner = state.ingress_port(port.protocol, *candidate);
                owner.is_none_or(|owner| *owner == service.id)
                    && !given.contains(&key)
                    && !own.contains(&key)
                    && !state.is_http_port(port.protocol, *candidate)
            };
            let chosen = if keep {
                before(service, port).find(is_free)
            } else {
                Some(dynamic(state, port.protocol).find(is_free).ok_or(Shortage::Ports)?)
            };
            if let Some(chosen) = chosen {
                port.published_port = chosen;
                own.insert((port.protocol, chosen));
            }
        }
    }
    given.extend(own);
    Ok(ports)
}

/// All ports to choose from, beginning after the last one chosen.
fn dynamic(state: &State, protocol: PortProtocol) -> impl Iterator<Item = u16> {
    let last = state.cursors().port(protocol).filter(|last| DYNAMIC.contains(last));
    let next = last.map_or(*DYNAMIC.start(), |last| last + 1);
    (next..=*DYNAMIC.end()).chain(*DYNAMIC.start()..next)
}

/// The numbers that the service has had for this target.
fn before<'a>(service: &'a Service, port: &PortConfig) -> impl Iterator<Item = u16> + use<'a> {
    let (protocol, target) = (port.protocol, port.target_port);
    let had = service.endpoint.ports.iter().filter(move |old| {
        old.publish_mode == PublishMode::Ingress
            && (old.protocol, old.target_port) == (protocol, target)
    });
    had.map(|old| old.published_port)
}
