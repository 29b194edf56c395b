//! Where tasks go, and what is said when they cannot.

mod affinity;
mod expression;
mod model;
mod usage;
mod volumes;

use std::collections::BTreeSet;
use std::time::Duration;

use swarmlite_proto::object::Service;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::NamedResource;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::SpreadOver;
use swarmlite_proto::value::generic_resource;

use super::*;
use crate::loops::tests::world::World;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::domain::Domains;

const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

/// How many tasks run on each node, in the order of the nodes' ids.
fn counts(world: &World, service: &ServiceId) -> Vec<usize> {
    let running = world.running(service);
    let on =
        |node: &NodeId| running.iter().filter(|task| task.node_id.as_ref() == Some(node)).count();
    world.nodes().iter().map(on).collect()
}

/// The reasons why tasks wait.
fn waiting_for(world: &World, service: &ServiceId) -> BTreeSet<String> {
    let waits = |task: &Task| task.status.state == TaskState::Pending;
    world.tasks(service).into_iter().filter(waits).map(|task| task.status.err).collect()
}

fn only(reason: &str) -> BTreeSet<String> {
    BTreeSet::from([reason.to_owned()])
}

fn placed(edit: impl FnOnce(&mut Placement)) -> impl FnOnce(&mut Service) {
    |service| edit(service.spec.task_template.placement.get_or_insert_default())
}

#[test]
fn tasks_are_spread_over_nodes_and_services_over_what_is_left() {
    let mut world = World::new(3);
    let web = world.add_service("web", replicas(5), |_| {});
    world.settle();
    let mut spread = counts(&world, &web);
    let first = spread.clone();
    spread.sort_unstable();
    assert_eq!(spread, [1, 2, 2]);
    let db = world.add_service("db", replicas(1), |_| {});
    world.settle();
    let emptiest = first.iter().position(|count| *count == 1).expect("one node has one");
    assert_eq!(counts(&world, &db)[emptiest], 1);
}

#[test]
fn binpack_fills_a_node_before_it_begins_another() {
    let mut world = World::new(3);
    let packed = |strategy: &str, cpus: i64| {
        let strategy = Some(strategy.to_owned());
        move |service: &mut Service| {
            let reservations = Some(Reservations { nano_cpus: cpus, ..Reservations::default() });
            let template = &mut service.spec.task_template;
            template.placement = Some(Placement { strategy, ..Placement::default() });
            template.resources =
                Some(ResourceRequirements { reservations, ..ResourceRequirements::default() });
        }
    };
    // Each node has four cores.
    let web = world.add_service("web", replicas(5), packed("binpack", 1_000_000_000));
    world.settle();
    let mut packed_on = counts(&world, &web);
    let begun = packed_on.iter().position(|count| *count == 1).expect("the second node");
    packed_on.sort_unstable();
    assert_eq!(packed_on, [0, 1, 4]);
    let free = world.add_service("free", replicas(3), packed("spread", 0));
    world.settle();
    assert_eq!(counts(&world, &free), [1, 1, 1]);
    let large = world.add_service("large", replicas(1), packed("binpack", 3_000_000_000));
    world.settle();
    assert_eq!(counts(&world, &large)[begun], 1, "the third node is still empty");
}

#[test]
fn a_task_with_a_node_says_so() {
    let mut world = World::new(1);
    let web = world.add_service("web", replicas(1), |_| {});
    for name in ["replicated", "allocator", "allocator", "scheduler"] {
        let step = crate::loops::LOOPS.iter().find(|step| step.name == name);
        world.pass(step.expect("there is such a loop"));
    }
    let task = world.tasks(&web).remove(0);
    assert_eq!((task.status.state, task.status.message.as_str()), (TaskState::Assigned, ASSIGNED));
}

