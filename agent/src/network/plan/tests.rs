//! Plans reach what is desired, are empty when it is reached, and lose nothing on the way.

use ipnet::Ipv4Net;
use proptest::prelude::*;

use super::*;
use crate::network::assignments::NetworkAssignments;
use crate::network::balancer::service::Backend;
use crate::network::desired::desired;
use crate::network::desired::tests::any_assignments;
use crate::network::desired::tests::container;
use crate::network::desired::tests::this_node;
use crate::network::kernel::Observed;
use crate::network::kernel::fake::FakeKernel;
use crate::network::kernel::fake::apply;
use crate::network::state::MAIN_TABLE;
use crate::network::state::Route;

/// Makes `observed` what the assignments say; `each` sees every state on the way.
fn converge(
    observed: &mut Observed,
    assignments: &NetworkAssignments,
    mut each: impl FnMut(&NodeState),
) {
    let wanted = desired(&this_node(), assignments, observed).expect("index");
    for op in plan(&wanted, &observed.state) {
        apply(&mut observed.state, &op);
        each(&observed.state);
    }
}

/// The same, where the kernel does not tell the other side of the ingress link, and settings of the node stay as they are
/// when nothing of the data plane is left.
fn seen_as(mut state: NodeState) -> NodeState {
    if let Some(host) = state.get_mut(&Netns::Host) {
        host.sysctls.clear();
    }
    for link in state.values_mut().flat_map(|namespace| namespace.links.values_mut()) {
        if let LinkKind::HostLink { peer, .. } = &mut link.kind {
            *peer = None;
        }
    }
    state
}

fn settled(assignments: &NetworkAssignments) -> Observed {
    let mut observed = FakeKernel::new().lock().observed.clone();
    observed.firewall = true;
    converge(&mut observed, assignments, |_| {});
    observed
}

/// Puts containers on networks that are there.
fn attach(observed: &mut Observed, containers: &[(u8, u8)]) {
    for (net, last) in containers {
        let (netns, endpoint) = container(*net, *last);
        let Some(namespace) = observed.state.get_mut(&netns) else { continue };
        let link = Link { kind: LinkKind::Endpoint(endpoint.clone()), up: false };
        namespace.links.insert(endpoint.link_name(), link);
    }
}

/// What someone else might do to a node.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Links,
    Addresses,
    Neighbours,
    Forwarding,
    Routes,
    Rules,
    Sysctls,
    Ruleset,
    Services,
    Firewall,
    Foreign,
}

fn any_damage() -> impl Strategy<Value = (Damage, usize)> {
    let kinds = [
        Damage::Links,
        Damage::Addresses,
        Damage::Neighbours,
        Damage::Forwarding,
        Damage::Routes,
        Damage::Rules,
        Damage::Sysctls,
        Damage::Ruleset,
        Damage::Services,
        Damage::Firewall,
        Damage::Foreign,
    ];
    (prop::sample::select(kinds.to_vec()), any::<usize>())
}

fn damage(state: &mut NodeState, (what, at): (Damage, usize)) {
    let namespaces: Vec<Netns> = state.keys().cloned().collect();
    let netns = &namespaces[at % namespaces.len()];
    if let (Damage::Links, Some(name)) = (what, nth(state[netns].links.keys(), at)) {
        if name != "lo" && name != UPLINK {
            apply(state, &Op::Change(netns.clone(), Change::RemoveLink(name)));
        }
        return;
    }
    let namespace = state.get_mut(netns).expect("a namespace");
    match what {
        Damage::Links => {}
        Damage::Addresses => lose_from(&mut namespace.addresses, at),
        Damage::Neighbours => lose(&mut namespace.neighbours, at),
        Damage::Forwarding => lose(&mut namespace.forwarding, at),
        Damage::Routes => lose(&mut namespace.routes, at),
        Damage::Rules => lose_from(&mut namespace.rules, at),
        Damage::Sysctls => lose(&mut namespace.sysctls, at),
        Damage::Ruleset => namespace.ruleset = Held::Unknown,
        Damage::Services if *netns != Netns::Host => namespace.services = Held::Absent,
        Damage::Services => {}
        Damage::Firewall => namespace.passed.clear(),
        Damage::Foreign if *netns != Netns::Host => {
            let to = Ipv4Net::new(Ipv4Addr::new(10, 9, 9, 9), 32).expect("prefix");
            namespace.routes.insert((MAIN_TABLE, to), Route::Unreachable);
            namespace.links.insert("ep0".to_owned(), Link { kind: LinkKind::Broken, up: true });
        }
        Damage::Foreign => {}
    }
}

