//! What is said of tasks that stay with their volumes.

use super::advice::every_advice_helps;
use super::*;

#[test]
fn the_node_that_has_the_volumes_is_named() {
    let waiting = || {
        let mut world = World::new(2);
        let db = world.add_service("db", replicas(1), |service| {
            placement(service).volumes = Some("stay".to_owned());
            placement(service).constraints = vec!["node.hostname==node2".to_owned()];
        });
        world.settle();
        world.edit_service(&db, |service| placement(service).constraints.clear());
        let mut nodes = world.state().nodes().values();
        let home = nodes.find(|node| name::of_node(node) == "node2").expect("is there").id.clone();
        world.edit_node(&home, |node| node.spec.availability = Availability::Drain);
        world.settle();
        (world, db)
    };
    let (world, db) = waiting();
    let explanation = explained(&world, &db);
    let of_each = texts(&explanation).into_iter().map(|(name, texts)| (name, texts.join("; ")));
    let expected = [("node1", "the volumes of the task are on node2"), ("node2", "it is drained")];
    assert_eq!(
        of_each.collect::<Vec<_>>(),
        expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
    assert_eq!(explanation.hint, "activate node2, or let tasks leave their volumes behind");
    let advice = every_advice_helps(waiting);
    assert_eq!(advice, ["activate node2", "let tasks leave their volumes behind"]);
    // Placed now, it would go where it is.
    let (mut world, db) = waiting();
    for id in world.nodes() {
        world.edit_node(&id, |node| node.spec.availability = Availability::Active);
    }
    world.settle();
    let running = world.running(&db).remove(0);
    let explanation =
        task(world.state(), loads(&world), &running, world.now).expect("the spec is known");
    assert!(explanation.nodes[0].is_here, "{}", explanation.sentence);
    assert!(explanation.sentence.contains("it would go there again: no other node fits."));
}