#[test]
fn without_a_node_the_reasons_are_counted() {
    let mut world = World::new(0);
    let web = world.add_service(
        "web",
        replicas(2),
        placed(|placement| {
            placement.constraints = vec!["node.labels.disk==ssd".to_owned()];
        }),
    );
    world.settle();
    assert_eq!(waiting_for(&world, &web), only("no suitable node"));
    let nodes = [1, 2, 3].map(|index| world.add_node(index));
    world.edit_node(&nodes[2], |node| node.spec.availability = Availability::Pause);
    world.settle();
    let expected = "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks)";
    assert_eq!(waiting_for(&world, &web), only(expected));
    world.edit_node(&nodes[0], |node| {
        node.spec.labels.insert("disk".to_owned(), "ssd".to_owned());
    });
    world.settle();
    assert_eq!(world.running(&web).len(), 2);
    assert!(world.running(&web).iter().all(|task| task.node_id.as_ref() == Some(&nodes[0])));
}

#[test]
fn what_is_set_aside_is_not_given_twice() {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(5), |service| {
        let reservations =
            Some(Reservations { nano_cpus: 2_000_000_000, ..Reservations::default() });
        service.spec.task_template.resources =
            Some(ResourceRequirements { reservations, ..ResourceRequirements::default() });
    });
    world.settle();
    assert_eq!(counts(&world, &web), [2, 2]);
    let reason = "no suitable node (insufficient resources on 2 nodes)";
    assert_eq!(waiting_for(&world, &web), only(reason));
}

#[test]
fn what_is_asked_for_by_its_name_is_nowhere() {
    let mut world = World::new(2);
    let nodes = world.nodes();
    having(&mut world, &nodes[0], &["GPU=a"]);
    let named = NamedResource { kind: "GPU".to_owned(), value: "a".to_owned() };
    let web = world.add_service("web", replicas(1), |service| {
        let needed =
            GenericResource { named_resource_spec: Some(named), discrete_resource_spec: None };
        let resources = service.spec.task_template.resources.get_or_insert_default();
        resources.reservations.get_or_insert_default().generic_resources = vec![needed];
    });
    world.settle();
    assert_eq!(
        waiting_for(&world, &web),
        only("no suitable node (insufficient resources on 2 nodes)")
    );
}

/// What a spec reserves of countable resources, as `--generic-resource` has it.
fn needing(terms: &[&str]) -> impl FnOnce(&mut Service) {
    let needed = terms.iter().map(|term| generic_resource::of_task(term).expect("a count"));
    let reservations =
        Reservations { generic_resources: needed.collect(), ..Reservations::default() };
    move |service| {
        service.spec.task_template.resources.get_or_insert_default().reservations =
            Some(reservations);
    }
}

fn having(world: &mut World, node: &NodeId, terms: &[&str]) {
    let has = generic_resource::of_node(terms).expect("resources");
    world.edit_node(node, |node| {
        node.description.get_or_insert_default().resources.generic_resources = has;
    });
}

/// What the running tasks of a service were given, in the form of their environment.
fn given(world: &World, service: &ServiceId) -> Vec<String> {
    let running = world.running(service);
    running
        .iter()
        .map(|task| generic_resource::environment(&task.generic_resources).join(" "))
        .collect()
}

#[test]
fn countable_resources_are_given_to_one_task_each() {
    let mut world = World::new(2);
    let nodes = world.nodes();
    having(&mut world, &nodes[0], &["GPU=a", "GPU=b", "GPU=c", "SSD=4"]);
    let web = world.add_service("web", replicas(3), needing(&["GPU=1", "SSD=1"]));
    world.settle();
    let mut first = given(&world, &web);
    first.sort_unstable();
    assert_eq!(
        first,
        ["a", "b", "c"].map(|gpu| format!("DOCKER_RESOURCE_GPU={gpu} DOCKER_RESOURCE_SSD=1"))
    );
    assert!(world.running(&web).iter().all(|task| task.node_id.as_ref() == Some(&nodes[0])));
    let more = world.add_service("more", replicas(1), needing(&["GPU=1"]));
    world.settle();
    let reason = "no suitable node (insufficient resources on 2 nodes)";
    assert_eq!(waiting_for(&world, &more), only(reason));
    // What ends gives back what it had, and nothing else.
    let freed = world.running(&web).remove(1);
    world.edit_service(&web, |service| service.spec.mode = replicas(2));
    world.settle();
    let left: Vec<String> = given(&world, &web).into_iter().chain(given(&world, &more)).collect();
    let all: BTreeSet<&str> = left.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(all.len(), 3, "{left:?} after {freed:?} had ended");
}

