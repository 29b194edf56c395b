//! Tasks that have to be together, and tasks that must not be.

use super::*;

/// The nodes that tasks of the service run on, in the order of their ids.
fn on(world: &World, service: &ServiceId) -> Vec<NodeId> {
    let running = world.running(service).into_iter();
    let nodes: BTreeSet<NodeId> = running.filter_map(|task| task.node_id).collect();
    nodes.into_iter().collect()
}

fn near(rules: &[&str]) -> impl FnOnce(&mut Service) {
    let rules = Some(rules.iter().map(|&rule| rule.to_owned()).collect());
    placed(|placement| placement.affinity = rules)
}

fn apart(rules: &[&str]) -> impl FnOnce(&mut Service) {
    let rules = Some(rules.iter().map(|&rule| rule.to_owned()).collect());
    placed(|placement| placement.anti_affinity = rules)
}

/// Puts the nodes into zones, in the order of their ids.
fn zones(world: &mut World, zones: &[&str]) {
    for (node, zone) in world.nodes().iter().zip(zones) {
        world.edit_node(node, |node| {
            node.spec.labels.insert("zone".to_owned(), (*zone).to_owned());
        });
    }
}

const LONELY: &str = "no suitable node (affinity not satisfied on 3 nodes)";

#[test]
fn tasks_go_where_those_are_that_they_want_to_be_near() {
    let mut world = World::new(3);
    let web = world.add_service("web", replicas(4), near(&["service==db"]));
    world.settle();
    assert_eq!(waiting_for(&world, &web), only(LONELY));
    let db = world.add_service("db", replicas(1), |_| {});
    world.settle();
    assert_eq!((world.running(&web).len(), on(&world, &web)), (4, on(&world, &db)));
    // By id as well, and whatever the case of the name.
    for reference in [db.to_string(), "DB".to_owned()] {
        let other = world.add_service(
            &format!("to-{reference}"),
            replicas(2),
            near(&[&format!("service=={reference}")]),
        );
        world.settle();
        assert_eq!(on(&world, &other), on(&world, &db));
    }
    // What runs stays when what it was placed near has gone.
    let before = on(&world, &web);
    world.remove_service(&db);
    world.settle();
    assert_eq!((world.running(&web).len(), on(&world, &web)), (4, before));
}

#[test]
fn whoever_keeps_away_is_kept_away() {
    let mut world = World::new(3);
    let db = world.add_service("db", replicas(1), apart(&["service==web"]));
    world.settle();
    let web = world.add_service("web", replicas(4), |_| {});
    world.settle();
    let of_db = on(&world, &db).remove(0);
    assert_eq!((world.running(&web).len(), on(&world, &web).len()), (4, 2));
    assert!(!on(&world, &web).contains(&of_db), "the later one keeps to it");
    let more = world.add_service("more", replicas(4), apart(&["service.labels.tier==front"]));
    world.settle();
    assert_eq!(on(&world, &more).len(), 3, "no service has the label");
    let front = world.add_service("front", replicas(1), |service| {
        service.spec.labels.insert("tier".to_owned(), "front".to_owned());
    });
    world.settle();
    let everywhere = "no suitable node (anti-affinity not satisfied on 3 nodes)";
    assert_eq!(waiting_for(&world, &front), only(everywhere));
    // A rule that is taken back stands in nobody's way any more, also while tasks run that were made with it.
    world.edit_service(&more, |service| {
        service.spec.task_template.placement = None;
    });
    world.settle();
    assert_eq!(world.running(&front).len(), 1);
    // Tasks that are where they must not be by a later rule stay there.
    let before = on(&world, &web);
    world.edit_service(&web, apart(&["service==more"]));
    world.settle();
    assert_eq!((world.running(&web).len(), on(&world, &web)), (4, before));
}

#[test]
fn a_service_can_keep_away_from_itself() {
    let mut world = World::new(4);
    zones(&mut world, &["a", "a", "b"]);
    let rules = ["service==web over node.labels.zone"];
    let web = world.add_service("web", replicas(4), apart(&rules));
    world.settle();
    // One in each zone, and any number where there is none.
    let nodes = world.nodes();
    let zoned = on(&world, &web).iter().filter(|node| **node != nodes[3]).count();
    assert_eq!((world.running(&web).len(), zoned), (4, 2));
    let single = world.add_service("single", replicas(5), apart(&["service==single"]));
    world.settle();
    assert_eq!(counts(&world, &single), [1, 1, 1, 1]);
    let reason = "no suitable node (anti-affinity not satisfied on 4 nodes)";
    assert_eq!(waiting_for(&world, &single), only(reason));
    // A replacement is no company for what it replaces.
    world.edit_service(&single, |service| {
        service.spec.mode = replicas(4);
        service.spec.task_template.force_update += 1;
    });
    world.settle();
    assert_eq!(counts(&world, &single), [1, 1, 1, 1]);
    let version = world.service(&single).spec_version;
    assert!(world.running(&single).iter().all(|task| task.spec_version == version));
}

