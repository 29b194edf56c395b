//! Desired minus observed, as operations in an order that never routes less than before and after.
//!
//! The same function serves the first pass, every change and every periodic check. What packets need is put before what
//! sends them there (links, addresses, routes, then rules and balancing), and taken away in the opposite order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use swarmlite_proto::spec::PortProtocol;

use super::balancer::service::Frontend;
use super::balancer::service::Service;
use super::balancer::service::VirtualServices;
use super::held::Held;
use super::netns::Netns;
use super::op::Change;
use super::op::Flows;
use super::op::Op;
use super::ruleset::Ruleset;
use super::state::Link;
use super::state::LinkKind;
use super::state::MAIN_TABLE;
use super::state::Namespace;
use super::state::NodeState;
use super::uplink::HOST_LINK;
use super::uplink::UPLINK;

/// What makes `observed` into `desired`. Empty if they are the same.
#[must_use]
pub(crate) fn plan(desired: &NodeState, observed: &NodeState) -> Vec<Op> {
    let nothing = Namespace::default();
    let mut ops = Vec::new();
    for netns in observed.keys().filter(|netns| !desired.contains_key(netns)) {
        if let Netns::Sandbox(name) = netns {
            ops.push(Op::DeleteSandbox(name.clone()));
        }
    }
    for netns in desired.keys().filter(|netns| !observed.contains_key(netns)) {
        if let Netns::Sandbox(name) = netns {
            ops.push(Op::CreateSandbox(name.clone()));
        }
    }
    let mut seen: NodeState = desired
        .keys()
        .map(|netns| (netns.clone(), observed.get(netns).cloned().unwrap_or_default()))
        .collect();
    // Links first everywhere: the one between node and ingress sandbox belongs to two namespaces.
    for (netns, name) in unfit_links(desired, &seen) {
        seen.values_mut().filter(|_| name == HOST_LINK).for_each(|other| other.lose_link(UPLINK));
        if let Some(seen) = seen.get_mut(&netns) {
            seen.lose_link(&name);
        }
        ops.push(Op::Change(netns, Change::RemoveLink(name)));
    }
    for (netns, wanted) in desired {
        let seen = seen.get(netns).unwrap_or(&nothing);
        ops.extend(new_links(wanted, seen).map(|change| Op::Change(netns.clone(), change)));
    }
    for (netns, wanted) in desired {
        let mut changes = Changes::default();
        changes.rest(wanted, seen.get(netns).unwrap_or(&nothing));
        ops.extend(changes.0.into_iter().map(|change| Op::Change(netns.clone(), change)));
    }
    ops
}

/// The links that have to go: unwanted, or not as they should be.
fn unfit_links(desired: &NodeState, observed: &NodeState) -> Vec<(Netns, String)> {
    let uplink_lost = lost_uplink(desired, observed);
    let unfit = |netns: &Netns, name: &String, link: &Link| {
        // `lo` comes with the namespace, and the uplink goes with the node's side of it.
        let removable = !matches!(link.kind, LinkKind::Loopback | LinkKind::Uplink);
        let wanted = desired.get(netns).and_then(|wanted| wanted.links.get(name));
        let fits = wanted.is_some_and(|wanted| same_link(&wanted.kind, &link.kind));
        removable && (!fits || (name == HOST_LINK && uplink_lost))
    };
    observed
        .iter()
        .flat_map(|(netns, seen)| seen.links.iter().map(move |(name, link)| (netns, name, link)))
        .filter(|(netns, name, link)| unfit(netns, name, link))
        .map(|(netns, name, _)| (netns.clone(), name.clone()))
        .collect()
}

/// The links that have to be made in a namespace.
fn new_links(wanted: &Namespace, seen: &Namespace) -> impl Iterator<Item = Change> {
    wanted
        .links
        .iter()
        .filter(|(name, want)| {
            !seen.links.contains_key(*name)
                && !matches!(want.kind, LinkKind::Loopback | LinkKind::Uplink)
        })
        .map(|(name, want)| Change::AddLink(name.clone(), want.kind.clone()))
}

