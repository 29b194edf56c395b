//! What moves, that it is better afterwards, and that it comes to rest.

use std::collections::BTreeSet;

use proptest::prelude::*;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::SpreadOver;
use swarmlite_proto::spec::UpdateConfig;

use super::*;
use crate::loops::tests::world::World;

const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

fn planned(world: &World, limit: usize) -> Vec<Move> {
    let services: Vec<&Arc<Service>> = world.state().services().values().collect();
    moves(world.state(), &world.view.sessions.loads, &services, world.now, limit)
}

/// Has everything moved that should. Returns how many tasks did.
fn rebalance(world: &mut World) -> usize {
    let moves = planned(world, usize::MAX);
    world.commit(migrate(world.state(), &moves, world.now).ops);
    world.settle();
    moves.len()
}

fn counts(world: &World, service: &ServiceId) -> Vec<usize> {
    let running = world.running(service);
    let on = |node: &NodeId| running.iter().filter(|it| it.node_id.as_ref() == Some(node)).count();
    world.nodes().iter().map(on).collect()
}

/// A cluster of two nodes that run everything, to which a third has come.
fn with_new_node(services: &[(&str, u64)]) -> (World, Vec<ServiceId>) {
    let mut world = World::new(2);
    let add = |(name, count): &(&str, u64)| world.add_service(name, replicas(*count), |_| {});
    let ids = services.iter().map(add).collect();
    world.settle();
    world.add_node(3);
    world.settle();
    (world, ids)
}

#[test]
fn a_new_node_gets_its_share() {
    let (mut world, ids) = with_new_node(&[("web", 6)]);
    let old: BTreeSet<TaskId> = world.running(&ids[0]).into_iter().map(|task| task.id).collect();
    assert_eq!(rebalance(&mut world), 2);
    assert_eq!(counts(&world, &ids[0]), [2, 2, 2]);
    let kept = world.running(&ids[0]).into_iter().filter(|task| old.contains(&task.id));
    assert_eq!(kept.count(), 4, "nothing moves that need not");
    assert_eq!(rebalance(&mut world), 0, "and nothing moves back");
}

#[test]
fn services_of_one_task_are_spread_too() {
    let (mut world, ids) =
        with_new_node(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 1)]);
    assert_eq!(rebalance(&mut world), 2);
    let per_node = ids.iter().map(|id| counts(&world, id)).fold([0; 3], |mut sum, counts| {
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        sum
    });
    assert_eq!(per_node, [2, 2, 2]);
}

/// Of two tasks that would be better off in each other's place, only one has room there before the other has left.
#[test]
fn no_move_needs_the_room_of_another() {
    let mut world = World::new(2);
    let services = [("none", 0, 0), ("a", 1, 2), ("b", 4, 1), ("c", 3, 2)];
    let add = |(name, count, cpus)| world.add_service(name, replicas(count), reserving(cpus));
    let [_, _, spread, filling] = services.map(add);
    world.settle();
    world.add_node(10);
    world.add_node(11);
    world.settle();
    assert_eq!(counts(&world, &spread), [2, 2, 0, 0]);
    assert_eq!(counts(&world, &filling), [0, 0, 2, 1], "on nodes that are full then");
    assert_eq!(rebalance(&mut world), 1);
    assert_eq!(counts(&world, &filling), [1, 0, 1, 1]);
    assert_eq!(counts(&world, &spread), [2, 2, 0, 0]);
    assert_eq!(rebalance(&mut world), 1);
    assert_eq!(counts(&world, &spread).iter().filter(|count| **count > 0).count(), 3);
    assert_eq!(rebalance(&mut world), 0);
}

#[test]
fn one_task_more_on_one_node_is_no_reason_to_move() {
    let (mut world, _) = with_new_node(&[("web", 3)]);
    assert_eq!(rebalance(&mut world), 1);
    let mut world = World::new(2);
    world.add_service("web", replicas(3), |_| {});
    world.settle();
    assert_eq!(planned(&world, usize::MAX), []);
}

#[test]
fn as_many_move_as_may() {
    let (world, _) = with_new_node(&[("web", 6), ("db", 6)]);
    assert_eq!(planned(&world, 3).len(), 3);
    assert_eq!(planned(&world, 0), []);
}

