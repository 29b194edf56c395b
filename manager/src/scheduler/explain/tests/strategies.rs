//! What is said of nodes that fit, by what the strategy looks at.

use swarmlite_proto::load::NodeLoad;

use super::*;

/// What is for each node and against it, in the order of their ranks.
fn merits(explanation: &Explanation) -> Vec<(Option<usize>, &str)> {
    let nodes = explanation.nodes.iter();
    nodes.map(|node| (node.rank, node.merits.first().map_or("", String::as_str))).collect()
}

fn by(strategy: Strategy, service: &mut Service) {
    placement(service).strategy = Some(strategy.to_string());
}

#[test]
fn binpack_says_how_full_the_nodes_are_and_would_be() {
    let mut world = World::new(2);
    let nodes = world.nodes();
    for node in &nodes {
        memory(&mut world, node, 1000 * MIB);
    }
    let web = world.add_service("web", replicas(1), |service| {
        by(Strategy::Binpack, service);
        let needs = reserve(service);
        (needs.nano_cpus, needs.memory_bytes) = (1_000_000_000, 250 * MIB);
    });
    world.settle();
    let explanation = explained(&world, &web);
    assert_eq!(
        merits(&explanation),
        [
            (Some(1), "50 % of processors and 50 % of memory reserved with it, 25 % and 25 % now"),
            (Some(2), "25 % of processors and 25 % of memory reserved with it, 0 % and 0 % now"),
        ]
    );
    let [full, empty] = &explanation.nodes[..] else { panic!("two nodes") };
    let sentence = format!(
        "No task of web waits for a node. One more would go to {}: with it, its reserved shares of processor and memory add up to 100 %, and those of {} to 50 %.",
        full.hostname, empty.hostname
    );
    assert_eq!(explanation.sentence, sentence);
}

#[test]
fn random_says_which_nodes_the_lot_fell_on_and_which_were_in_the_draw() {
    let mut world = World::new(4);
    let nodes = world.nodes();
    for (node, zone) in nodes.iter().zip(["a", "a", "a", "b"]) {
        label(&mut world, node, "zone", zone);
    }
    let web = world.add_service("web", replicas(0), |service| by(Strategy::Random, service));
    let explanation = explained(&world, &web);
    let (none, drawn, others) = (None, "drawn by lot", "in the draw");
    assert_eq!(
        merits(&explanation),
        [(Some(1), drawn), (none, others), (none, others), (none, others)]
    );
    let sentence = format!(
        "No task of web waits for a node. One more would go to {}: the service and the number of the task draw it among those that fit.",
        explanation.nodes[0].hostname
    );
    assert_eq!(explanation.sentence, sentence);
    world.edit_service(&web, |service| {
        let spread = Some(SpreadOver { spread_descriptor: "node.labels.zone".to_owned() });
        placement(service).preferences = vec![PlacementPreference { spread }];
    });
    let explanation = explained(&world, &web);
    let apart = explanation.nodes.last().expect("four nodes");
    assert_eq!(apart.branches[0].value, "b");
    assert_eq!(
        merits(&explanation),
        [(Some(1), drawn), (none, others), (none, others), (none, "not in the draw")]
    );
}

#[test]
fn a_score_of_the_service_is_told_for_each_node() {
    let mut world = World::new(2);
    let nodes = world.nodes();
    label(&mut world, &nodes[0], "zone", "b");
    let score = Some("node.labels.zone == 'b' ? 2.5 : 1".to_owned());
    let web = world.add_service("web", replicas(0), |service| placement(service).score = score);
    let explanation = explained(&world, &web);
    let unknown = "its score cannot be told: there is no label \"zone\"";
    assert_eq!(merits(&explanation), [(Some(1), "score 2.5"), (Some(2), unknown)]);
}

#[test]
fn spread_looks_at_numbers_of_tasks_alone() {
    let mut world = World::new(2);
    let web = world.add_service("web", replicas(1), |_| {});
    world.settle();
    assert_eq!(merits(&explained(&world, &web)), [(Some(1), ""), (Some(2), "")]);
}

#[test]
fn usage_says_how_much_of_the_nodes_is_in_use_and_would_be() {
    let mut world = World::new(2);
    let nodes = world.nodes();
    for node in &nodes {
        memory(&mut world, node, 1000 * MIB);
    }
    let load = NodeLoad { nano_cpus: 2_000_000_000, memory_bytes: 400 * MIB, milli_tasks: 0 };
    world.view.sessions.loads.insert(nodes[0].clone(), load);
    let web = world.add_service("web", replicas(0), |service| {
        by(Strategy::Usage, service);
        reserve(service).nano_cpus = 1_000_000_000;
    });
    let explanation = explained(&world, &web);
    let [idle, busy] = &explanation.nodes[..] else { panic!("two nodes") };
    assert_eq!(
        merits(&explanation),
        [
            (
                Some(1),
                "25 % of processors and 20 % of memory in use with it, 0 % and 0 % now, guessed from its tasks, as it has not reported its load"
            ),
            (Some(2), "75 % of processors and 60 % of memory in use with it, 50 % and 40 % now"),
        ]
    );
    let sentence = format!(
        "No task of web waits for a node. One more would go to {}: with it, the shares of its processors and memory that are in use add up to 45 %, and those of {} to 135 %.",
        idle.hostname, busy.hostname
    );
    assert_eq!(explanation.sentence, sentence);
}
