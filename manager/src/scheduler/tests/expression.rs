//! Where tasks go by a filter and a score of their service's own.

use swarmlite_proto::object::Cluster;

use super::*;
use crate::load::Loads;
use crate::scheduler::explain;

/// A world of three nodes in the zones a, b and none, in the order of their ids.
fn zones() -> World {
    let mut world = World::new(3);
    for (node, zone) in world.nodes().into_iter().zip(["a", "b"]) {
        world.edit_node(&node, |node| {
            node.spec.labels.insert("zone".to_owned(), zone.to_owned());
        });
    }
    world
}

fn filtered(filter: &str) -> impl FnOnce(&mut Service) + use<> {
    let filter = Some(filter.to_owned());
    placed(|placement| placement.filter = filter)
}

fn scored(score: &str) -> impl FnOnce(&mut Service) + use<> {
    let score = Some(score.to_owned());
    placed(|placement| placement.score = score)
}

#[test]
fn a_filter_keeps_tasks_away() {
    let mut world = zones();
    let web = world.add_service("web", replicas(4), filtered("node.labels.?zone"));
    let text = "has(node.labels.zone) && node.labels.zone != 'a'";
    let web_in_b = world.add_service("b", replicas(4), filtered(text));
    let few = world.add_service("few", replicas(4), filtered("node.tasks_of_service < 1"));
    world.settle();
    let expected = "no suitable node (placement filter not satisfied on 3 nodes)";
    assert_eq!(waiting_for(&world, &web), only(expected), "one that cannot be read keeps all away");
    assert_eq!(counts(&world, &web_in_b), [0, 4, 0]);
    assert_eq!(counts(&world, &few), [1, 1, 1], "it counts what this pass has placed");
    assert_eq!(waiting_for(&world, &few), only(expected));
}

#[test]
fn a_filter_is_asked_after_dockers_own() {
    let mut world = zones();
    let nodes = world.nodes();
    world.edit_node(&nodes[0], |node| node.spec.availability = Availability::Pause);
    let web = world.add_service("web", replicas(1), filtered("node.cpus > 1000"));
    world.settle();
    let expected = "no suitable node (placement filter not satisfied on 2 nodes; 1 node not available for new tasks)";
    assert_eq!(waiting_for(&world, &web), only(expected));
}

#[test]
fn a_filter_says_why_node_by_node() {
    let mut world = zones();
    let web = world.add_service("web", replicas(1), filtered("node.labels.zone == 'c'"));
    world.settle();
    let service = world.service(&web);
    let explanation =
        explain::service(world.state(), &Loads::new(), service, world.now).expect("is known");
    let said = world.nodes().into_iter().map(|node| {
        let verdict = explanation.nodes.iter().find(|verdict| verdict.node_id == node);
        let [only] = &verdict.expect("is there").obstacles[..] else { panic!("one") };
        (only.check.name(), only.text.clone())
    });
    let does_not_hold = "the placement filter does not hold: node.labels.zone is ";
    let expected = [
        ("filter", format!("{does_not_hold}\"a\"")),
        ("filter", format!("{does_not_hold}\"b\"")),
        ("filter", "the placement filter cannot be told: there is no label \"zone\"".to_owned()),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    assert_eq!(explanation.hint, "drop the placement filter");
}

#[test]
fn a_global_service_waits_where_its_filter_does_not_hold() {
    let mut world = zones();
    let agent = world.add_service("agent", ServiceMode::Global, filtered("has(node.labels.zone)"));
    world.settle();
    assert_eq!(counts(&world, &agent), [1, 1, 0]);
    assert_eq!(waiting_for(&world, &agent), only("placement filter not satisfied on 1 node"));
}

#[test]
fn a_score_says_which_node_is_best() {
    let mut world = zones();
    let text = "node.labels.zone == 'b' ? 2 : 1";
    let web = world.add_service("web", replicas(3), scored(text));
    world.settle();
    assert_eq!(counts(&world, &web), [0, 3, 0]);
    let nodes = world.nodes();
    world.edit_node(&nodes[1], |node| node.spec.availability = Availability::Pause);
    world.edit_service(&web, |service| service.spec.mode = replicas(4));
    world.settle();
    assert_eq!(counts(&world, &web), [1, 3, 0], "where it cannot be told comes last");
}

#[test]
fn a_score_sees_what_was_placed_and_leaves_the_rest_to_spread() {
    let mut world = zones();
    // Two on each, then the next two.
    let text = "-1 * int(node.tasks_of_service / 2)";
    let pairs = world.add_service("pairs", replicas(4), scored(text));
    world.settle();
    let mut counted = counts(&world, &pairs);
    counted.sort_unstable();
    assert_eq!(counted, [1, 1, 2]);
    let even = world.add_service("even", replicas(6), scored("1"));
    world.settle();
    assert_eq!(counts(&world, &even), [2, 2, 2]);
}

#[test]
fn a_score_does_not_care_for_the_strategy_of_the_cluster() {
    let mut placements = Vec::new();
    for strategy in [None, Some("random"), Some("binpack")] {
        let mut world = zones();
        let mut cluster = Cluster::clone(world.state().cluster().expect("is there"));
        cluster.spec.orchestration.placement_strategy = strategy.map(str::to_owned);
        world.commit(vec![Op::PutCluster(Box::new(cluster))]);
        let text = "has(node.labels.zone) ? node.free.cpus : -1";
        let web = world.add_service("web", replicas(5), scored(text));
        world.settle();
        placements.push(counts(&world, &web));
    }
    assert_eq!(placements, vec![placements[0].clone(); 3], "the same each time");
    assert_eq!(placements[0][2], 0);
}

#[test]
fn a_score_chooses_within_the_part_that_a_preference_leads_to() {
    let mut world = zones();
    let nodes = world.nodes();
    world.edit_node(&nodes[2], |node| {
        node.spec.labels.insert("zone".to_owned(), "a".to_owned());
    });
    let best = nodes[2].clone();
    let web = world.add_service("web", replicas(4), move |service| {
        let placement = service.spec.task_template.placement.get_or_insert_default();
        let spread = Some(SpreadOver { spread_descriptor: "node.labels.zone".to_owned() });
        placement.preferences = vec![PlacementPreference { spread }];
        placement.score = Some(format!("node.id == '{best}' ? 1 : 0"));
    });
    world.settle();
    assert_eq!(counts(&world, &web), [0, 2, 2]);
}

#[test]
fn a_score_is_what_a_choice_is_explained_with() {
    let mut world = zones();
    let web = world.add_service("web", replicas(1), scored("node.labels.zone == 'b' ? 2.5 : 1"));
    world.settle();
    let explained = |world: &World| {
        let service = world.service(&web);
        explain::service(world.state(), &Loads::new(), service, world.now)
            .expect("is known")
            .sentence
    };
    let sentence = explained(&world);
    assert!(sentence.contains(": its score is 2.5, and that of "), "{sentence}");
    assert!(sentence.ends_with(" is 1."), "{sentence}");
    let nodes = world.nodes();
    world.edit_node(&nodes[0], |node| node.spec.availability = Availability::Pause);
    let sentence = explained(&world);
    assert!(sentence.ends_with(" cannot be told: there is no label \"zone\"."), "{sentence}");
}