#[test]
fn preferences_come_first() {
    let mut world = World::new(2);
    let label = |zone: &'static str| {
        move |node: &mut swarmlite_proto::object::Node| {
            node.spec.labels.insert("zone".to_owned(), zone.to_owned());
        }
    };
    for node in world.nodes() {
        world.edit_node(&node, label("a"));
    }
    let web = world.add_service("web", replicas(4), |service| {
        let descriptor = "node.labels.zone".to_owned();
        let spread = Some(SpreadOver { spread_descriptor: descriptor });
        let placement = service.spec.task_template.placement.get_or_insert_default();
        placement.preferences = vec![PlacementPreference { spread }];
    });
    world.settle();
    let new = world.add_node(3);
    world.edit_node(&new, label("b"));
    world.settle();
    assert_eq!(rebalance(&mut world), 2);
    let on_new = world.running(&web).into_iter().filter(|it| it.node_id.as_ref() == Some(&new));
    assert_eq!(on_new.count(), 2, "half of the tasks are in each zone");
}

#[test]
fn what_does_not_run_as_it_should_is_left_alone() {
    let (mut world, ids) = with_new_node(&[("web", 6)]);
    world.add_service("agent", ServiceMode::Global, |_| {});
    let drained = world.nodes().remove(0);
    world.edit_node(&drained, |node| node.spec.availability = Availability::Drain);
    let on_drained = |moved: &Move| moved.from == drained;
    assert!(!planned(&world, usize::MAX).iter().any(on_drained), "those leave by themselves");
    world.edit_service(&ids[0], |service| service.spec.task_template.force_update = 1);
    assert_eq!(planned(&world, usize::MAX), [], "an update places them anew");
}

#[test]
fn a_task_stays_where_it_is_if_no_node_takes_the_new_one() {
    let (mut world, ids) = with_new_node(&[("web", 4)]);
    let before: BTreeSet<TaskId> = world.running(&ids[0]).into_iter().map(|it| it.id).collect();
    let moves = planned(&world, usize::MAX);
    assert_eq!(moves.len(), 1);
    world.commit(migrate(world.state(), &moves, world.now).ops);
    for node in world.nodes() {
        world.edit_node(&node, |node| node.spec.availability = Availability::Pause);
    }
    world.settle();
    let after = world.running(&ids[0]);
    assert!(after.iter().all(|task| before.contains(&task.id) && !task.migrate), "{after:#?}");
    assert_eq!(after.len(), 4);
}

#[test]
fn a_task_stays_where_it_is_if_the_new_one_fails() {
    let (mut world, ids) = with_new_node(&[("web", 4)]);
    let before: BTreeSet<TaskId> = world.running(&ids[0]).into_iter().map(|it| it.id).collect();
    let moves = planned(&world, usize::MAX);
    world.commit(migrate(world.state(), &moves, world.now).ops);
    let fresh = loop {
        crate::loops::LOOPS.iter().for_each(|step| drop(world.pass(step)));
        let mut tasks = world.tasks(&ids[0]).into_iter();
        let fresh =
            tasks.find(|it| !before.contains(&it.id) && it.status.state >= TaskState::Assigned);
        if let Some(fresh) = fresh {
            break fresh;
        }
    };
    world.report(&fresh, TaskState::Failed);
    world.settle();
    let after = world.running(&ids[0]);
    assert!(after.iter().all(|task| before.contains(&task.id) && !task.migrate), "{after:#?}");
    assert_eq!(planned(&world, usize::MAX), moves, "it can be asked again");
}

#[test]
fn a_task_that_moves_is_not_stopped_before_the_new_one_has_traffic() {
    let (mut world, ids) = with_new_node(&[("web", 4)]);
    let moves = planned(&world, usize::MAX);
    world.commit(migrate(world.state(), &moves, world.now).ops);
    let moved = &moves[0].task;
    for _ in 0..200 {
        for step in &crate::loops::LOOPS {
            world.pass(step);
            let task = &world.state().tasks()[moved];
            let routed = world.running(&ids[0]).into_iter().filter(|it| {
                it.slot == task.slot
                    && matches!(it.routing, swarmlite_proto::object::Routing::Routed { .. })
            });
            assert!(routed.count() > 0, "slot {} has no task with traffic", task.slot);
        }
        world.agents();
    }
    assert!(world.state().tasks()[moved].status.state.is_terminal(), "it has moved");
}

