//! What the simulation says, and that it says what happens.

use std::collections::BTreeMap;

use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::ServiceMode;

use super::what_if::NewNode;
use super::what_if::Outcome;
use super::*;
use crate::loops::tests::world::World;
use crate::state::fixture as objects;

const GIB: i64 = 1 << 30;

fn simulation(world: &World) -> Simulation {
    Simulation::new(world.state().clone(), Loads::new(), world.now, objects::rng(1))
}

fn lost(world: &World, node: &NodeId) -> Outcome {
    let mut simulation = simulation(world);
    simulation.lose(node).expect("is a node");
    simulation.run().expect("comes to rest");
    simulation.outcome(world.state())
}

const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

/// A service each of whose tasks takes so many of the four processors of a node.
fn with_cpus(cpus: i64) -> impl FnOnce(&mut swarmlite_proto::object::Service) {
    move |service| {
        let reservations =
            Reservations { nano_cpus: cpus * 1_000_000_000, ..Reservations::default() };
        service.spec.task_template.resources =
            Some(ResourceRequirements { reservations: Some(reservations), ..Default::default() });
    }
}

#[test]
fn a_cluster_at_rest_stays_as_it_is() {
    let mut world = World::new(3);
    world.add_service("web", replicas(5), |_| {});
    world.add_service("agent", ServiceMode::Global, |_| {});
    let job = ReplicatedJob { max_concurrent: 2, total_completions: 3 };
    world.add_service("job", ServiceMode::ReplicatedJob(job), |_| {});
    world.settle();
    let mut simulation = simulation(&world);
    simulation.run().expect("comes to rest");
    let outcome = simulation.outcome(world.state());
    assert_eq!((outcome.moves, outcome.waiting), (vec![], vec![]));
}

#[test]
fn what_was_on_a_lost_node_goes_where_the_cluster_would_put_it() {
    let mut world = World::new(3);
    let web = world.add_service("web", replicas(5), |_| {});
    let agent = world.add_service("agent", ServiceMode::Global, |_| {});
    world.settle();
    let node = world.nodes().remove(0);
    let outcome = lost(&world, &node);

    // The same, really.
    let places = |world: &World| -> BTreeMap<u64, NodeId> {
        let running = world.running(&web).into_iter();
        running.map(|task| (task.slot, task.node_id.expect("runs"))).collect()
    };
    let before = places(&world);
    world.silent.insert(node.clone());
    world.settle();
    let after = places(&world);
    let moved: BTreeMap<u64, (NodeId, NodeId)> = before
        .iter()
        .filter(|(slot, from)| after[*slot] != **from)
        .map(|(slot, from)| (*slot, (from.clone(), after[slot].clone())))
        .collect();
    assert!(!moved.is_empty());
    let told = outcome.moves.iter().filter(|it| it.service_id == web);
    let told: BTreeMap<u64, (NodeId, NodeId)> = told
        .map(|it| (it.slot, (it.from.clone().expect("ran"), it.to.clone().expect("runs"))))
        .collect();
    assert_eq!(told, moved);
    let ended = outcome.moves.iter().filter(|it| it.service_id == agent);
    assert_eq!(
        ended.map(|it| (it.from.as_ref(), it.to.as_ref())).collect::<Vec<_>>(),
        [(Some(&node), None)]
    );
    assert!(outcome.nodes.iter().all(|it| it.lost == (it.node.id == node)));
}

#[test]
fn what_does_not_fit_any_more_waits_and_says_why() {
    let mut world = World::new(2);
    world.add_service("large", replicas(2), with_cpus(3));
    world.settle();
    let node = world.nodes().remove(1);
    let outcome = lost(&world, &node);
    assert_eq!(
        outcome.moves.iter().map(|it| (&it.from, &it.to)).collect::<Vec<_>>(),
        [(&Some(node), &None)]
    );
    let [waiting] = &outcome.waiting[..] else { panic!("{:?}", outcome.waiting) };
    assert_eq!(
        waiting.error,
        "no suitable node (1 node not available for new tasks; insufficient resources on 1 node)"
    );
}

#[test]
fn what_waits_goes_to_a_node_that_is_added() {
    let mut world = World::new(1);
    let large = world.add_service("large", replicas(2), with_cpus(3));
    world.settle();
    let mut simulation = simulation(&world);
    let new = NewNode {
        hostname: "new1".to_owned(),
        nano_cpus: 4_000_000_000,
        memory: 8 * GIB,
        labels: Default::default(),
    };
    let id = simulation.add(new).expect("there is one to be like");
    simulation.run().expect("comes to rest");
    let outcome = simulation.outcome(world.state());
    let [moved] = &outcome.moves[..] else { panic!("{:?}", outcome.moves) };
    assert_eq!((&moved.service_id, &moved.from, &moved.to), (&large, &None, &Some(id)));
    simulation.rebalance().expect("comes to rest");
    assert_eq!(simulation.outcome(world.state()), outcome, "all is even already");
    assert_eq!(outcome.waiting, []);
}
