//! Where tasks go that follow what is in use.

use swarmlite_proto::load::NodeLoad;

use super::*;

const CORE: i64 = 1_000_000_000;

/// A service that follows what is in use, each task of which sets so many cores aside.
fn by_usage(cores: i64) -> impl FnOnce(&mut Service) {
    move |service| {
        let template = &mut service.spec.task_template;
        let strategy = Some("usage".to_owned());
        template.placement = Some(Placement { strategy, ..Placement::default() });
        let reservations =
            Some(Reservations { nano_cpus: cores * CORE, ..Reservations::default() });
        template.resources = Some(ResourceRequirements { reservations, ..Default::default() });
    }
}

/// Each of the nodes, which have four cores, reports how much of them is busy in tenths of a core.
fn report(world: &mut World, tenths: &[i64]) {
    for (node, busy) in world.nodes().into_iter().zip(tenths) {
        let tasks = i64::try_from(world.state().usage(&node).tasks).expect("few tasks");
        let load =
            NodeLoad { nano_cpus: busy * CORE / 10, memory_bytes: 0, milli_tasks: tasks * 1000 };
        world.view.sessions.loads.insert(node, load);
    }
}

#[test]
fn the_node_that_has_the_least_to_do_gets_the_task() {
    let mut world = World::new(3);
    report(&mut world, &[30, 5, 20]);
    let web = world.add_service("web", replicas(1), by_usage(0));
    world.settle();
    assert_eq!(counts(&world, &web), [0, 1, 0]);
}

#[test]
fn many_tasks_do_not_all_go_to_the_node_that_was_idle_when_it_was_measured() {
    let mut world = World::new(3);
    report(&mut world, &[20, 0, 20]);
    let web = world.add_service("web", replicas(30), by_usage(0));
    world.settle();
    // A task that sets nothing aside counts for a tenth of a core.
    let mut expected = counts(&world, &web);
    expected.sort_unstable();
    assert_eq!(expected, [3, 4, 23]);
    // In a later pass too, as long as nothing was measured since.
    let more = world.add_service("more", replicas(3), by_usage(0));
    world.settle();
    assert_eq!(counts(&world, &more), [1, 1, 1]);
}

#[test]
fn what_is_set_aside_counts_even_if_it_is_not_used() {
    let mut world = World::new(2);
    report(&mut world, &[0, 10]);
    let web = world.add_service("web", replicas(1), by_usage(3));
    world.settle();
    assert_eq!(counts(&world, &web), [1, 0]);
    report(&mut world, &[0, 10]);
    let other = world.add_service("other", replicas(1), by_usage(1));
    world.settle();
    assert_eq!(counts(&world, &other), [0, 1], "three of the idle node's cores are promised");
}

#[test]
fn a_node_that_has_reported_nothing_does_not_get_everything() {
    let mut world = World::new(2);
    report(&mut world, &[0]);
    let web = world.add_service("web", replicas(20), by_usage(0));
    world.settle();
    assert_eq!(counts(&world, &web), [10, 10]);
}

#[test]
fn without_reports_what_is_set_aside_decides() {
    let mut world = World::new(3);
    let web = world.add_service("web", replicas(6), by_usage(1));
    world.settle();
    assert_eq!(counts(&world, &web), [2, 2, 2]);
}