fn nth<'a, K: Clone + 'a>(mut keys: impl ExactSizeIterator<Item = &'a K>, at: usize) -> Option<K> {
    let count = keys.len();
    (count > 0).then(|| keys.nth(at % count))?.cloned()
}

fn lose<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, at: usize) {
    if let Some(key) = nth(map.keys(), at) {
        map.remove(&key);
    }
}

fn lose_from<K: Ord + Clone>(set: &mut BTreeSet<K>, at: usize) {
    if let Some(key) = nth(set.iter(), at) {
        set.remove(&key);
    }
}

/// The addresses that a namespace sends connections to without having a route to them.
fn unroutable(namespace: &Namespace) -> BTreeSet<Ipv4Addr> {
    namespace
        .services
        .known()
        .into_iter()
        .flat_map(|services| services.values())
        .flat_map(Service::serving)
        .map(|backend| backend.addr)
        .filter(|addr| {
            let to = Ipv4Net::new(*addr, 32).expect("prefix");
            !namespace.routes.contains_key(&(MAIN_TABLE, to))
        })
        .collect()
}

proptest! {
    #[test]
    fn a_plan_reaches_what_is_desired_and_the_next_is_empty(
        first in any_assignments(),
        containers in prop::collection::vec((0_u8..3, 11_u8..14), 0..4),
        damages in prop::collection::vec(any_damage(), 0..6),
        second in any_assignments(),
    ) {
        let mut observed = settled(&first);
        attach(&mut observed, &containers);
        converge(&mut observed, &first, |_| {});
        for one in damages {
            damage(&mut observed.state, one);
        }
        let wanted = desired(&this_node(), &second, &observed).expect("index");
        converge(&mut observed, &second, |_| {});
        prop_assert_eq!(seen_as(observed.state.clone()), seen_as(wanted));
        let again = desired(&this_node(), &second, &observed).expect("index");
        prop_assert_eq!(plan(&again, &observed.state), vec![]);
    }

    #[test]
    fn no_step_of_a_change_balances_to_where_nothing_routes(
        first in any_assignments(),
        second in any_assignments(),
    ) {
        let mut observed = settled(&first);
        let before = observed.state.clone();
        let after = desired(&this_node(), &second, &observed).expect("index");
        let mut lost = Vec::new();
        converge(&mut observed, &second, |state| {
            for (netns, namespace) in state {
                // A task of this node whose container has not been made yet has no route, and is not balanced to for long.
                let excused = |state: &NodeState| state.get(netns).map(unroutable).unwrap_or_default();
                let excused: BTreeSet<Ipv4Addr> = &excused(&before) | &excused(&after);
                lost.extend(unroutable(namespace).difference(&excused).copied());
            }
        });
        prop_assert_eq!(lost, Vec::<Ipv4Addr>::new());
    }

    #[test]
    fn nothing_is_left_without_assignments(first in any_assignments()) {
        let mut observed = settled(&first);
        converge(&mut observed, &NetworkAssignments::default(), |_| {});
        let host = &observed.state[&Netns::Host];
        prop_assert_eq!(observed.state.len(), 1);
        prop_assert!(host.links.is_empty() && host.passed.is_empty());
        prop_assert_eq!(&host.ruleset, &Held::Absent);
    }
}

fn services(weights: &[(u8, u16)]) -> Namespace {
    let backends = weights
        .iter()
        .map(|(last, weight)| Backend {
            addr: Ipv4Addr::new(10, 0, 0, *last),
            port: None,
            weight: *weight,
        })
        .collect();
    let frontend = Frontend::Address(Ipv4Addr::new(10, 0, 0, 9));
    let service = Service { backends, ..Service::default() };
    Namespace { services: Held::Exactly([(frontend, service)].into()), ..Namespace::default() }
}

#[test]
fn flows_leave_a_task_that_drains_and_find_the_first_that_serves() {
    let drained = stale_flows(&services(&[(1, 0), (2, 1)]), &services(&[(1, 1), (2, 1)]));
    assert_eq!(drained, BTreeSet::from([Flows::TranslatedTo(Ipv4Addr::new(10, 0, 0, 1))]));
    let first = stale_flows(&services(&[(1, 1)]), &services(&[(1, 0)]));
    assert_eq!(first, BTreeSet::from([Flows::SentTo(Ipv4Addr::new(10, 0, 0, 9))]));
    let another = stale_flows(&services(&[(1, 1), (2, 1)]), &services(&[(1, 1)]));
    assert_eq!(another, BTreeSet::new());
}

#[test]
fn flows_are_left_alone_when_it_is_not_known_what_was_balanced() {
    let restarted = Namespace { services: Held::Unknown, ..Namespace::default() };
    assert_eq!(stale_flows(&services(&[(1, 1)]), &restarted), BTreeSet::new());
}
