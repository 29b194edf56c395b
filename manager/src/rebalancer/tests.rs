//! What moves by itself, and when.

use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::ServiceMode;

use super::*;
use crate::loops::tests::world::World;
use crate::state::fixture as objects;

const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

fn auto(service: &mut Service) {
    let placement = service.spec.task_template.placement.get_or_insert_default();
    placement.rebalance = Some("auto".to_owned());
}

fn counts(world: &World, service: &ServiceId) -> Vec<usize> {
    let running = world.running(service);
    let on = |node: &NodeId| running.iter().filter(|it| it.node_id.as_ref() == Some(node)).count();
    world.nodes().iter().map(on).collect()
}

/// What it would do if it looked now.
fn planned(world: &World) -> Plan {
    reconcile(&world.view, world.now, &mut objects::rng(1))
}

/// Two nodes, each with half of the tasks of a service that asks for it, and of one that does not.
fn with_services(tasks: u64) -> (World, [ServiceId; 2]) {
    let mut world = World::new(2);
    let asks = world.add_service("asks", replicas(tasks), auto);
    let stays = world.add_service("stays", replicas(tasks), |_| {});
    world.settle();
    (world, [asks, stays])
}

#[test]
fn a_node_that_comes_gets_its_share_of_the_services_that_ask_for_it() {
    let (mut world, [asks, stays]) = with_services(6);
    let before = world.now;
    world.add_node(3);
    world.settle();
    assert_eq!(counts(&world, &asks), [2, 2, 2]);
    let mut left = counts(&world, &stays);
    left.sort_unstable();
    assert_eq!(left, [0, 3, 3]);
    assert!(world.now.since(before) >= CALM + PACE, "one after the other, once the node is calm");
}

#[test]
fn of_many_tasks_one_in_ten_moves_at_once() {
    let (mut world, [asks, _]) = with_services(40);
    world.add_node(3);
    world.settle_now();
    world.now = world.now + CALM;
    let plan = planned(&world);
    assert_eq!(plan.transactions.iter().map(|it| it.ops.len()).sum::<usize>(), 4);
    world.settle();
    let mut after = counts(&world, &asks);
    after.sort_unstable();
    assert_eq!(after, [13, 13, 14]);
}

#[test]
fn nothing_moves_while_nodes_change_or_something_else_is_going_on() {
    let (mut world, [asks, _]) = with_services(6);
    let third = world.add_node(3);
    world.settle_now();
    world.now = world.now + CALM / 2;
    world.edit_node(&third, |node| drop(node.spec.labels.insert("a".into(), "b".into())));
    world.now = world.now + CALM / 2;
    let plan = planned(&world);
    assert!(plan.transactions.is_empty(), "the node has changed of late");
    assert_eq!(plan.wake_at, Some(world.now + CALM / 2));
    world.now = world.now + CALM / 2;
    assert!(!planned(&world).transactions.is_empty());
    world.view.leader_since = world.now;
    assert!(planned(&world).transactions.is_empty(), "the leader is new");
    world.now = world.now + CALM;
    assert!(!planned(&world).transactions.is_empty());
    world.edit_service(&asks, |service| service.spec.task_template.force_update += 1);
    let update = crate::loops::LOOPS.iter().find(|step| step.name == "replicated");
    world.pass(update.expect("is there"));
    assert!(planned(&world).transactions.is_empty(), "an update is under way");
}

#[test]
fn what_is_measured_is_looked_at_again_without_a_change() {
    let (mut world, [asks, _]) = with_services(4);
    world.now = world.now + CALM;
    let plan = planned(&world);
    assert_eq!((plan.transactions.len(), plan.wake_at), (0, Some(world.now + AT_LAST)));
    world.view.sessions.loads.insert(world.nodes()[0].clone(), Default::default());
    assert_eq!(planned(&world).wake_at, Some(world.now + PACE));
    assert_eq!(counts(&world, &asks), [2, 2]);
}
