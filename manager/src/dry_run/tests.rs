//! That a plan is what happens then.

use std::collections::BTreeSet;

use proptest::prelude::*;
use swarmlite_proto::spec::ReplicatedJob;

use super::*;
use crate::loops::tests::world::World;
use crate::state::fixture;

const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

fn reserve(service: &mut Service, nano_cpus: i64) {
    let resources = service.spec.task_template.resources.get_or_insert_default();
    resources.reservations.get_or_insert_default().nano_cpus = nano_cpus;
}

/// What would become of a service that is put as `service`, and that the state stays as it is.
fn planned(world: &World, service: Service) -> Planned {
    let before = world.state().clone();
    let mut run = DryRun::new(world.state().clone(), Loads::new(), world.now, fixture::rng(7));
    let id = service.id.clone();
    let change = Transaction::new(world.now).with(Op::PutService(Box::new(service)));
    let planned = run.put(&id, change).expect("is accepted");
    assert_eq!(before.applied(), world.state().applied());
    planned
}

fn new_service(name: &str, mode: ServiceMode, edit: impl FnOnce(&mut Service)) -> Service {
    let mut service = fixture::service(4242, name);
    service.spec.mode = mode;
    edit(&mut service);
    service
}

/// The nodes of tasks, in order.
fn placed_on(planned: &Planned) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> =
        planned.tasks.iter().filter_map(|task| task.node.clone()).collect();
    nodes.sort();
    nodes
}

#[test]
fn what_does_not_fit_is_told_and_the_rest_is_placed() {
    let world = World::new(2);
    let big = new_service("big", replicas(3), |service| reserve(service, 3_000_000_000));
    let planned = planned(&world, big);
    assert_eq!(placed_on(&planned), world.nodes());
    let errors: Vec<&str> = planned.tasks.iter().map(|task| task.error.as_str()).collect();
    let error = "no suitable node (insufficient resources on 2 nodes)";
    assert_eq!(errors, ["", "", error]);
    assert_eq!((planned.stay, planned.end), (0, 0));
    assert_eq!((planned.explanation.waiting, planned.explanation.error.as_str()), (1, error));
}

#[test]
fn an_update_may_count_on_what_it_replaces_if_that_stops_first() {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(2), |service| reserve(service, 3_000_000_000));
    world.settle();
    let update = |order| {
        let mut service = world.service(&web).clone();
        service.spec.task_template.force_update += 1;
        service.spec.update_config.get_or_insert_default().order = order;
        planned(&world, service)
    };
    let stopping = update(UpdateOrder::StopFirst);
    assert_eq!(placed_on(&stopping), world.nodes());
    assert!(stopping.tasks.iter().all(|task| task.before.is_some()), "{:?}", stopping.tasks);
    let starting = update(UpdateOrder::StartFirst);
    assert_eq!(placed_on(&starting), []);
    assert_eq!(starting.explanation.waiting, 2);
}

#[test]
fn what_need_not_change_stays() {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(3), |_| {});
    world.settle();
    let scaled = |count| {
        let mut service = world.service(&web).clone();
        service.spec.mode = replicas(count);
        let planned = planned(&world, service);
        (planned.stay, planned.tasks.len(), planned.end)
    };
    assert_eq!(scaled(5), (3, 2, 0));
    assert_eq!(scaled(1), (1, 0, 2));
    assert_eq!(scaled(3), (3, 0, 0));
}

#[test]
fn jobs_and_global_services_have_their_places() {
    let mut world = World::new(3);
    let paused = world.nodes().remove(0);
    world.edit_node(&paused, |node| node.spec.availability = Availability::Pause);
    let active: Vec<NodeId> = world.nodes().into_iter().filter(|node| *node != paused).collect();
    for mode in [ServiceMode::Global, ServiceMode::GlobalJob] {
        assert_eq!(placed_on(&planned(&world, new_service("one", mode, |_| {}))), active);
    }
    let job = ReplicatedJob { max_concurrent: 2, total_completions: 5 };
    let job = planned(&world, new_service("job", ServiceMode::ReplicatedJob(job), |_| {}));
    assert_eq!(job.tasks.len(), 2);
    let full = planned(
        &world,
        new_service("all", ServiceMode::Global, |service| {
            reserve(service, 5_000_000_000);
        }),
    );
    assert!(full.tasks.iter().all(|task| task.error == "insufficient resources on 1 node"));
}

#[test]
fn later_services_see_earlier_ones() {
    let world = World::new(1);
    let mut run = DryRun::new(world.state().clone(), Loads::new(), world.now, fixture::rng(7));
    let mut errors = Vec::new();
    for (seed, name) in [(1, "one"), (2, "two")] {
        let mut service = fixture::service(seed, name);
        reserve(&mut service, 3_000_000_000);
        let id = service.id.clone();
        let change = Transaction::new(world.now).with(Op::PutService(Box::new(service)));
        let planned = run.put(&id, change).expect("is accepted");
        errors.extend(planned.tasks.into_iter().map(|task| task.error));
    }
    assert_eq!(errors, ["", "no suitable node (insufficient resources on 1 node)"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A new service, and then more or fewer of its replicas: as many tasks on each node as planned.
    #[test]
    fn what_is_planned_happens(
        nodes in 1_u16..5, others in 0_u64..6, count in 1_u64..6, more in 0_u64..4, cpus in 0_i64..3,
        strategy in prop::sample::select(&["spread", "binpack", "random"][..]),
    ) {
        let mut world = World::new(nodes);
        world.add_service("other", replicas(others), |service| reserve(service, 1_000_000_000));
        world.settle();
        let service =
            new_service("web", replicas(count), |service| {
                reserve(service, cpus * 1_000_000_000);
                let placement = service.spec.task_template.placement.get_or_insert_default();
                placement.strategy = Some(strategy.to_owned());
            });
        let id = service.id.clone();
        for wanted in [count, count + more] {
            let mut next = world.state().services().get(&id).map_or_else(|| service.clone(), |it| it.as_ref().clone());
            next.spec.mode = replicas(wanted);
            let before: BTreeSet<TaskId> = world.tasks(&id).into_iter().map(|task| task.id).collect();
            let planned = planned(&world, next.clone());
            world.commit(vec![Op::PutService(Box::new(next))]);
            world.settle();
            let new = world.running(&id).into_iter().filter(|task| !before.contains(&task.id));
            let mut gone_to: Vec<NodeId> = new.filter_map(|task| task.node_id).collect();
            gone_to.sort();
            prop_assert_eq!(placed_on(&planned), gone_to);
            prop_assert_eq!(planned.stay, before.len());
        }
    }
}