#[test]
fn a_replacement_takes_what_its_predecessor_had() {
    let mut world = World::new(1);
    let node = world.nodes().remove(0);
    having(&mut world, &node, &["GPU=only"]);
    let web = world.add_service("web", replicas(1), needing(&["GPU=1"]));
    world.settle();
    world.edit_service(&web, |service| service.spec.task_template.force_update += 1);
    world.settle();
    assert_eq!(given(&world, &web), ["DOCKER_RESOURCE_GPU=only"]);
}

#[test]
fn a_host_port_is_used_once_per_node() {
    let mut world = World::new(2);
    let publish = |service: &mut Service| {
        let port = PortConfig {
            target_port: 80,
            published_port: 8080,
            publish_mode: PublishMode::Host,
            ..PortConfig::default()
        };
        service.spec.endpoint_spec =
            Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    };
    let web = world.add_service("web", replicas(3), publish);
    world.settle();
    assert_eq!(counts(&world, &web), [1, 1]);
    let reason = "no suitable node (host-mode port already in use on 2 nodes)";
    assert_eq!(waiting_for(&world, &web), only(reason));
}

#[test]
fn no_node_runs_more_than_the_maximum() {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(5), placed(|placement| placement.max_replicas = 2));
    world.settle();
    assert_eq!(counts(&world, &web), [2, 2]);
    let reason = "no suitable node (max replicas per node limit exceed)";
    assert_eq!(waiting_for(&world, &web), only(reason));
}

#[test]
fn preferences_come_before_nodes() {
    let mut world = World::new(3);
    let nodes = world.nodes();
    for (node, zone) in nodes.iter().zip(["east", "east", "west"]) {
        world.edit_node(node, |node| {
            node.spec.labels.insert("zone".to_owned(), zone.to_owned());
        });
    }
    let web = world.add_service(
        "web",
        replicas(8),
        placed(|placement| {
            let spread = Some(SpreadOver { spread_descriptor: "node.labels.zone".to_owned() });
            placement.preferences = vec![PlacementPreference { spread }];
        }),
    );
    world.settle();
    assert_eq!(counts(&world, &web), [2, 2, 4]);
}

#[test]
fn a_task_of_a_global_service_waits_for_its_own_node() {
    let mut world = World::new(1);
    let agent = world.add_service("agent", ServiceMode::Global, |service| {
        let reservations = Some(Reservations { memory_bytes: 1 << 40, ..Reservations::default() });
        service.spec.task_template.resources =
            Some(ResourceRequirements { reservations, ..ResourceRequirements::default() });
    });
    world.settle();
    assert_eq!(waiting_for(&world, &agent), only("insufficient resources on 1 node"));
}

#[test]
fn a_node_where_tasks_of_a_service_keep_failing_comes_last() {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(1), |_| {});
    world.settle();
    let task = world.running(&web).remove(0);
    let bad = task.node_id.clone().expect("runs");
    let mut ops = Vec::new();
    for _ in 0..5 {
        let mut failed =
            Task { id: swarmlite_proto::id::TaskId::random(&mut world.rng), ..task.clone() };
        failed.meta = Default::default();
        failed.attachments = Vec::new();
        failed.desired_state = TaskState::Shutdown;
        failed.status.state = TaskState::Failed;
        failed.status.timestamp = world.now;
        ops.push(Op::PutTask(Box::new(failed)));
    }
    world.commit(ops);
    let rank = |world: &World, now| {
        let (node, usage) = (&world.state().nodes()[&bad], world.state().usage(&bad));
        let domains = &Domains::default();
        let node = Candidate { node, usage, load: None, domains, now };
        let group = Group::new(
            world.state(),
            &web,
            task.spec_version,
            Arc::clone(world.state().revision_of(&task).expect("is kept")),
        );
        node.failures_of(&group)
    };
    assert_eq!(rank(&world, world.now), 5);
    assert_eq!(rank(&world, world.now + Duration::from_secs(300)), 0);
}
