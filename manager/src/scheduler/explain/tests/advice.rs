//! That whoever follows the advice has the task placed.

use swarmlite_proto::value::generic_resource;

use super::*;

/// Does what the advice says, as an operator would.
fn follow(world: &mut World, web: &ServiceId, change: &Change) {
    let named = |world: &World, name: &str| {
        let nodes = world.state().nodes().values();
        let found = nodes.filter(|node| name::of_node(node) == name);
        found.map(|node| node.id.clone()).next().expect("is there")
    };
    match change {
        Change::Activate { node } => {
            let id = named(world, node);
            world.edit_node(&id, |node| node.spec.availability = Availability::Active);
        }
        Change::Revive { node } => {
            let id = named(world, node);
            world.edit_node(&id, |node| node.status.state = NodeState::Ready);
        }
        // As much more on the node is as good as so much less in use.
        Change::Free { node, of, amount } => {
            let id = named(world, node);
            world.edit_node(&id, |node| {
                let resources = &mut node.description.get_or_insert_default().resources;
                match of.as_str() {
                    "CPU" => resources.nano_cpus += amount,
                    "memory" => resources.memory_bytes += amount,
                    kind => {
                        let more =
                            generic_resource::of_node(&[format!("{kind}={amount}").as_str()]);
                        resources.generic_resources.extend(more.expect("a count"));
                    }
                }
            });
        }
        Change::StopTask { node, port, .. } => {
            let id = named(world, node);
            let state = world.state();
            let services = state.tasks_of_node(&id).filter(|task| {
                let revision = state.revision_of(task).expect("is kept");
                crate::state::host_ports(revision).any(|(_, taken)| taken == *port)
            });
            let service = services.map(|task| task.service_id.clone()).next();
            world.remove_service(&service.expect("somebody has it"));
        }
        Change::Label { node, key, value } => {
            let id = named(world, node);
            label(world, &id, key, value);
        }
        Change::Install { node, plugin } => {
            let id = named(world, node);
            let plugin = PluginDescription { kind: "Log".to_owned(), name: plugin.clone() };
            world.edit_node(&id, |node| {
                node.description.get_or_insert_default().engine.plugins.push(plugin);
            });
        }
        Change::DropAntiAffinity { text, of: Some(service) } => {
            let id = world.state().service_by_name(service).expect("is there").id.clone();
            world.edit_service(&id, |service| {
                let rules = placement(service).anti_affinity.as_mut().expect("has some");
                rules.retain(|rule| rule != text);
            });
        }
        of_service => world.edit_service(web, |service| change_service(service, of_service)),
    }
}

fn change_service(service: &mut Service, change: &Change) {
    match change {
        Change::AllowPerNode(most) => placement(service).max_replicas = *most,
        Change::Reserve { of, at_most } if of == "memory" => {
            reserve(service).memory_bytes = *at_most;
        }
        Change::Reserve { of, at_most } if of == "CPU" => reserve(service).nano_cpus = *at_most,
        Change::PublishAnother(port) => publish_on_host(service, port + 1),
        Change::LetEngineChoose(_) => publish_on_host(service, 0),
        Change::DropConstraint(text) => placement(service).constraints.retain(|it| it != text),
        Change::DropFilter => placement(service).filter = None,
        Change::LeaveVolumes => placement(service).volumes = None,
        Change::DropAffinity(text) => {
            let rules = placement(service).affinity.as_mut().expect("has some");
            rules.retain(|rule| rule != text);
        }
        Change::DropAntiAffinity { text, of: None } => {
            let rules = placement(service).anti_affinity.as_mut().expect("has some");
            rules.retain(|rule| rule != text);
        }
        Change::UseImageFor { platform } => {
            let (os, architecture) = platform.split_once('/').expect("both");
            placement(service).platforms =
                vec![Platform { os: os.to_owned(), architecture: architecture.to_owned() }];
        }
        other => panic!("{other:?} is not asked for here"),
    }
}

/// Builds a cluster, in which one more task of `web` waits, anew for each advice, and sees that it is placed where that says.
pub(super) fn every_advice_helps(build: impl Fn() -> (World, ServiceId)) -> Vec<String> {
    let (world, web) = build();
    let explanation = explained(&world, &web);
    assert_ne!(explanation.waiting, 0, "{}", explanation.sentence);
    let waited = explanation.waiting;
    for advice in &explanation.advice {
        let (mut world, web) = build();
        for change in &advice.changes {
            follow(&mut world, &web, change);
        }
        world.settle();
        let after = explained(&world, &web);
        assert!(after.waiting < waited, "{} did not help: {}", advice.text(), after.sentence);
    }
    explanation.advice.iter().map(Advice::text).collect()
}

/// A service that waits on `nodes` nodes.
fn waiting_on(nodes: u16, edit: impl Fn(&mut Service)) -> (World, ServiceId) {
    let mut world = World::new(nodes);
    let web = world.add_service("web", replicas(1), edit);
    world.settle();
    (world, web)
}

#[test]
fn a_constraint_that_no_node_meets() {
    let advice = every_advice_helps(|| {
        waiting_on(2, |service| {
            placement(service).constraints = vec!["node.labels.zone==b".to_owned()];
        })
    });
    assert_eq!(
        advice,
        [
            "drop constraint node.labels.zone==b",
            "label node1 with zone=b",
            "label node2 with zone=b"
        ]
    );
}

