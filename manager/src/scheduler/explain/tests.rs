//! What is said about nodes, and that it is true: the best node gets the task, and whoever follows the advice has it placed.

mod advice;
mod company;
mod strategies;
mod volumes;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::PluginDescription;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::SpreadOver;
use swarmlite_proto::spec::Strategy;

use super::*;
use crate::loops::tests::world::World;

const MIB: i64 = 1 << 20;

const fn replicas(replicas: u64) -> ServiceMode {
    ServiceMode::Replicated { replicas }
}

fn placement(service: &mut Service) -> &mut Placement {
    service.spec.task_template.placement.get_or_insert_default()
}

fn reserve(service: &mut Service) -> &mut Reservations {
    let resources = service.spec.task_template.resources.get_or_insert_default();
    resources.reservations.get_or_insert_default()
}

fn publish_on_host(service: &mut Service, published_port: u16) {
    let port = PortConfig {
        target_port: 80,
        published_port,
        publish_mode: PublishMode::Host,
        ..PortConfig::default()
    };
    service.spec.endpoint_spec.get_or_insert_default().ports = vec![port];
}

fn memory(world: &mut World, node: &NodeId, bytes: i64) {
    world.edit_node(node, |node| {
        node.description.get_or_insert_default().resources.memory_bytes = bytes;
    });
}

fn label(world: &mut World, node: &NodeId, key: &str, value: &str) {
    world.edit_node(node, |node| {
        node.spec.labels.insert(key.to_owned(), value.to_owned());
    });
}

fn explained(world: &World, id: &ServiceId) -> Explanation {
    service(world.state(), loads(world), world.service(id), world.now).expect("the spec is known")
}

/// What the nodes have to do.
fn loads(world: &World) -> &Loads {
    &world.view.sessions.loads
}

/// What the nodes say, in the order of their names.
fn texts(explanation: &Explanation) -> Vec<(String, Vec<String>)> {
    let mut texts: Vec<(String, Vec<String>)> = explanation
        .nodes
        .iter()
        .map(|node| {
            let texts = node.obstacles.iter().map(|obstacle| obstacle.text.clone());
            (node.hostname.clone(), texts.collect())
        })
        .collect();
    texts.sort();
    texts
}

#[test]
fn every_rule_that_refuses_is_told_with_what_is_missing() {
    let mut world = World::new(4);
    let named = |world: &World, name: &str| {
        let nodes = world.state().nodes().values();
        let mut found = nodes.filter(|node| name::of_node(node) == name);
        found.next().expect("is there").id.clone()
    };
    let [one, two, three, four] = ["node1", "node2", "node3", "node4"].map(|it| named(&world, it));
    for node in [&one, &two, &three, &four] {
        memory(&mut world, node, 1024 * MIB);
        label(&mut world, node, "zone", "a");
    }
    let eater = world.add_service("eater", replicas(1), |service| {
        reserve(service).memory_bytes = 812 * MIB;
        placement(service).constraints = vec!["node.hostname==node1".to_owned()];
        publish_on_host(service, 8080);
    });
    world.settle();
    assert_eq!(world.running(&eater).len(), 1);
    world.edit_node(&two, |node| node.spec.availability = Availability::Drain);
    world.edit_node(&three, |node| {
        let description = node.description.get_or_insert_default();
        description.platform =
            Platform { os: "linux".to_owned(), architecture: "aarch64".to_owned() };
        description.engine.plugins =
            vec![PluginDescription { kind: "Log".to_owned(), name: "json-file".to_owned() }];
    });
    label(&mut world, &four, "zone", "b");
    let web = world.add_service("web", replicas(2), |service| {
        let needs = reserve(service);
        (needs.memory_bytes, needs.nano_cpus) = (512 * MIB, 5_000_000_000);
        placement(service).constraints =
            vec!["node.labels.zone==b".to_owned(), "node.labels.disk!=hdd".to_owned()];
        placement(service).platforms =
            vec![Platform { os: "linux".to_owned(), architecture: "amd64".to_owned() }];
        service.spec.task_template.log_driver =
            Some(Driver { name: "journald".to_owned(), ..Driver::default() });
        publish_on_host(service, 8080);
    });
    world.settle();
    let explanation = explained(&world, &web);
    let cpu = "1 CPU short: 5 needed, 4 left";
    let zone = "constraint node.labels.zone==b is not met";
    let nowhere = "the image is made for certain platforms, and its own is not known";
    let memory = "300 MiB of memory short: 512 MiB needed, 212 MiB left";
    let expected = [
        ("node1", vec![cpu, memory, zone, nowhere, "port 8080 is taken by eater.1"]),
        ("node2", vec!["it is drained", cpu, zone, nowhere]),
        (
            "node3",
            vec![
                cpu,
                "plugin journald is not installed",
                zone,
                "the image is not made for linux/aarch64",
            ],
        ),
        ("node4", vec![cpu, nowhere]),
    ];
    let expected = expected.map(|(name, texts)| {
        (name.to_owned(), texts.into_iter().map(str::to_owned).collect::<Vec<_>>())
    });
    assert_eq!(texts(&explanation), expected);
    assert_eq!(explanation.nodes[0].hostname, "node4", "the one that lacks least comes first");
    let missing = Missing { of: "memory".to_owned(), needed: 512 * MIB, left: 212 * MIB };
    let eaten = explanation.nodes.iter().find(|node| node.hostname == "node1").expect("is there");
    assert_eq!(eaten.obstacles[1].missing, Some(missing));
}

