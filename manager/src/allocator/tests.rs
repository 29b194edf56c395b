//! Who gets which subnet, address and port, and what is said when there is none left.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::messagepack;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::IpamConfig;
use swarmlite_proto::spec::IpamOptions;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::task_state::TaskState;

use super::*;
use crate::attachments;
use crate::loops::tests::world::World;
use crate::state::Snapshot;
use crate::state::fixture as objects;

const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

/// Adds a network that waits for its addresses.
fn add_network(world: &mut World, seed: u64, spec: NetworkSpec) -> NetworkId {
    let network =
        Network { spec, allocation: None, ..objects::network(seed, "unused", 1, "10.9.0.0/24") };
    let id = network.id.clone();
    world.commit(vec![Op::PutNetwork(Box::new(network))]);
    id
}

fn named(name: &str) -> NetworkSpec {
    NetworkSpec { name: name.to_owned(), ..NetworkSpec::default() }
}

fn with_subnet(name: &str, subnet: &str) -> NetworkSpec {
    let subnet = Some(subnet.parse().expect("a subnet"));
    let config = vec![IpamConfig { subnet, ..IpamConfig::default() }];
    NetworkSpec { ipam: Some(IpamOptions { config, ..IpamOptions::default() }), ..named(name) }
}

fn on(networks: &[&NetworkId]) -> impl Fn(&mut Service) {
    let configs: Vec<NetworkAttachmentConfig> = networks
        .iter()
        .map(|id| NetworkAttachmentConfig { target: id.to_string(), ..Default::default() })
        .collect();
    move |service| service.spec.task_template.networks.clone_from(&configs)
}

fn publish(service: &mut Service, ports: &[(u16, u16)]) {
    let port = |(published_port, target_port): &(u16, u16)| PortConfig {
        published_port: *published_port,
        target_port: *target_port,
        ..PortConfig::default()
    };
    let ports = ports.iter().map(port).collect();
    service.spec.endpoint_spec = Some(EndpointSpec { ports, ..EndpointSpec::default() });
}

fn published(world: &World, service: &ServiceId) -> Vec<(u16, u16)> {
    let ports = world.service(service).endpoint.ports.iter();
    ports.map(|port| (port.published_port, port.target_port)).collect()
}

fn subnet(world: &World, name: &str) -> Option<(u32, String, Ipv4Addr)> {
    let allocation = world.state().network_by_name(name)?.allocation?;
    Some((allocation.vni, allocation.subnet.to_string(), allocation.gateway))
}

fn addresses(task: &Task) -> Vec<String> {
    task.attachments.iter().map(|attachment| attachment.addr.to_string()).collect()
}

