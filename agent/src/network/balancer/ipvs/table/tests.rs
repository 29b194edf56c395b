//! What IPVS should hold, and that requests lead there from anywhere.

use proptest::prelude::*;

use super::*;
use crate::network::balancer::service::Backend;

const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

fn service(balancing: Balancing, port: Option<u16>, weights: &[(u8, u16)]) -> Service {
    let backends = weights
        .iter()
        .map(|(last, weight)| Backend { addr: address(*last), port, weight: *weight })
        .collect();
    Service { balancing, backends }
}

#[test]
fn a_virtual_address_is_two_marks_and_only_streams_drain() {
    let draining = service(Balancing::default(), None, &[(3, 1), (4, 0)]);
    let table = table(&[(Frontend::Address(VIP), draining)].into());
    let streams = &table[&Key::Mark(0x0a00_0002)];
    assert_eq!(streams.settings.scheduler, "rr");
    assert_eq!(streams.destinations, [((address(3), 0), 1), ((address(4), 0), 0)].into());
    let datagrams = &table[&Key::Mark(0x8a00_0002)];
    assert_eq!(datagrams.destinations, [((address(3), 0), 1)].into());
}

#[test]
fn a_port_is_balanced_where_the_node_sends_it() {
    let frontend = Frontend::Port { protocol: PortProtocol::Udp, port: 8000 };
    let draining = service(Balancing::default(), Some(80), &[(3, 1), (4, 0)]);
    let table = table(&[(frontend, draining)].into());
    let key = Key::Port { protocol: 17, addr: INGRESS_ADDRESS, port: 8000 };
    assert_eq!(table.keys().copied().collect::<Vec<_>>(), [key]);
    assert_eq!(table[&key].destinations, [((address(3), 80), 1)].into());
}

#[test]
fn hashing_falls_back_and_stickiness_is_persistence() {
    let by = |scheduler, sticky| Settings::of(Balancing { scheduler, sticky });
    assert_eq!(by(Scheduler::Mh, None).flags, FALLBACK);
    assert_eq!(by(Scheduler::Sh, Some(60)).flags, FALLBACK | PERSISTENT);
    assert_eq!(by(Scheduler::Lc, Some(60)).timeout, 60);
    assert_eq!(by(Scheduler::Lc, None).flags, 0);
}

/// What IPVS would hold after a request; it refuses what makes no sense.
fn ask(table: &mut Table, request: &Request) {
    match request.clone() {
        Request::AddService(key, settings) => {
            let added = Virtual { settings, destinations: BTreeMap::new() };
            assert_eq!(table.insert(key, added), None);
        }
        Request::SetService(key, settings) => {
            table.get_mut(&key).expect("a service").settings = settings;
        }
        Request::RemoveService(key) => assert!(table.remove(&key).is_some()),
        Request::AddDestination(key, destination, weight) => {
            let service = table.get_mut(&key).expect("a service");
            assert_eq!(service.destinations.insert(destination, weight), None);
        }
        Request::SetDestination(key, destination, weight) => {
            let service = table.get_mut(&key).expect("a service");
            assert!(service.destinations.insert(destination, weight).is_some());
        }
        Request::RemoveDestination(key, destination) => {
            let service = table.get_mut(&key).expect("a service");
            assert!(service.destinations.remove(&destination).is_some());
        }
    }
}

prop_compose! {
    fn any_service()(
        scheduler in prop::sample::select(Scheduler::ALL.to_vec()),
        sticky in prop::option::of(1_u32..3),
        weights in prop::collection::btree_map(3_u8..8, 0_u16..3, 0..4),
    ) -> Service {
        service(Balancing { scheduler, sticky }, None, &weights.into_iter().collect::<Vec<_>>())
    }
}

fn any_services() -> impl Strategy<Value = VirtualServices> {
    let port = |protocol| Frontend::Port { protocol, port: 80 };
    let frontends = prop::sample::select(vec![
        Frontend::Address(VIP),
        Frontend::Address(address(9)),
        port(PortProtocol::Tcp),
        port(PortProtocol::Udp),
    ]);
    prop::collection::btree_map(frontends, any_service(), 0..4)
}

proptest! {
    #[test]
    fn requests_lead_from_anything_to_what_is_wanted(before in any_services(), after in any_services()) {
        let (mut seen, wanted) = (table(&before), table(&after));
        let requests = difference(&wanted, &seen);
        for request in requests.additions.iter().chain(&requests.removals) {
            ask(&mut seen, request);
        }
        prop_assert_eq!(&seen, &wanted);
        prop_assert_eq!(difference(&wanted, &seen), Difference::default());
    }
}