#[test]
fn the_sentence_has_dockers_words() {
    let mut world = World::new(3);
    let nodes = world.nodes();
    world.edit_node(&nodes[2], |node| node.spec.availability = Availability::Pause);
    let web = world.add_service("web", replicas(2), |service| {
        placement(service).constraints = vec!["node.labels.disk==ssd".to_owned()];
    });
    world.settle();
    let explanation = explained(&world, &web);
    let error = "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks)";
    assert_eq!(explanation.error, error);
    assert_eq!(explanation.sentence, format!("2 of 2 tasks of web wait for a node: {error}."));
    for waiting in world.tasks(&web) {
        assert_eq!(waiting.status.err, error);
        let of_task =
            task(world.state(), loads(&world), &waiting, world.now).expect("the spec is known");
        assert_eq!(of_task.error, error);
        assert_eq!(of_task.sentence, format!("web.{} waits for a node: {error}.", waiting.slot));
    }
}

#[test]
fn a_task_that_is_placed_is_compared_as_if_it_were_not() {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(2), |_| {});
    world.settle();
    let first = world.running(&web).remove(0);
    let here = world.state().nodes()[first.node_id.as_ref().expect("runs")].clone();
    let explanation =
        task(world.state(), loads(&world), &first, world.now).expect("the spec is known");
    let verdict = &explanation.nodes[0];
    assert_eq!((&verdict.node_id, verdict.is_here, verdict.rank), (&here.id, true, Some(1)));
    assert_eq!((verdict.tasks_of_service, verdict.tasks), (0, 0));
    let other = &explanation.nodes[1];
    assert_eq!((other.is_here, other.rank, other.tasks_of_service), (false, Some(2), 1));
    let host = name::of_node(&here);
    assert_eq!(
        explanation.sentence,
        format!(
            "web.1 is on {host}. Placed now, it would go there again: it has 0 tasks of the service, and {} has 1. {}",
            other.hostname,
            words::NOT_KEPT
        )
    );
    world.edit_node(&here.id, |node| node.spec.availability = Availability::Pause);
    let explanation =
        task(world.state(), loads(&world), &first, world.now).expect("the spec is known");
    assert_eq!(
        explanation.sentence,
        format!(
            "web.1 is on {host}. Placed now, it would not go there: it is paused. {}",
            words::NOT_KEPT
        )
    );
    assert!(explanation.advice.is_empty(), "it runs");
}

#[test]
fn a_task_of_a_global_service_has_one_node() {
    let mut world = World::new(3);
    let nodes = world.nodes();
    for (node, size) in nodes.iter().zip([64, 64, 512]) {
        memory(&mut world, node, size * MIB);
    }
    let agent = world.add_service("agent", ServiceMode::Global, |service| {
        reserve(service).memory_bytes = 128 * MIB;
    });
    world.settle();
    let explanation = explained(&world, &agent);
    assert_eq!(explanation.waiting, 2);
    assert_eq!(explanation.error, "insufficient resources on 2 nodes");
    assert!(explanation.nodes[0].obstacles.is_empty(), "it has its task and would take it again");
    assert!(explanation.nodes.iter().all(|node| node.rank.is_none()), "they are not compared");
    let hints: Vec<&str> = explanation.hint.split("; ").collect();
    assert_eq!(hints.len(), 2, "each node needs its own: {hints:?}");
    for waiting in world.tasks(&agent).iter().filter(|it| it.status.state == TaskState::Pending) {
        let of_task =
            task(world.state(), loads(&world), waiting, world.now).expect("the spec is known");
        let nodes: Vec<&NodeId> = of_task.nodes.iter().map(|node| &node.node_id).collect();
        assert_eq!(nodes, [waiting.node_id.as_ref().expect("has one")]);
        assert_eq!(of_task.error, waiting.status.err);
    }
}