#[test]
fn the_ingress_network_comes_first_and_others_follow() {
    let mut world = World::new(1);
    world.settle();
    let first = (4097, "10.0.0.0/24".to_owned(), Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(subnet(&world, "ingress"), Some(first));
    assert!(world.state().ingress_network().is_some_and(|network| network.spec.name == "ingress"));
    add_network(&mut world, 1, named("front"));
    add_network(&mut world, 2, with_subnet("asked", "10.0.2.0/23"));
    add_network(&mut world, 3, with_subnet("next", "10.0.4.0/24"));
    add_network(&mut world, 4, with_subnet("tiny", "10.1.0.0/31"));
    world.settle();
    let front = subnet(&world, "front").expect("has addresses");
    assert_eq!((front.1.as_str(), front.2), ("10.0.1.0/24", Ipv4Addr::new(10, 0, 1, 1)));
    let asked = subnet(&world, "asked").expect("has addresses");
    assert_eq!(asked.1, "10.0.2.0/23");
    let next = subnet(&world, "next").expect("has addresses");
    assert_eq!(BTreeSet::from([front.0, asked.0, next.0]), BTreeSet::from([4098, 4099, 4100]));
    assert_eq!(subnet(&world, "tiny"), None);
    add_network(&mut world, 5, named("back"));
    world.settle();
    assert_eq!(subnet(&world, "back").expect("has addresses").1, "10.0.5.0/24");
}

#[test]
fn nobody_is_given_what_another_network_asks_for() {
    for (asking, any) in [(1, 2), (2, 1)] {
        let mut world = World::new(1);
        world.settle();
        add_network(&mut world, asking, with_subnet("asking", "10.0.1.0/24"));
        add_network(&mut world, any, named("any"));
        world.settle();
        assert_eq!(subnet(&world, "asking").expect("has addresses").1, "10.0.1.0/24");
        assert_eq!(subnet(&world, "any").expect("has addresses").1, "10.0.2.0/24");
    }
}

#[test]
fn services_and_tasks_get_addresses_on_their_networks_and_ingress_last() {
    let mut world = World::new(1);
    let front = add_network(&mut world, 1, named("front"));
    world.settle();
    let web = world.add_service("web", replicas(2), |service| {
        on(&[&front])(service);
        service.spec.task_template.networks[0].aliases = vec!["www".to_owned()];
        publish(service, &[(8000, 80)]);
    });
    world.settle();
    let service = world.service(&web);
    let vips: Vec<String> =
        service.endpoint.virtual_ips.iter().map(|vip| vip.addr.to_string()).collect();
    assert_eq!(vips, ["10.0.1.2/24", "10.0.0.2/24"]);
    assert_eq!(service.endpoint.spec_version, Some(service.spec_version));
    let running = world.running(&web);
    assert_eq!(addresses(&running[0]), ["10.0.1.3/24", "10.0.0.3/24"]);
    assert_eq!(addresses(&running[1]), ["10.0.1.4/24", "10.0.0.4/24"]);
    assert_eq!(running[0].attachments[0].aliases, ["www"]);
    assert!(running[0].attachments[1].aliases.is_empty());
}

#[test]
fn a_service_without_a_vip_has_none() {
    let mut world = World::new(1);
    let front = add_network(&mut world, 1, named("front"));
    let web = world.add_service("web", replicas(1), |service| {
        on(&[&front])(service);
        service.spec.endpoint_spec =
            Some(EndpointSpec { mode: EndpointMode::DnsRr, ..EndpointSpec::default() });
    });
    world.settle();
    assert!(world.service(&web).endpoint.virtual_ips.is_empty());
    assert_eq!(world.running(&web)[0].attachments.len(), 1);
}

#[test]
fn chosen_ports_stay_with_their_target() {
    let mut world = World::new(1);
    let web = world.add_service("web", replicas(1), |service| publish(service, &[(0, 80)]));
    let db = world.add_service("db", replicas(1), |service| publish(service, &[(0, 5432)]));
    world.settle();
    let chosen: BTreeSet<u16> =
        [&web, &db].map(|id| published(&world, id)[0].0).into_iter().collect();
    assert_eq!(chosen, BTreeSet::from([30_000, 30_001]));
    let before = published(&world, &web)[0].0;
    let other = published(&world, &db)[0].0;
    world.edit_service(&web, |service| publish(service, &[(0, 443), (0, 80), (9000, 90)]));
    world.settle();
    let after = published(&world, &web);
    assert_eq!(after[1..], [(before, 80), (9000, 90)]);
    assert!(after[0].0 >= 30_000 && after[0].0 != before && after[0].0 != other, "{after:?}");
}

#[test]
fn a_chosen_port_gives_way_when_its_own_service_asks_for_it() {
    let mut world = World::new(1);
    let web = world.add_service("web", replicas(1), |service| publish(service, &[(0, 80)]));
    world.settle();
    assert_eq!(published(&world, &web), [(30_000, 80)]);
    world.edit_service(&web, |service| publish(service, &[(0, 80), (30_000, 81)]));
    world.settle();
    assert_eq!(published(&world, &web), [(30_001, 80), (30_000, 81)]);
}

#[test]
fn a_virtual_address_outlives_updates() {
    let mut world = World::new(1);
    let front = add_network(&mut world, 1, named("front"));
    let back = add_network(&mut world, 2, named("back"));
    let web = world.add_service("web", replicas(1), on(&[&front]));
    world.settle();
    let before = world.service(&web).endpoint.virtual_ips.clone();
    world.edit_service(&web, on(&[&back, &front]));
    world.settle();
    let after = &world.service(&web).endpoint.virtual_ips;
    assert_eq!((after.len(), &after[1]), (2, &before[0]));
    assert_eq!(world.running(&web)[0].attachments[0].network_id, back);
}

#[test]
fn tasks_wait_when_a_network_is_full_and_say_so() {
    let mut world = World::new(1);
    let front = add_network(&mut world, 1, with_subnet("front", "10.5.0.0/29"));
    let web = world.add_service("web", replicas(6), on(&[&front]));
    world.settle();
    assert_eq!(world.running(&web).len(), 4, "six hosts, less the gateway and the VIP");
    let waiting: Vec<Task> = world.tasks(&web);
    let waiting: Vec<&Task> =
        waiting.iter().filter(|task| task.status.state == TaskState::New).collect();
    assert_eq!(waiting.len(), 2);
    assert_eq!(waiting[0].status.err, "could not find an available IP on network front");
    world.edit_service(&web, |service| service.spec.mode = replicas(3));
    world.settle();
    world.edit_service(&web, |service| service.spec.mode = replicas(4));
    world.settle();
    assert_eq!(world.running(&web).len(), 4);
}

#[test]
fn tasks_of_a_service_that_has_no_addresses_wait_and_say_so() {
    let mut world = World::new(1);
    let missing = NetworkId::random(&mut world.rng);
    let web = world.add_service("web", replicas(1), on(&[&missing]));
    world.settle();
    let task = world.tasks(&web).remove(0);
    assert_eq!(task.status.state, TaskState::New);
    assert_eq!(task.status.err, format!("network {missing} not found"));
    assert_eq!(world.service(&web).endpoint.spec_version, None);
}

#[test]
fn the_address_of_an_ended_task_rests_while_others_are_free() {
    let mut world = World::new(1);
    let front = add_network(&mut world, 1, named("front"));
    let web = world.add_service("web", replicas(1), on(&[&front]));
    world.settle();
    let first = world.running(&web).remove(0);
    world.report(&first, TaskState::Failed);
    world.settle();
    let second = world.running(&web).remove(0);
    assert_eq!(addresses(&first), ["10.0.1.3/24"]);
    assert_eq!(addresses(&second), ["10.0.1.4/24"]);
}

#[test]
fn an_asked_range_is_kept_to() {
    let mut world = World::new(1);
    let mut spec = with_subnet("front", "10.5.0.0/24");
    let config = &mut spec.ipam.as_mut().expect("is set").config[0];
    config.ip_range = Some("10.5.0.64/26".parse().expect("a subnet"));
    config.gateway = Some([10, 5, 0, 254].into());
    let front = add_network(&mut world, 1, spec);
    let web = world.add_service("web", replicas(1), on(&[&front]));
    world.settle();
    assert_eq!(subnet(&world, "front").expect("has addresses").2, Ipv4Addr::new(10, 5, 0, 254));
    assert_eq!(world.service(&web).endpoint.virtual_ips[0].addr.to_string(), "10.5.0.64/24");
    assert_eq!(addresses(&world.running(&web)[0]), ["10.5.0.65/24"]);
}

/// The virtual address of a service on `network`.
fn vip(world: &World, service: &ServiceId, network: &NetworkId) -> Option<String> {
    let vips = &world.service(service).endpoint.virtual_ips;
    Some(vips.iter().find(|vip| vip.network_id == *network)?.addr.addr().to_string())
}

/// Has the state go through a snapshot, as on a manager that starts again or has just joined.
fn through_a_snapshot(world: &mut World) {
    let snapshot = Snapshot::from(world.view.state.clone());
    let bytes = messagepack::encode(&snapshot).expect("encodes");
    world.view.state = State::from(messagepack::decode::<Snapshot>(&bytes).expect("decodes"));
}

#[test]
fn a_virtual_address_that_was_freed_comes_back_last() {
    let mut world = World::new(1);
    let front = add_network(&mut world, 1, named("front"));
    let back = add_network(&mut world, 2, with_subnet("back", "10.5.0.0/29"));
    let first = world.add_service("first", replicas(0), on(&[&front, &back]));
    world.settle();
    assert_eq!(vip(&world, &first, &back).as_deref(), Some("10.5.0.2"));
    world.edit_service(&first, on(&[&front]));
    world.settle();
    through_a_snapshot(&mut world);
    let mut given = Vec::new();
    for name in ["second", "third", "fourth", "fifth", "sixth"] {
        let service = world.add_service(name, replicas(0), on(&[&back]));
        world.settle();
        given.extend(vip(&world, &service, &back));
    }
    assert_eq!(given, ["10.5.0.3", "10.5.0.4", "10.5.0.5", "10.5.0.6", "10.5.0.2"]);
}

#[test]
fn the_address_of_a_task_that_is_forgotten_comes_back_last() {
    let mut world = World::new(1);
    let front = add_network(&mut world, 1, named("front"));
    let web = world.add_service("web", replicas(1), on(&[&front]));
    world.settle();
    world.edit_service(&web, |service| service.spec.mode = replicas(0));
    world.settle();
    assert!(world.tasks(&web).is_empty());
    world.edit_service(&web, |service| service.spec.mode = replicas(1));
    world.settle();
    assert_eq!(addresses(&world.running(&web)[0]), ["10.0.1.4/24"]);
}

#[test]
fn an_address_that_was_asked_for_does_not_move_the_others() {
    let mut world = World::new(1);
    let mut spec = named("front");
    spec.attachable = true;
    let front = add_network(&mut world, 1, spec);
    let web = world.add_service("web", replicas(1), on(&[&front]));
    world.settle();
    let node = world.nodes().remove(0);
    for (seed, addr, given) in [(1, Some("10.0.1.9"), "10.0.1.9/24"), (2, None, "10.0.1.4/24")] {
        let addr = addr.map(|addr| addr.parse().expect("an address"));
        let request = AttachRequest { network: front.to_string(), addr, aliases: Vec::new() };
        let rng = &mut objects::rng(seed);
        let (attached, transaction) =
            attachments::attach(world.state(), &node, &request, world.now, rng).expect("is free");
        assert_eq!(attached.addr.to_string(), given);
        world.commit(transaction.ops);
    }
    world.edit_service(&web, |service| service.spec.mode = replicas(2));
    world.settle();
    assert_eq!(addresses(&world.running(&web)[1]), ["10.0.1.5/24"]);
}

#[test]
fn a_vxlan_id_that_was_freed_comes_back_last() {
    let mut world = World::new(1);
    world.settle();
    for (seed, vni) in [(1, 4098), (2, 4099), (3, 4100)] {
        let network = add_network(&mut world, seed, named("front"));
        world.settle();
        assert_eq!(subnet(&world, "front").expect("has addresses").0, vni);
        let version = world.state().networks()[&network].meta.version;
        world.commit(vec![Op::Remove(ObjectRef::Network(network), version)]);
        through_a_snapshot(&mut world);
    }
}

#[test]
fn a_chosen_port_that_was_freed_comes_back_last() {
    let mut world = World::new(1);
    for chosen in [30_000, 30_001, 30_002] {
        let web = world.add_service("web", replicas(0), |service| publish(service, &[(0, 80)]));
        world.settle();
        assert_eq!(published(&world, &web), [(chosen, 80)]);
        world.remove_service(&web);
        world.settle();
        through_a_snapshot(&mut world);
    }
    // What is asked for is no place to go on from.
    let db = world.add_service("db", replicas(0), |service| publish(service, &[(32_000, 5432)]));
    let web = world.add_service("web", replicas(0), |service| publish(service, &[(0, 80)]));
    world.settle();
    assert_eq!(published(&world, &db), [(32_000, 5432)]);
    assert_eq!(published(&world, &web), [(30_003, 80)]);
}
