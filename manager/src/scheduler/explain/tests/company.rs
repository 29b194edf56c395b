//! What is said of rules about the tasks of services.

use super::advice::every_advice_helps;
use super::*;

fn asks(near: &[&str], apart: &[&str]) -> impl FnOnce(&mut Service) {
    let list = |rules: &[&str]| Some(rules.iter().map(|&rule| rule.to_owned()).collect());
    let (near, apart) = (list(near), list(apart));
    move |service| {
        (placement(service).affinity, placement(service).anti_affinity) = (near, apart);
    }
}

/// Three nodes, the first two in zones, and `db` on the first.
fn with_db(edit: impl FnOnce(&mut Service)) -> World {
    let mut world = World::new(3);
    let mut nodes: Vec<_> = world.state().nodes().values().cloned().collect();
    nodes.sort_by_key(|node| name::of_node(node));
    for (node, zone) in nodes.iter().zip(["a", "b"]) {
        label(&mut world, &node.id, "zone", zone);
    }
    world.add_service("db", replicas(1), |service| {
        placement(service).constraints = vec!["node.hostname==node1".to_owned()];
        edit(service);
    });
    world.settle();
    world
}

fn of_each(explanation: &Explanation) -> Vec<(String, String)> {
    let texts = texts(explanation).into_iter();
    texts.map(|(name, texts)| (name, texts.join("; "))).collect()
}

fn expected(texts: [&str; 3]) -> Vec<(String, String)> {
    let names = ["node1", "node2", "node3"].map(str::to_owned);
    names.into_iter().zip(texts.map(str::to_owned)).collect()
}

#[test]
fn who_is_missing_is_said_and_who_is_in_the_way() {
    let no_more = "constraint node.hostname!=node1 is not met";
    let lonely = || {
        let mut world = with_db(|_| {});
        let web = world.add_service("web", replicas(1), |service| {
            asks(&["service==db", "service==db over node.labels.zone"], &[])(service);
            placement(service).constraints = vec!["node.hostname!=node1".to_owned()];
        });
        world.settle();
        (world, web)
    };
    let (world, web) = lonely();
    let explanation = explained(&world, &web);
    let (here, zone) = (
        "affinity service==db is not met: no such task is here",
        "affinity service==db over node.labels.zone is not met:",
    );
    assert_eq!(
        of_each(&explanation),
        expected([
            no_more,
            &format!("{here}; {zone} no such task is where node.labels.zone is \"b\""),
            &format!("{here}; {zone} the node has no label zone"),
        ])
    );
    let error = "no suitable node (affinity not satisfied on 2 nodes; scheduling constraints not satisfied on 1 node)";
    assert_eq!(explanation.error, error);
    let advice = every_advice_helps(lonely);
    assert_eq!(
        advice,
        [
            "drop constraint node.hostname!=node1",
            "drop affinity service==db and drop affinity service==db over node.labels.zone",
        ]
    );
    let disturbed = || {
        let away = asks(&[], &["service==web over node.hostname"]);
        let mut world = with_db(away);
        let web = world.add_service("web", replicas(1), |service| {
            asks(&[], &["service==db over node.labels.zone"])(service);
            placement(service).constraints = vec!["node.hostname==node1".to_owned()];
        });
        world.settle();
        (world, web)
    };
    let (world, web) = disturbed();
    let others = "constraint node.hostname==node1 is not met";
    let at_db = "anti-affinity service==db over node.labels.zone is not met: db.1 is where node.labels.zone is \"a\"; \
        anti-affinity service==web over node.hostname of db is not met: db.1 is where node.hostname is \"node1\"";
    assert_eq!(of_each(&explained(&world, &web)), expected([at_db, others, others]));
    assert_eq!(
        every_advice_helps(disturbed),
        [
            "drop constraint node.hostname==node1",
            "drop anti-affinity service==db over node.labels.zone and drop anti-affinity service==web over node.hostname of db",
        ]
    );
}

#[test]
fn soft_rules_are_told_and_decide() {
    let mut world = with_db(|_| {});
    let web = world.add_service("web", replicas(0), |service| {
        let near = ["soft:service==db over node.labels.zone", "soft:service==nobody"];
        asks(&near, &["soft:service==db"])(service);
    });
    let explanation = explained(&world, &web);
    let of_db = explanation.nodes.iter().find(|node| node.hostname == "node1").expect("is there");
    assert_eq!(
        of_db.merits,
        [
            "meets affinity soft:service==db over node.labels.zone",
            "does not meet affinity soft:service==nobody",
            "does not meet anti-affinity soft:service==db",
        ]
    );
    // It is as good as the others: each meets one of the three. With another node in its zone, that is better than all of them.
    let third = world.state().nodes().values().find(|node| name::of_node(node) == "node3");
    let third = third.expect("is there").id.clone();
    label(&mut world, &third, "zone", "a");
    let explanation = explained(&world, &web);
    assert_eq!((&*explanation.nodes[0].hostname, explanation.nodes[0].rank), ("node3", Some(1)));
    let next = &explanation.nodes[1].hostname;
    assert_eq!(
        explanation.sentence,
        format!(
            "No task of web waits for a node. One more would go to node3: it meets 2 of 3 soft rules, and {next} 1."
        )
    );
}