#[test]
fn what_does_not_wait_for_a_node_says_so() {
    let mut world = World::new(1);
    let web = world.add_service("web", replicas(1), |_| {});
    let step = crate::loops::LOOPS.iter().find(|step| step.name == "replicated");
    world.pass(step.expect("there is such a loop"));
    let new = world.tasks(&web).remove(0);
    let sentence = |world: &World, one: &Task| {
        task(world.state(), loads(world), one, world.now).expect("the spec is known").sentence
    };
    assert_eq!(
        sentence(&world, &new),
        "web.1 waits for its addresses; a node is looked for when it has them."
    );
    world.settle();
    let running = world.running(&web).remove(0);
    world.report(&running, TaskState::Failed);
    let failed = world.tasks(&web).remove(0);
    assert_eq!(sentence(&world, &failed), "web.1 has ended (failed) and needs no node any more.");
    assert!(explained(&world, &web).sentence.starts_with("No task of web waits for a node"));
}

/// What a generated cluster is made of: nodes by zone, availability and memory, services before, and the service in question.
#[derive(Clone, Debug)]
struct Case {
    nodes: Vec<(usize, bool, i64)>,
    others: Vec<(u64, i64)>,
    replicas: u64,
    memory: i64,
    preference: bool,
    constraint: Option<usize>,
    strategy: Strategy,
    score: Option<&'static str>,
    filter: Option<&'static str>,
}

/// Of which the last cannot be told on nodes without tasks.
const SCORES: [&str; 3] =
    ["node.free.memory", "node.labels.zone == 'b' ? 1 : 0", "int(node.memory) / int(node.tasks)"];

const FILTERS: [&str; 2] = ["node.labels.zone != 'b'", "node.tasks < 2"];

const ZONES: [&str; 3] = ["a", "b", "c"];

fn case() -> impl Generator<Value = Case> {
    let node = (0..ZONES.len(), prop::bool::weighted(0.8), 1_i64..8);
    let others = prop::collection::vec((1_u64..4, 0_i64..3), 0..3);
    let strategy = prop::sample::select(&Strategy::ALL[..]);
    let own = (
        prop::option::weighted(0.4, prop::sample::select(&SCORES[..])),
        prop::option::weighted(0.3, prop::sample::select(&FILTERS[..])),
    );
    let rest = (0_u64..4, 0_i64..4, any::<bool>(), prop::option::of(0..ZONES.len()), strategy, own);
    (prop::collection::vec(node, 1..5), others, rest).prop_map(|(nodes, others, rest)| {
        let (replicas, memory, preference, constraint, strategy, (score, filter)) = rest;
        Case { nodes, others, replicas, memory, preference, constraint, strategy, score, filter }
    })
}

/// The cluster of a case, at rest, and the service in question.
fn build(case: &Case) -> (World, ServiceId) {
    let mut world = World::new(u16::try_from(case.nodes.len()).expect("few"));
    for (id, (zone, is_active, size)) in world.nodes().iter().zip(&case.nodes) {
        label(&mut world, id, "zone", ZONES[*zone]);
        memory(&mut world, id, size * MIB);
        if !is_active {
            world.edit_node(id, |node| node.spec.availability = Availability::Pause);
        }
    }
    for (at, (count, size)) in case.others.iter().enumerate() {
        world.add_service(&format!("other{at}"), replicas(*count), |service| {
            reserve(service).memory_bytes = size * MIB;
        });
    }
    let web = world.add_service("web", replicas(case.replicas), |service| {
        reserve(service).memory_bytes = case.memory * MIB;
        let placement = placement(service);
        placement.strategy = Some(case.strategy.to_string());
        placement.score = case.score.map(str::to_owned);
        placement.filter = case.filter.map(str::to_owned);
        placement.constraints = case
            .constraint
            .iter()
            .map(|zone| format!("node.labels.zone=={}", ZONES[*zone]))
            .collect();
        if case.preference {
            let spread = Some(SpreadOver { spread_descriptor: "node.labels.zone".to_owned() });
            placement.preferences = vec![PlacementPreference { spread }];
        }
    });
    world.settle();
    (world, web)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is said to be the best is where the scheduler puts the next task, and it puts it nowhere if none is said to fit.
    #[test]
    fn the_next_task_goes_to_the_best(case in case()) {
        let (mut world, web) = build(&case);
        let explanation = explained(&world, &web);
        let best = explanation.nodes.first().filter(|node| node.rank == Some(1));
        let best = best.map(|node| node.node_id.clone());
        prop_assert!(explanation.waiting == 0 || best.is_none(), "it waits and would fit");
        let before: BTreeSet<TaskId> = world.running(&web).into_iter().map(|task| task.id).collect();
        world.edit_service(&web, |service| service.spec.mode = replicas(case.replicas + 1));
        world.settle();
        let running = world.running(&web).into_iter();
        let new: Vec<_> = running.filter(|task| !before.contains(&task.id)).collect();
        let gone_to: Vec<_> = new.into_iter().map(|task| task.node_id).collect();
        prop_assert_eq!(gone_to, best.into_iter().map(Some).collect::<Vec<_>>());
    }
}
