//! Tasks that stay with their volumes.

use super::*;

fn stay(placement: &mut Placement) {
    placement.volumes = Some("stay".to_owned());
}

/// Which node the task in each slot runs on.
fn by_slot(world: &World, service: &ServiceId) -> Vec<(u64, NodeId)> {
    let running = world.running(service).into_iter();
    let mut nodes: Vec<_> = running.filter_map(|task| Some((task.slot, task.node_id?))).collect();
    nodes.sort();
    nodes
}

fn set(world: &mut World, node: &NodeId, availability: Availability) {
    world.edit_node(node, |node| node.spec.availability = availability);
    world.settle();
}

#[test]
fn a_replica_comes_back_to_its_node() {
    let mut world = World::new(3);
    let db = world.add_service("db", replicas(4), placed(stay));
    world.settle();
    let before = by_slot(&world, &db);
    assert_eq!(before.len(), 4);
    // By an update, and by a failure.
    world.edit_service(&db, |service| service.spec.task_template.force_update += 1);
    world.settle();
    assert_eq!(by_slot(&world, &db), before);
    for task in world.running(&db) {
        world.report(&task, TaskState::Failed);
        world.settle();
        assert_eq!(by_slot(&world, &db), before);
    }
    // While its node takes none it waits, and nobody else's do.
    let node = before[0].1.clone();
    let elsewhere: Vec<_> = before.iter().filter(|(_, on)| *on != node).cloned().collect();
    set(&mut world, &node, Availability::Drain);
    assert_eq!(by_slot(&world, &db), elsewhere);
    let reason = "no suitable node (volumes not on 2 nodes; 1 node not available for new tasks)";
    assert_eq!(waiting_for(&world, &db), only(reason));
    set(&mut world, &node, Availability::Active);
    assert_eq!(by_slot(&world, &db), before);
    // A node that is gone for good has no volumes any more.
    world.remove_node(&node);
    world.settle();
    assert_eq!(world.running(&db).len(), 4);
}

#[test]
fn without_it_a_replica_goes_where_the_strategy_says() {
    let mut world = World::new(2);
    let db = world.add_service("db", replicas(1), placed(stay));
    world.settle();
    let node = by_slot(&world, &db).remove(0).1;
    world.edit_service(&db, placed(|placement| placement.volumes = None));
    world.settle();
    assert_eq!(by_slot(&world, &db), [(1, node.clone())], "that alone moves nothing");
    set(&mut world, &node, Availability::Drain);
    let moved = by_slot(&world, &db);
    assert!(moved.len() == 1 && moved[0].1 != node, "{moved:?}");
}