#[test]
fn a_service_can_keep_to_itself() {
    let mut world = World::new(4);
    zones(&mut world, &["a", "b", "a", "b"]);
    for (rule, nodes) in [
        ("service==one", 1),
        ("service==two over node.labels.zone", 2),
        ("service==3 over node.id", 1),
    ] {
        let name = &rule["service==".len()..].split(' ').next().expect("a name");
        let id = world.add_service(name, replicas(6), near(&[rule]));
        world.settle();
        assert_eq!((world.running(&id).len(), on(&world, &id).len()), (6, nodes), "{rule}");
        // All are replaced, one after the other.
        world.edit_service(&id, |service| service.spec.task_template.force_update += 1);
        world.settle();
        assert_eq!((world.running(&id).len(), on(&world, &id).len()), (6, nodes), "{rule}");
    }
}

#[test]
fn labels_of_services_and_parts_of_the_cluster_count() {
    let mut world = World::new(3);
    zones(&mut world, &["a", "b", "b"]);
    let nodes = world.nodes();
    let at = |node: &NodeId| {
        let constraint = format!("node.id=={node}");
        move |service: &mut Service| {
            service.spec.labels.insert("tier".to_owned(), "back".to_owned());
            placed(|placement| placement.constraints = vec![constraint])(service);
        }
    };
    world.add_service("db", replicas(1), at(&nodes[2]));
    world.settle();
    let rule = "service.labels.tier==back over node.labels.zone";
    let web = world.add_service("web", replicas(4), near(&[rule]));
    let far = world.add_service("far", replicas(4), apart(&[rule]));
    world.settle();
    assert_eq!((on(&world, &web), on(&world, &far)), (nodes[1..].to_vec(), nodes[..1].to_vec()));
    let by_name =
        world.add_service("named", replicas(3), near(&["service==db over node.hostname"]));
    world.settle();
    assert_eq!(on(&world, &by_name), nodes[2..]);
}

#[test]
fn a_soft_rule_decides_before_the_strategy_and_forbids_nothing() {
    for strategy in ["spread", "binpack", "random"] {
        let mut world = World::new(3);
        let nodes = world.nodes();
        let at = placed(|placement| placement.constraints = vec![format!("node.id=={}", nodes[1])]);
        let db = world.add_service("db", replicas(1), at);
        world.settle();
        let asks = |near: &str, apart: &str| {
            let some = |rule: &str| Some(vec![rule.to_owned()]).filter(|_| !rule.is_empty());
            let (affinity, anti_affinity) = (some(near), some(apart));
            placed(|placement| {
                placement.strategy = Some(strategy.to_owned());
                (placement.affinity, placement.anti_affinity) = (affinity, anti_affinity);
            })
        };
        let web = world.add_service("web", replicas(4), asks("soft:service==db", ""));
        world.settle();
        assert_eq!(on(&world, &web), on(&world, &db), "{strategy}");
        let far = world.add_service("far", replicas(7), asks("", "soft:service==db"));
        world.settle();
        assert!(!on(&world, &far).contains(&nodes[1]), "{strategy}");
        for node in [&nodes[0], &nodes[2]] {
            world.edit_node(node, |node| node.spec.availability = Availability::Drain);
        }
        world.settle();
        assert_eq!((world.running(&far).len(), on(&world, &far)), (7, nodes[1..2].to_vec()));
        let alone = world.add_service("alone", replicas(2), asks("soft:service==nobody", ""));
        world.settle();
        assert_eq!(world.running(&alone).len(), 2, "{strategy}");
    }
}

#[test]
fn a_soft_rule_of_a_service_about_itself_is_followed_task_by_task() {
    for strategy in ["spread", "binpack", "random"] {
        let mut world = World::new(4);
        zones(&mut world, &["a", "a", "b", "b"]);
        let asks = |rule: &str| {
            let rules = Some(vec![rule.to_owned()]);
            placed(|placement| {
                placement.strategy = Some(strategy.to_owned());
                placement.anti_affinity = rules;
            })
        };
        let pair = world.add_service(
            "pair",
            replicas(2),
            asks("soft:service==pair over node.labels.zone"),
        );
        let four = world.add_service("four", replicas(4), asks("soft:service==four"));
        world.settle();
        let nodes = world.nodes();
        let in_zones = on(&world, &pair);
        assert!(
            nodes[..2].contains(&in_zones[0]) && nodes[2..].contains(&in_zones[1]),
            "{strategy}"
        );
        assert_eq!(counts(&world, &four), [1, 1, 1, 1], "{strategy}");
    }
}

#[test]
fn a_global_service_is_on_the_nodes_that_rules_allow() {
    let mut world = World::new(3);
    let nodes = world.nodes();
    let at = placed(|placement| placement.constraints = vec![format!("node.id=={}", nodes[1])]);
    world.add_service("db", replicas(1), at);
    world.settle();
    let agent = world.add_service("agent", ServiceMode::Global, apart(&["service==db"]));
    world.settle();
    assert_eq!(on(&world, &agent), [nodes[0].clone(), nodes[2].clone()]);
    assert_eq!(waiting_for(&world, &agent), only("anti-affinity not satisfied on 1 node"));
}

#[test]
fn a_rule_that_cannot_be_read_is_met_nowhere() {
    let mut world = World::new(3);
    let web = world.add_service("web", replicas(1), near(&["service==db within node.rack"]));
    world.settle();
    assert_eq!(waiting_for(&world, &web), only(LONELY));
}
