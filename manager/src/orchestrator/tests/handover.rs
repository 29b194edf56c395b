//! How a task takes the place of another: what is there before the old one is touched.

use std::time::Duration;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;

use super::replicas;
use crate::loops::LOOPS;
use crate::loops::tests::world::World;
use crate::orchestrator::handover::NO_PLACE_PATIENCE;

/// A service whose tasks all nodes route to, one of them updated or moved at a time.
fn published(nodes: u16, count: u64, order: UpdateOrder) -> (World, ServiceId) {
    let mut world = World::new(nodes);
    let web = world.add_service("web", replicas(count), |service| {
        let port = PortConfig { target_port: 80, published_port: 8000, ..PortConfig::default() };
        service.spec.endpoint_spec =
            Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
        let config = UpdateConfig { parallelism: 1, order, ..UpdateConfig::default() };
        service.spec.update_config = Some(config);
    });
    world.settle();
    (world, web)
}

fn change(world: &mut World, web: &ServiceId) {
    world.edit_service(web, |service| service.spec.task_template.force_update += 1);
}

/// All loops, a few times, while agents do nothing.
fn decide(world: &mut World) {
    for step in LOOPS.iter().cycle().take(6 * LOOPS.len()) {
        world.pass(step);
    }
}

/// The one task that is not in `known`.
fn newcomer(world: &World, web: &ServiceId, known: &[Task]) -> Task {
    let tasks = world.tasks(web).into_iter();
    let mut new = tasks.filter(|task| known.iter().all(|other| other.id != task.id));
    let first = new.next().expect("there is a new task");
    assert_eq!(new.next(), None, "one at a time");
    first
}

fn drain(world: &mut World, node: &NodeId) {
    world.edit_node(node, |node| node.spec.availability = Availability::Drain);
}

#[test]
fn the_old_task_is_not_touched_before_the_new_one_is_prepared() {
    let (mut world, web) = published(2, 1, UpdateOrder::StopFirst);
    let old = world.running(&web);
    change(&mut world, &web);
    decide(&mut world);
    let new = newcomer(&world, &web, &old);
    assert_eq!(new.desired_state, TaskState::Ready);
    world.report(&new, TaskState::Preparing);
    decide(&mut world);
    assert_eq!(world.running(&web), old);
    world.report(&new, TaskState::Ready);
    decide(&mut world);
    assert_eq!(world.running(&web), []);
    assert_eq!(world.state().tasks()[&new.id].desired_state, TaskState::Ready);
    world.report(&old[0], TaskState::Shutdown);
    decide(&mut world);
    assert_eq!(world.state().tasks()[&new.id].desired_state, TaskState::Running);
}

#[test]
fn a_task_that_cannot_be_prepared_costs_nothing() {
    for order in [UpdateOrder::StopFirst, UpdateOrder::StartFirst] {
        let (mut world, web) = published(2, 2, order);
        let old = world.running(&web);
        change(&mut world, &web);
        decide(&mut world);
        let new = newcomer(&world, &web, &old);
        world.report(&new, TaskState::Rejected);
        world.settle();
        assert_eq!(world.running(&web), old, "{order:?}");
    }
}

#[test]
fn the_next_slot_waits_until_every_node_routes_to_the_new_task() {
    let (mut world, web) = published(3, 2, UpdateOrder::StartFirst);
    let old = world.running(&web);
    let stuck = world.nodes().remove(2);
    change(&mut world, &web);
    decide(&mut world);
    world.stuck.insert(stuck.clone());
    world.settle_now();
    let new = newcomer(&world, &web, &old);
    assert_eq!((new.status.state, world.running(&web).len()), (TaskState::Running, 3));
    world.stuck.remove(&stuck);
    world.settle();
    assert_eq!(world.running(&web).len(), 2);
    assert!(world.running(&web).iter().all(|task| task.spec_version > old[0].spec_version));
}