#[test]
fn a_label_that_something_else_forbids_is_no_advice() {
    let forbidden = || {
        waiting_on(1, |service| {
            placement(service).constraints = vec!["node.labels.zone==b".to_owned()];
            placement(service).filter = Some("!('zone' in node.labels)".to_owned());
        })
    };
    assert_eq!(every_advice_helps(forbidden), ["drop constraint node.labels.zone==b"]);
}

#[test]
fn too_much_of_what_nodes_have() {
    // More than any has: there is nothing to be freed.
    let advice =
        every_advice_helps(|| waiting_on(2, |service| reserve(service).nano_cpus = 6_000_000_000));
    assert_eq!(advice, ["reserve at most 4 CPUs"]);
    let taken = || {
        let mut world = World::new(2);
        world.add_service("other", replicas(2), |service| {
            reserve(service).nano_cpus = 3_000_000_000;
        });
        world.settle();
        let web = world.add_service("web", replicas(1), |service| {
            reserve(service).nano_cpus = 2_000_000_000;
        });
        world.settle();
        (world, web)
    };
    assert_eq!(
        every_advice_helps(taken),
        ["free 1 CPU on node1", "free 1 CPU on node2", "reserve at most 1 CPU"]
    );
}

#[test]
fn a_port_that_is_taken() {
    let by_another = || {
        let mut world = World::new(1);
        world.add_service("other", replicas(1), |service| publish_on_host(service, 8080));
        world.settle();
        let web = world.add_service("web", replicas(1), |service| publish_on_host(service, 8080));
        world.settle();
        (world, web)
    };
    assert_eq!(
        every_advice_helps(by_another),
        ["publish another port than 8080", "stop other.1 on node1, which has port 8080"]
    );
    let by_its_own = || {
        let mut world = World::new(1);
        let web = world.add_service("web", replicas(2), |service| publish_on_host(service, 8080));
        world.settle();
        (world, web)
    };
    assert_eq!(every_advice_helps(by_its_own), ["let the engines choose a port instead of 8080"]);
}

#[test]
fn as_many_tasks_as_a_node_may_have() {
    let full = || {
        let mut world = World::new(2);
        let web =
            world.add_service("web", replicas(3), |service| placement(service).max_replicas = 1);
        world.settle();
        (world, web)
    };
    assert_eq!(every_advice_helps(full), ["allow 2 tasks per node"]);
}

#[test]
fn nodes_that_lack_one_thing_come_first() {
    let mixed = || {
        let mut world = World::new(3);
        let nodes = world.nodes();
        for (node, zone) in nodes.iter().zip(["a", "b", "b"]) {
            memory(&mut world, node, 512 * MIB);
            label(&mut world, node, "zone", zone);
        }
        world.add_service("other", replicas(1), |service| {
            reserve(service).memory_bytes = 300 * MIB;
            placement(service).constraints = vec![format!("node.id=={}", nodes[1])];
        });
        world.settle();
        world.edit_node(&nodes[2], |node| {
            node.spec.availability = Availability::Drain;
            node.spec.labels.clear();
        });
        let web = world.add_service("web", replicas(1), |service| {
            reserve(service).memory_bytes = 512 * MIB;
            placement(service).constraints = vec!["node.labels.zone==b".to_owned()];
        });
        world.settle();
        (world, web)
    };
    let (world, web) = mixed();
    let explanation = explained(&world, &web);
    let name = |at: usize| name::of_node(&world.state().nodes()[&world.nodes()[at]]);
    assert_eq!(
        explanation.hint,
        format!(
            "free 300 MiB of memory on {}, or drop constraint node.labels.zone==b, or reserve at most 212 MiB of memory",
            name(1)
        )
    );
    let advice = every_advice_helps(mixed);
    let last = advice.last().expect("some");
    assert_eq!(*last, format!("activate {} and drop constraint node.labels.zone==b", name(2)));
}

#[test]
fn drivers_and_platforms() {
    let lacking = || {
        let mut world = World::new(1);
        let node = world.nodes().remove(0);
        world.edit_node(&node, |node| {
            let engine = &mut node.description.get_or_insert_default().engine;
            engine.plugins =
                vec![PluginDescription { kind: "Log".to_owned(), name: "json-file".to_owned() }];
        });
        let web = world.add_service("web", replicas(1), |service| {
            let driver = Driver { name: "journald".to_owned(), ..Driver::default() };
            service.spec.task_template.log_driver = Some(driver);
        });
        world.settle();
        (world, web)
    };
    assert_eq!(every_advice_helps(lacking), ["install plugin journald on node1"]);
    let foreign = || {
        let mut world = World::new(1);
        let node = world.nodes().remove(0);
        let platform = |architecture: &str| Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
        };
        world.edit_node(&node, |node| {
            node.description.get_or_insert_default().platform = platform("aarch64");
        });
        let web = world.add_service("web", replicas(1), |service| {
            placement(service).platforms = vec![platform("amd64")];
        });
        world.settle();
        (world, web)
    };
    assert_eq!(every_advice_helps(foreign), ["use an image for linux/aarch64"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_advised_helps(case in case()) {
        let (world, web) = build(&case);
        // Others that wait may take what is made free.
        let waits = |id: &ServiceId| explained(&world, id).waiting > 0;
        let others = world.state().services().keys().filter(|id| **id != web).any(waits);
        if waits(&web) && !others {
            every_advice_helps(|| build(&case));
        }
    }
}
