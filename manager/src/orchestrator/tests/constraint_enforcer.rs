//! Nodes that change under their tasks.

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::task_state::TaskState;

use super::nodes_of;
use super::replicas;
use crate::loops::tests::world::World;

fn on_ssd(service: &mut Service) {
    let constraints = vec!["node.labels.disk==ssd".to_owned()];
    service.spec.task_template.placement = Some(Placement { constraints, ..Placement::default() });
}

fn label(world: &mut World, node: &NodeId, disk: &str) {
    world.edit_node(node, |node| {
        node.spec.labels.insert("disk".to_owned(), disk.to_owned());
    });
}

/// A service on the only two of three nodes that fit.
fn placed(count: u64) -> (World, ServiceId, Vec<NodeId>) {
    let mut world = World::new(3);
    let fit = world.nodes().split_off(1);
    fit.iter().for_each(|node| label(&mut world, node, "ssd"));
    let web = world.add_service("web", replicas(count), on_ssd);
    world.settle();
    (world, web, fit)
}

#[test]
fn a_task_leaves_a_node_that_no_longer_meets_its_constraints() {
    let (mut world, web, fit) = placed(2);
    let task = world.running(&web).into_iter().find(|task| task.node_id.as_ref() == Some(&fit[0]));
    let task = task.expect("one on each");
    label(&mut world, &fit[0], "hdd");
    world.settle();
    assert_eq!(nodes_of(&world, &web), [fit[1].clone(), fit[1].clone()]);
    let rejected = &world.state().tasks()[&task.id];
    assert_eq!(rejected.status.state, TaskState::Rejected);
    label(&mut world, &fit[0], "ssd");
    world.settle();
    assert_eq!(nodes_of(&world, &web), [fit[1].clone(), fit[1].clone()], "nothing goes back");
}

#[test]
fn it_keeps_its_address_until_it_has_stopped() {
    let (mut world, web, fit) = placed(1);
    let task = world.running(&web).remove(0);
    world.silent.insert(task.node_id.clone().expect("runs"));
    fit.iter().for_each(|node| label(&mut world, node, "hdd"));
    for step in crate::loops::LOOPS.iter().filter(|step| step.name != "liveness") {
        world.pass(step);
    }
    let known = &world.state().tasks()[&task.id];
    assert_eq!(
        (known.desired_state, known.status.state),
        (TaskState::Rejected, TaskState::Running),
        "only its agent knows when it has ended"
    );
}

#[test]
fn the_restart_policy_decides_on_another() {
    let (mut world, web, fit) = placed(1);
    world.edit_service(&web, |service| {
        let policy =
            RestartPolicy { condition: RestartCondition::None, ..RestartPolicy::default() };
        service.spec.task_template.restart_policy = Some(policy);
    });
    world.settle();
    let node = world.running(&web).remove(0).node_id.expect("runs");
    label(&mut world, &node, "hdd");
    world.settle();
    assert!(world.running(&web).is_empty(), "{fit:?}");
}

#[test]
fn paused_nodes_are_left_alone() {
    let (mut world, web, fit) = placed(2);
    let before = world.running(&web);
    for node in &fit {
        world.edit_node(node, |node| node.spec.availability = Availability::Pause);
        label(&mut world, node, "hdd");
    }
    world.settle();
    assert_eq!(world.running(&web), before);
}

#[test]
fn a_constraint_added_later_counts_for_the_tasks_that_were_left_alone() {
    let mut world = World::new(2);
    let nodes = world.nodes();
    nodes.iter().for_each(|node| label(&mut world, node, "ssd"));
    let web = world.add_service("web", replicas(2), |_| {});
    world.settle();
    let before = world.running(&web);
    world.edit_service(&web, on_ssd);
    world.settle();
    assert_eq!(world.running(&web), before, "they fit, and so are not replaced");
    label(&mut world, &nodes[0], "hdd");
    world.settle();
    assert_eq!(nodes_of(&world, &web), [nodes[1].clone(), nodes[1].clone()]);
}

#[test]
fn an_update_of_a_constraint_replaces_one_task_after_the_other() {
    let mut world = World::new(2);
    let nodes = world.nodes();
    label(&mut world, &nodes[0], "ssd");
    let web = world.add_service("web", replicas(4), |_| {});
    world.settle();
    world.edit_service(&web, on_ssd);
    for _ in 0..60 {
        for step in &crate::loops::LOOPS {
            world.pass(step);
        }
        world.agents();
        assert!(world.running(&web).len() >= 3, "one at a time");
    }
    world.settle();
    assert_eq!(nodes_of(&world, &web), vec![nodes[0].clone(); 4]);
}

#[test]
fn what_a_node_has_no_room_for_any_more_goes_the_newest_first() {
    let mut world = World::new(1);
    let reserve = |service: &mut Service| {
        let reservations = Reservations { nano_cpus: 2_000_000_000, ..Reservations::default() };
        service.spec.task_template.resources = Some(ResourceRequirements {
            reservations: Some(reservations),
            ..ResourceRequirements::default()
        });
    };
    let first = world.add_service("first", replicas(1), reserve);
    world.settle();
    world.now = world.now + std::time::Duration::from_secs(1);
    let second = world.add_service("second", replicas(1), reserve);
    world.settle();
    let node = world.nodes().remove(0);
    world.edit_node(&node, |node| {
        let description = node.description.as_mut().expect("is known");
        description.resources.nano_cpus = 3_000_000_000;
    });
    world.settle();
    assert_eq!((world.running(&first).len(), world.running(&second).len()), (1, 0));
    let waits = world
        .tasks(&second)
        .into_iter()
        .any(|task| task.status.err == "no suitable node (insufficient resources on 1 node)");
    assert!(waits, "another waits for room");
}
