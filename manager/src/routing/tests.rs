//! Who is waited for, and for how long.

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::task_state::TaskState;

use super::*;
use crate::dispatcher::assignment::told_state;
use crate::loops::tests::world::World;
use crate::state::fixture as objects;

/// A service that every node answers for.
fn publish(world: &mut World, replicas: u64) -> ServiceId {
    world.add_service("web", ServiceMode::Replicated { replicas }, |service| {
        let port = PortConfig { target_port: 80, published_port: 8000, ..PortConfig::default() };
        service.spec.endpoint_spec =
            Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    })
}

fn only_task(world: &World, service: &ServiceId) -> Task {
    let mut tasks = world.tasks(service);
    assert_eq!(tasks.len(), 1);
    tasks.remove(0)
}

fn is_routed(task: &Task) -> bool {
    matches!(task.routing, Routing::Routed { .. })
}

#[test]
fn a_task_is_routed_when_the_last_node_has_confirmed_it() {
    let mut world = World::new(3);
    let last = world.nodes().remove(2);
    world.stuck.insert(last.clone());
    let web = publish(&mut world, 1);
    world.settle_now();
    let task = only_task(&world, &web);
    assert_eq!((task.status.state, task.routing), (TaskState::Running, Routing::Unrouted));
    world.stuck.remove(&last);
    world.settle_now();
    assert!(is_routed(&only_task(&world, &web)));
}

#[test]
fn a_task_is_stopped_when_the_last_node_has_confirmed_that_it_is_gone() {
    let mut world = World::new(3);
    let web = publish(&mut world, 1);
    world.settle();
    let last = world.nodes().remove(2);
    world.stuck.insert(last.clone());
    world.remove_service(&web);
    world.settle_now();
    let task = only_task(&world, &web);
    assert_eq!((task.status.state, task.desired_state), (TaskState::Running, TaskState::Remove));
    assert_eq!(told_state(&task), TaskState::Running);
    world.stuck.remove(&last);
    world.settle_now();
    assert!(world.tasks(&web).is_empty());
}

#[test]
fn nodes_that_are_down_are_not_waited_for() {
    let mut world = World::new(3);
    // It was heard of, so that it is down and not unknown once it is silent.
    world.settle_now();
    let last = world.nodes().remove(2);
    world.silent.insert(last.clone());
    world.stuck.insert(last);
    let web = publish(&mut world, 1);
    world.settle();
    assert!(is_routed(&only_task(&world, &web)));
    assert!(world.now < Timestamp::EPOCH + PATIENCE, "its lease is over first");
}

#[test]
fn a_live_node_that_does_not_confirm_is_waited_for_so_long_and_named() {
    let mut world = World::new(2);
    let stuck = world.nodes().remove(1);
    world.stuck.insert(stuck.clone());
    let web = publish(&mut world, 1);
    world.settle_now();
    let deadline = world.now + PATIENCE;
    let plan = reconcile(&world.view, world.now, &mut objects::rng(1));
    assert_eq!((plan.wake_at, plan.transactions.len()), (Some(deadline), 0));
    let plan = reconcile(&world.view, deadline, &mut objects::rng(1));
    assert_eq!(plan.transactions.len(), 1);
    assert!(plan.report[0].contains(stuck.as_str()), "{:?}", plan.report);
    world.now = deadline;
    world.settle_now();
    assert!(is_routed(&only_task(&world, &web)));
}

#[test]
fn only_nodes_on_a_network_of_the_task_are_waited_for() {
    let mut world = World::new(2);
    let mut front = objects::network(1, "front", 4097, "10.9.0.0/24");
    front.spec = NetworkSpec { name: "front".to_owned(), ..NetworkSpec::default() };
    front.allocation = None;
    world.commit(vec![Op::PutNetwork(Box::new(front.clone()))]);
    world.settle();
    let stuck: BTreeSet<_> = world.nodes().into_iter().collect();
    world.stuck.clone_from(&stuck);
    let web = world.add_service("web", ServiceMode::Replicated { replicas: 1 }, |service| {
        let target = front.id.as_str().to_owned();
        let config = NetworkAttachmentConfig { target, ..NetworkAttachmentConfig::default() };
        service.spec.task_template.networks = vec![config];
    });
    world.settle_now();
    let node = only_task(&world, &web).node_id.expect("has a node");
    assert!(!is_routed(&only_task(&world, &web)));
    world.stuck.remove(&node);
    world.settle_now();
    assert!(is_routed(&only_task(&world, &web)), "the other node is not on the network");
}

#[test]
fn a_task_that_ends_by_itself_is_waited_for_by_nobody() {
    let mut world = World::new(2);
    let web = publish(&mut world, 1);
    world.settle();
    world.stuck = world.nodes().into_iter().collect();
    world.remove_service(&web);
    world.settle_now();
    let task = only_task(&world, &web);
    world.report(&task, TaskState::Failed);
    world.settle_now();
    assert!(world.tasks(&web).is_empty());
}
