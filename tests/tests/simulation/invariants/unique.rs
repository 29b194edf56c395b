//! What two must not have. Looked up in the tables themselves, and not in what the state keeps beside them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_manager::state::State;
use swarmlite_proto::spec::PublishMode;

use super::Name;
use crate::world::World;

impl World {
    /// Nothing is given out twice.
    pub(super) fn check_unique(&mut self, before: &State) {
        let state = self.log.state();
        let changed = before.services().diff(state.services()).next().is_some()
            || before.networks().diff(state.networks()).next().is_some()
            || before.tasks().diff(state.tasks()).next().is_some();
        if !changed {
            return;
        }
        if let Some(twice) = twice(state) {
            self.watch.fail(Name::NothingTwice, twice);
        }
    }
}

/// What two have that only one may have.
fn twice(state: &State) -> Option<String> {
    let mut names = BTreeSet::new();
    let mut ports = BTreeSet::new();
    let mut routes = BTreeSet::new();
    let mut addresses = BTreeMap::new();
    for service in state.services().values() {
        if !names.insert(service.spec.name.to_lowercase()) {
            return Some(format!("two services are called {}", service.spec.name));
        }
        for port in
            service.endpoint.ports.iter().filter(|it| it.publish_mode == PublishMode::Ingress)
        {
            if port.published_port != 0 && !ports.insert((port.protocol, port.published_port)) {
                return Some(format!("two services publish port {}", port.published_port));
            }
        }
        for route in state.http_rules_of(&service.spec) {
            if !routes.insert((route.host.clone(), route.path.clone())) {
                return Some(format!("two services have the route {}{}", route.host, route.path));
            }
        }
        for vip in &service.endpoint.virtual_ips {
            addresses.insert((vip.network_id.clone(), vip.addr.addr()), service.id.to_string());
        }
    }
    for task in state.tasks().values().filter(|task| !task.status.state.is_terminal()) {
        for it in &task.attachments {
            let key = (it.network_id.clone(), it.addr.addr());
            if let Some(other) = addresses.insert(key, task.id.to_string()) {
                return Some(format!("{} belongs to {other} and to task {}", it.addr, task.id));
            }
        }
    }
    let mut numbers = BTreeSet::new();
    let mut subnets = BTreeSet::new();
    for network in state.networks().values() {
        let Some(allocation) = network.allocation else { continue };
        if !numbers.insert(allocation.vni) || !subnets.insert(allocation.subnet) {
            return Some(format!("two networks have {allocation:?}"));
        }
        if addresses.contains_key(&(network.id.clone(), allocation.gateway)) {
            return Some(format!("the gateway {} belongs to something else", allocation.gateway));
        }
    }
    None
}