#[test]
fn a_task_is_replaced_on_a_node_that_has_room_for_one() {
    let mut world = World::new(1);
    let web = world.add_service("web", replicas(1), |service| {
        let reservations = Reservations { nano_cpus: 3_000_000_000, ..Reservations::default() };
        let resources =
            ResourceRequirements { reservations: Some(reservations), ..Default::default() };
        service.spec.task_template.resources = Some(resources);
        let port = PortConfig {
            target_port: 80,
            published_port: 8000,
            publish_mode: PublishMode::Host,
            ..PortConfig::default()
        };
        service.spec.endpoint_spec =
            Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    });
    world.settle();
    let before = world.now;
    let old = world.running(&web).remove(0);
    change(&mut world, &web);
    world.settle_now();
    let running = world.running(&web);
    assert_eq!((running.len(), world.now), (1, before));
    assert_ne!(running[0].id, old.id);
}

#[test]
fn a_drained_node_keeps_each_task_until_another_takes_its_place() {
    let (mut world, web) = published(2, 2, UpdateOrder::StartFirst);
    let old = world.running(&web);
    let node = old[0].node_id.clone().expect("runs");
    drain(&mut world, &node);
    decide(&mut world);
    let new = newcomer(&world, &web, &old);
    assert_eq!(new.slot, old[0].slot);
    assert_ne!(new.node_id.as_ref(), Some(&node));
    assert_eq!(world.running(&web), old);
    world.settle();
    assert_eq!(world.running(&web).len(), 2);
    assert!(world.running(&web).iter().all(|task| task.node_id.as_ref() != Some(&node)));
    assert_eq!(world.service(&web).update_status, None, "it is no update");
}

#[test]
fn the_tasks_of_a_drained_node_go_one_by_one() {
    let (mut world, web) = published(1, 3, UpdateOrder::StopFirst);
    let node = world.nodes().remove(0);
    world.add_node(2);
    drain(&mut world, &node);
    let mut fewest = 3;
    for _ in 0..60 {
        for step in &LOOPS {
            world.pass(step);
        }
        world.agents();
        fewest = fewest.min(world.running(&web).len());
    }
    world.settle();
    assert_eq!((fewest, world.running(&web).len()), (2, 3));
    assert!(world.running(&web).iter().all(|task| task.node_id.as_ref() != Some(&node)));
}

#[test]
fn a_drained_node_is_emptied_in_the_end_though_nothing_fits_elsewhere() {
    let (mut world, web) = published(1, 1, UpdateOrder::StartFirst);
    let node = world.nodes().remove(0);
    drain(&mut world, &node);
    let start = world.now;
    world.settle_now();
    assert_eq!(world.running(&web).len(), 1);
    world.now = start + NO_PLACE_PATIENCE / 2;
    world.settle_now();
    assert_eq!(world.running(&web).len(), 1);
    world.now = start + NO_PLACE_PATIENCE;
    world.settle();
    assert_eq!(world.running(&web), []);
    world.add_node(2);
    world.settle();
    assert_eq!(world.running(&web).len(), 1);
}

#[test]
fn a_drain_goes_on_though_a_moved_task_does_not_get_going() {
    let (mut world, web) = published(2, 2, UpdateOrder::StopFirst);
    let [first, second] = [0, 1].map(|slot| world.running(&web)[slot].node_id.clone());
    let (first, second) = (first.expect("runs"), second.expect("runs"));
    world.add_node(3);
    drain(&mut world, &first);
    drain(&mut world, &second);
    decide(&mut world);
    let old = world.running(&web);
    let new = newcomer(&world, &web, &old);
    world.report(&new, TaskState::Ready);
    decide(&mut world);
    let stopped = old.iter().find(|task| task.slot == new.slot).expect("is there");
    world.report(stopped, TaskState::Shutdown);
    decide(&mut world);
    assert_eq!(world.tasks(&web).len(), 3, "the other is not touched yet");
    world.now = world.now + Duration::from_secs(61);
    decide(&mut world);
    assert_eq!(world.tasks(&web).len(), 4);
}