#[test]
fn tasks_of_a_spec_that_differs_in_their_placement_alone_move_too() {
    let (mut world, ids) = with_new_node(&[("web", 6)]);
    world.edit_service(&ids[0], |service| {
        service.spec.task_template.placement.get_or_insert_default().max_replicas = 5;
    });
    world.settle();
    let version = world.service(&ids[0]).spec_version;
    assert!(world.running(&ids[0]).iter().all(|task| task.spec_version != version), "they stay");
    assert_eq!(rebalance(&mut world), 2);
    assert_eq!(counts(&world, &ids[0]), [2, 2, 2]);
}

#[test]
fn an_update_that_comes_in_between_keeps_its_own_order() {
    let (mut world, ids) = with_new_node(&[("web", 4)]);
    let moves = planned(&world, usize::MAX);
    world.commit(migrate(world.state(), &moves, world.now).ops);
    world.edit_service(&ids[0], |service| {
        service.spec.task_template.force_update = 1;
        let all_at_once = UpdateConfig { parallelism: 0, ..UpdateConfig::defaults() };
        service.spec.update_config = Some(all_at_once);
    });
    let replicated = crate::loops::LOOPS.iter().find(|step| step.name == "replicated");
    world.pass(replicated.expect("is a loop"));
    let version = world.service(&ids[0]).spec_version;
    let new = world.tasks(&ids[0]).into_iter().filter(|task| task.spec_version == version);
    let desired: Vec<TaskState> = new.map(|task| task.desired_state).collect();
    assert_eq!(desired, [TaskState::Ready; 4], "stop-first, as the service asks");
}

fn reserving(cpus: i64) -> impl FnOnce(&mut Service) {
    move |service| {
        let reservations =
            Reservations { nano_cpus: cpus * 1_000_000_000, ..Reservations::default() };
        service.spec.task_template.resources =
            Some(ResourceRequirements { reservations: Some(reservations), ..Default::default() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever there is: the moves can all be made, after them no service is spread worse, and there is nothing left to move.
    #[test]
    fn it_gets_better_and_comes_to_rest(
        services in proptest::collection::vec((0_u64..6, 0_i64..3), 1..5),
        new in 1_u16..3,
    ) {
        let mut world = World::new(2);
        let add = |(number, (count, cpus)): (usize, &(u64, i64))| {
            world.add_service(&format!("s{number}"), replicas(*count), reserving(*cpus))
        };
        let ids: Vec<ServiceId> = services.iter().enumerate().map(add).collect();
        world.settle();
        for index in 0..new {
            world.add_node(10 + index);
        }
        let squares = |world: &World| -> Vec<usize> {
            ids.iter().map(|id| counts(world, id).iter().map(|it| it * it).sum()).collect()
        };
        let running = |world: &World| -> Vec<usize> {
            ids.iter().map(|id| world.running(id).len()).collect()
        };
        world.settle();
        let (before, ran) = (squares(&world), running(&world));
        let mut spread = before;
        // What has left makes room for what could not move before.
        let moved = (0..10).position(|_| {
            let moves = rebalance(&mut world);
            let after = squares(&world);
            assert!(after.iter().zip(&spread).all(|(after, before)| after <= before), "{after:?}");
            spread = after;
            moves == 0
        });
        prop_assert!(moved.is_some(), "it never comes to rest");
        prop_assert_eq!(running(&world), ran);
    }
}

#[test]
fn a_node_that_has_got_a_lot_to_do_gives_tasks_away_and_one_that_has_a_little_more_does_not() {
    let mut world = World::new(2);
    let by_usage = |service: &mut Service| {
        let placement = service.spec.task_template.placement.get_or_insert_default();
        placement.strategy = Some("usage".to_owned());
    };
    let web = world.add_service("web", replicas(4), by_usage);
    world.settle();
    assert_eq!(counts(&world, &web), [2, 2]);
    let report = |world: &mut World, tenths: [i64; 2]| {
        for (node, busy) in world.nodes().into_iter().zip(tenths) {
            let load =
                NodeLoad { nano_cpus: busy * 100_000_000, memory_bytes: 0, milli_tasks: 2000 };
            world.view.sessions.loads.insert(node, load);
        }
    };
    // Of four cores: what one task is taken to use, and less than a tenth, is nothing to move for.
    report(&mut world, [10, 14]);
    assert_eq!(rebalance(&mut world), 0);
    report(&mut world, [10, 30]);
    assert_eq!(rebalance(&mut world), 2);
    assert_eq!(counts(&world, &web), [4, 0]);
    assert_eq!(rebalance(&mut world), 0);
}