/// Whether the node's side of the ingress link is there without the sandbox's side.
fn lost_uplink(desired: &NodeState, observed: &NodeState) -> bool {
    desired
        .iter()
        .filter(|(_, wanted)| wanted.links.contains_key(UPLINK))
        .any(|(netns, _)| observed.get(netns).is_none_or(|seen| !seen.links.contains_key(UPLINK)))
}

/// The changes of one namespace.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn rest(&mut self, wanted: &Namespace, seen: &Namespace) {
        for (name, want) in &wanted.links {
            if want.up && seen.links.get(name).is_none_or(|link| !link.up) {
                self.0.push(Change::SetUp(name.clone()));
            }
        }
        for (key, value) in missing(&wanted.sysctls, &seen.sysctls) {
            self.0.push(Change::SetSysctl(key.clone(), value.clone()));
        }
        for (link, address) in wanted.addresses.difference(&seen.addresses) {
            self.0.push(Change::AddAddress(link.clone(), *address));
        }
        for ((link, mac), to) in missing(&wanted.forwarding, &seen.forwarding) {
            self.0.push(Change::SetForwarding(link.clone(), *mac, *to));
        }
        for ((link, address), mac) in missing(&wanted.neighbours, &seen.neighbours) {
            self.0.push(Change::SetNeighbour(link.clone(), *address, *mac));
        }
        for ((table, to), route) in missing(&wanted.routes, &seen.routes) {
            self.0.push(Change::SetRoute(*table, *to, route.clone()));
        }
        for rule in wanted.rules.difference(&seen.rules) {
            self.0.push(Change::AddRule(rule.clone()));
        }
        self.tables(wanted, seen);
        self.leftovers(wanted, seen);
    }

    fn tables(&mut self, wanted: &Namespace, seen: &Namespace) {
        if let Held::Exactly(services) = &wanted.services
            && wanted.services != seen.services
        {
            self.0.push(Change::SetServices(services.clone()));
        }
        match &wanted.ruleset {
            Held::Exactly(rules) if wanted.ruleset != seen.ruleset => {
                self.0.push(Change::SetRuleset(rules.clone()));
            }
            Held::Absent if seen.ruleset != Held::Absent => self.0.push(Change::RemoveRuleset),
            _ => {}
        }
        for link in wanted.passed.difference(&seen.passed) {
            self.0.push(Change::Pass(link.clone()));
        }
        let stale = stale_flows(wanted, seen);
        if !stale.is_empty() {
            self.0.push(Change::Forget(stale));
        }
    }

    fn leftovers(&mut self, wanted: &Namespace, seen: &Namespace) {
        for link in seen.passed.difference(&wanted.passed) {
            self.0.push(Change::Unpass(link.clone()));
        }
        for rule in seen.rules.difference(&wanted.rules) {
            self.0.push(Change::RemoveRule(rule.clone()));
        }
        for (table, to) in gone(&wanted.routes, &seen.routes) {
            self.0.push(Change::RemoveRoute(*table, *to));
        }
        for (link, address) in gone(&wanted.neighbours, &seen.neighbours) {
            self.0.push(Change::RemoveNeighbour(link.clone(), *address));
        }
        for (link, mac) in gone(&wanted.forwarding, &seen.forwarding) {
            self.0.push(Change::RemoveForwarding(link.clone(), *mac));
        }
        for (link, address) in seen.addresses.difference(&wanted.addresses) {
            self.0.push(Change::RemoveAddress(link.clone(), *address));
        }
    }
}

/// Whether a link can stay as it is. The kernel does not tell where the other side of the ingress link is.
fn same_link(wanted: &LinkKind, seen: &LinkKind) -> bool {
    match (wanted, seen) {
        (LinkKind::HostLink { mtu: wanted, .. }, LinkKind::HostLink { mtu: seen, .. }) => {
            wanted == seen
        }
        _ => wanted == seen,
    }
}

/// What `seen` lacks or has otherwise.
fn missing<'a, K: Ord, V: PartialEq>(
    wanted: &'a BTreeMap<K, V>,
    seen: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    wanted.iter().filter(|(key, value)| seen.get(key) != Some(value))
}

/// What `seen` has and `wanted` lacks.
fn gone<'a, K: Ord, V>(
    wanted: &'a BTreeMap<K, V>,
    seen: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = &'a K> {
    seen.keys().filter(|key| !wanted.contains_key(key))
}

/// The flows that would go where they no longer should. Nothing is forgotten where it is not known what was balanced:
/// after a restart flows that are right must not be cut.
fn stale_flows(wanted: &Namespace, seen: &Namespace) -> BTreeSet<Flows> {
    let mut stale = BTreeSet::new();
    if let (Held::Exactly(wanted), Some(seen)) = (&wanted.services, known_or_empty(&seen.services))
    {
        let frontends: BTreeSet<&Frontend> = wanted.keys().chain(seen.keys()).collect();
        for frontend in frontends {
            let now = serving_of(wanted, frontend);
            let before = serving_of(&seen, frontend);
            stale.extend(before.difference(&now).map(|lost| Flows::TranslatedTo(*lost)));
            match frontend {
                Frontend::Address(address) if before.is_empty() && !now.is_empty() => {
                    stale.insert(Flows::SentTo(*address));
                }
                Frontend::Port { protocol: PortProtocol::Udp, port }
                    if before.is_empty() && !now.is_empty() =>
                {
                    stale.insert(Flows::SentToPort(*port));
                }
                _ => {}
            }
        }
    }
    let published = |held: &Held<Ruleset>| match held {
        Held::Exactly(Ruleset::Host { published }) => Some(published.clone()),
        Held::Absent => Some(BTreeSet::new()),
        _ => None,
    };
    if let (Some(now), Some(before)) = (published(&wanted.ruleset), published(&seen.ruleset)) {
        stale.extend(
            now.symmetric_difference(&before)
                .filter(|(protocol, _)| *protocol == PortProtocol::Udp)
                .map(|(_, port)| Flows::SentToPort(*port)),
        );
    }
    stale
}

/// The addresses that are routed to, by namespace.
pub(crate) type Routed = BTreeMap<Netns, BTreeSet<Ipv4Addr>>;

/// The addresses that are routed to, each by a route of its own.
#[must_use]
pub(crate) fn routed(state: &NodeState) -> Routed {
    let of = |namespace: &Namespace| {
        let hosts = namespace
            .routes
            .keys()
            .filter(|(table, to)| *table == MAIN_TABLE && to.prefix_len() == to.max_prefix_len());
        hosts.map(|(_, to)| to.addr()).collect()
    };
    state.iter().map(|(netns, namespace)| (netns.clone(), of(namespace))).collect()
}

/// What is to be done after a pass: forgets the flows of those addresses that were routed to and are not any more. A route may go by itself, with the
/// link of its container, so that what the kernel shows does not tell.
#[must_use]
pub(crate) fn departures(before: &Routed, now: &Routed) -> Vec<Op> {
    let mut ops = Vec::new();
    for (netns, now) in now {
        let before = before.get(netns).into_iter().flatten();
        let gone: BTreeSet<Flows> =
            before.filter(|it| !now.contains(it)).copied().map(Flows::AnsweredBy).collect();
        if !gone.is_empty() {
            ops.push(Op::Change(netns.clone(), Change::Forget(gone)));
        }
    }
    ops
}

fn known_or_empty(held: &Held<VirtualServices>) -> Option<VirtualServices> {
    match held {
        Held::Absent => Some(VirtualServices::new()),
        Held::Unknown => None,
        Held::Exactly(services) => Some(services.clone()),
    }
}

fn serving_of(services: &VirtualServices, frontend: &Frontend) -> BTreeSet<Ipv4Addr> {
    services
        .get(frontend)
        .into_iter()
        .flat_map(Service::serving)
        .map(|backend| backend.addr)
        .collect()
}

#[cfg(test)]
mod tests;
