//! The scheduler beside a model of it that keeps nothing: for each task it looks at all nodes and at all tasks.

mod company;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sha2::Digest;
use sha2::Sha256;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::SpreadOver;

use super::*;
use crate::loops::tests::world;
use crate::state::fixture;

const ZONES: [&str; 3] = ["a", "b", ""];

/// A node as a test describes it.
#[derive(Clone, Debug)]
struct SomeNode {
    gets_tasks: bool,
    cpus: i64,
    memory: i64,
    zone: usize,
}

/// A service as a test describes it.
#[derive(Clone, Debug)]
struct SomeService {
    replicas: u64,
    cpus: i64,
    memory: i64,
    zone: Option<usize>,
    max_replicas: u64,
    host_port: bool,
    spreads: bool,
    strategy: Option<&'static str>,
    affinity: Vec<String>,
    anti_affinity: Vec<String>,
}

fn some_node() -> impl Strategy<Value = SomeNode> {
    (prop::bool::weighted(0.85), 0..12_i64, 0..40_i64, 0..ZONES.len())
        .prop_map(|(gets_tasks, cpus, memory, zone)| SomeNode { gets_tasks, cpus, memory, zone })
}

fn some_service() -> impl Strategy<Value = SomeService> {
    let rules = (
        prop_oneof![3 => Just(0), 1 => 1..4_i64],
        prop_oneof![3 => Just(0), 1 => 1..9_i64],
        prop::option::weighted(0.3, 0..2_usize),
        prop_oneof![3 => Just(0), 1 => 1..3_u64],
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.4),
        prop_oneof![
            2 => Just(None), 1 => Just(Some("spread")), 3 => Just(Some("binpack")), 3 => Just(Some("random"))
        ],
    );
    (1..12_u64, rules, company::some_rules()).prop_map(|(replicas, rules, company)| {
        let (cpus, memory, zone, max_replicas, host_port, spreads, strategy) = rules;
        let (affinity, anti_affinity) = company;
        SomeService {
            replicas,
            cpus,
            memory,
            zone,
            max_replicas,
            host_port,
            spreads,
            strategy,
            affinity,
            anti_affinity,
        }
    })
}

fn node_of(position: usize, some: &SomeNode) -> Node {
    let mut node = fixture::node(1000 + position as u64, u16::try_from(position).expect("few"));
    node.status.state = NodeState::Ready;
    if !some.gets_tasks {
        node.spec.availability = Availability::Pause;
    }
    let mut description = NodeDescription::default();
    description.resources.nano_cpus = some.cpus;
    description.resources.memory_bytes = some.memory;
    node.description = Some(description);
    if some.zone < 2 {
        node.spec.labels.insert("zone".to_owned(), ZONES[some.zone].to_owned());
    }
    node
}

fn service_of(position: usize, some: &SomeService) -> Service {
    let mut service = fixture::service(2000 + position as u64, &format!("service{position}"));
    service.spec.labels.insert("tier".to_owned(), company::tier(position).to_owned());
    let template = &mut service.spec.task_template;
    let mut placement = Placement { max_replicas: some.max_replicas, ..Placement::default() };
    placement.strategy = some.strategy.map(str::to_owned);
    placement.affinity = Some(some.affinity.clone()).filter(|rules| !rules.is_empty());
    placement.anti_affinity = Some(some.anti_affinity.clone()).filter(|rules| !rules.is_empty());
    if let Some(zone) = some.zone {
        placement.constraints = vec![format!("node.labels.zone=={}", ZONES[zone])];
    }
    if some.spreads {
        let spread = Some(SpreadOver { spread_descriptor: "node.labels.zone".to_owned() });
        placement.preferences = vec![PlacementPreference { spread }];
    }
    template.placement = Some(placement);
    let reservations = Some(Reservations {
        nano_cpus: some.cpus,
        memory_bytes: some.memory,
        ..Reservations::default()
    });
    template.resources =
        Some(ResourceRequirements { reservations, ..ResourceRequirements::default() });
    if some.host_port {
        let port = PortConfig {
            target_port: 80,
            published_port: 8080,
            publish_mode: PublishMode::Host,
            ..PortConfig::default()
        };
        service.spec.endpoint_spec =
            Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    }
    service
}

/// Where the model puts the tasks that wait, in the order in which the scheduler comes to them.
fn placed_by_model(state: &State) -> BTreeMap<TaskId, Option<NodeId>> {
    let mut on: Vec<(ServiceId, NodeId)> = state
        .tasks()
        .values()
        .filter_map(|task| Some((task.service_id.clone(), task.node_id.clone()?)))
        .collect();
    let mut waiting: Vec<&Arc<Task>> =
        state.tasks().values().filter(|task| task.node_id.is_none()).collect();
    waiting.sort_by_key(|task| (task.service_id.clone(), task.spec_version, task.slot));
    let mut placed = BTreeMap::new();
    for task in waiting {
        let spec = &state.revision_of(task).expect("is kept").service;
        let nodes: Vec<&Node> = state.nodes().values().map(AsRef::as_ref).collect();
        let fits = |node: &&Node| fits(state, spec, &task.service_id, node, &on);
        let of_service = |node: &Node| {
            on.iter()
                .filter(|(service, other)| (service, other) == (&task.service_id, &node.id))
                .count()
        };
        let best = |nodes: Vec<&Node>| {
            let fit: Vec<&Node> = nodes.into_iter().filter(fits).collect();
            let fit = company::best(state, &task.service_id, fit, &on);
            choose(state, spec, task, &fit, &on)
        };
        let placement = spec.task_template.placement.as_ref().expect("is set");
        let chosen = if placement.preferences.is_empty() {
            best(nodes)
        } else {
            let mut parts: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
            for node in nodes {
                let zone = node.spec.labels.get("zone").map_or("", String::as_str);
                parts.entry(zone).or_default().push(node);
            }
            let mut parts: Vec<_> = parts.into_iter().collect();
            parts
                .sort_by_key(|(_, nodes)| nodes.iter().map(|node| of_service(node)).sum::<usize>());
            parts.into_iter().find_map(|(_, nodes)| best(nodes))
        };
        on.extend(chosen.clone().map(|node| (task.service_id.clone(), node)));
        placed.insert(task.id.clone(), chosen);
    }
    placed
}

fn fits(
    state: &State,
    spec: &ServiceSpec,
    service: &ServiceId,
    node: &Node,
    on: &[(ServiceId, NodeId)],
) -> bool {
    let here = || on.iter().filter(|(_, other)| *other == node.id).map(|(service, _)| service);
    let spec_of = |service: &ServiceId| &state.services()[service].spec;
    let used: i64 = here().map(|service| cpus(spec_of(service))).sum();
    let used_memory: i64 = here().map(|service| memory(spec_of(service))).sum();
    let total = &node.description.as_ref().expect("is set").resources;
    let placement = spec.task_template.placement.as_ref().expect("is set");
    let same = here().filter(|other| *other == service).count() as u64;
    let zone = node.spec.labels.get("zone").map_or("", String::as_str);
    let in_zone = |text: &String| {
        text.strip_prefix("node.labels.zone==").is_some_and(|wanted| wanted == zone)
    };
    node.spec.availability == Availability::Active
        && company::allows(state, service, node, on)
        && (cpus(spec) == 0 || used + cpus(spec) <= total.nano_cpus)
        && (memory(spec) == 0 || used_memory + memory(spec) <= total.memory_bytes)
        && (placement.max_replicas == 0 || same < placement.max_replicas)
        && placement.constraints.iter().all(in_zone)
        && (spec.endpoint_spec.is_none()
            || here().all(|other| spec_of(other).endpoint_spec.is_none()))
}

/// The node that the strategy of the service prefers among those that fit, which are in the order of their ids.
fn choose(
    state: &State,
    spec: &ServiceSpec,
    task: &Task,
    fit: &[&Node],
    on: &[(ServiceId, NodeId)],
) -> Option<NodeId> {
    let here = |node: &Node| {
        let id = node.id.clone();
        on.iter().filter(move |(_, other)| *other == id).map(|(service, _)| service)
    };
    let placement = spec.task_template.placement.as_ref()?;
    let asked = placement.strategy.as_deref();
    let of_cluster =
        state.cluster().and_then(|it| it.spec.orchestration.placement_strategy.clone());
    match asked.map(str::to_owned).or(of_cluster).as_deref() {
        Some("binpack") => {
            let fullness = |node: &Node| {
                let total = &node.description.as_ref().expect("is set").resources;
                let specs = here(node).map(|service| &state.services()[service].spec);
                let sums = specs.chain([spec]).map(|spec| (cpus(spec), memory(spec)));
                let (cpus, memory) = sums.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
                let share =
                    |of: i64, total: i64| (of * 1_000_000_000).checked_div(total).unwrap_or(0);
                (
                    share(cpus, total.nano_cpus) + share(memory, total.memory_bytes),
                    here(node).count(),
                )
            };
            let best = fit.iter().map(|node| (std::cmp::Reverse(fullness(node)), &node.id)).min();
            best.map(|(_, node)| node.clone())
        }
        Some("random") => {
            let digest = Sha256::digest(
                [task.service_id.as_str().as_bytes(), &task.slot.to_be_bytes()].concat(),
            );
            let lot = u64::from_be_bytes(digest[..8].try_into().expect("eight"));
            let drawn = lot.checked_rem(fit.len() as u64)?;
            fit.get(usize::try_from(drawn).expect("few")).map(|node| node.id.clone())
        }
        _ => {
            let of_service = |node: &Node| here(node).filter(|it| **it == task.service_id).count();
            let ranks = fit.iter().map(|node| (of_service(node), here(node).count(), &node.id));
            ranks.min().map(|(.., node)| node.clone())
        }
    }
}

fn cpus(spec: &ServiceSpec) -> i64 {
    let resources = spec.task_template.resources.as_ref();
    resources.and_then(|it| it.reservations.as_ref()).map_or(0, |it| it.nano_cpus)
}

fn memory(spec: &ServiceSpec) -> i64 {
    let resources = spec.task_template.resources.as_ref();
    resources.and_then(|it| it.reservations.as_ref()).map_or(0, |it| it.memory_bytes)
}

/// One pass of the scheduler.
fn pass(state: &mut State) {
    let view = View { state: state.clone(), ..View::default() };
    for transaction in reconcile(&view, Timestamp::EPOCH, &mut fixture::rng(0)).transactions {
        state.apply(state.applied() + 1, transaction).expect("nobody else writes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_scheduler_does_what_the_model_does(
        nodes in prop::collection::vec(some_node(), 0..9),
        waves in prop::collection::vec(prop::collection::vec(some_service(), 1..4), 1..4),
        of_cluster in prop_oneof![2 => Just(None), 1 => Just(Some("binpack")), 1 => Just(Some("random"))],
    ) {
        let mut state = State::default();
        let mut cluster = world::cluster();
        cluster.spec.orchestration.placement_strategy = of_cluster.map(str::to_owned);
        fixture::commit(&mut state, vec![Op::PutCluster(Box::new(cluster))]).expect("is new");
        let puts = nodes.iter().enumerate();
        let puts = puts.map(|(position, node)| Op::PutNode(Box::new(node_of(position, node))));
        fixture::commit(&mut state, puts.collect()).expect("are new");
        let mut seeds = 0..;
        for (wave, services) in waves.iter().enumerate() {
            for (position, some) in services.iter().enumerate() {
                let service = service_of(10 * wave + position, some);
                let id = service.id.clone();
                fixture::commit(&mut state, vec![Op::PutService(Box::new(service))]).expect("is new");
                let service = Arc::clone(&state.services()[&id]);
                let tasks = (1..=some.replicas).zip(&mut seeds).map(|(slot, seed)| {
                    let mut task = fixture::task(9000 + seed, &service, slot);
                    task.status.state = TaskState::Pending;
                    Op::PutTask(Box::new(task))
                });
                fixture::commit(&mut state, tasks.collect()).expect("are new");
            }
            let expected = placed_by_model(&state);
            let again = state.clone();
            pass(&mut state);
            for (task, node) in expected {
                prop_assert_eq!(&state.tasks()[&task].node_id, &node);
            }
            let mut repeated = again;
            pass(&mut repeated);
            prop_assert_eq!(state.tasks(), repeated.tasks(), "the same input, the same placement");
        }
    }

    #[test]
    fn tasks_of_a_service_differ_by_one_at_most(
        nodes in 1..9_usize,
        replicas in prop::collection::vec(1..30_u64, 1..4),
    ) {
        let mut state = State::default();
        let some = SomeNode { gets_tasks: true, cpus: 0, memory: 0, zone: 2 };
        let puts = (0..nodes).map(|position| Op::PutNode(Box::new(node_of(position, &some))));
        fixture::commit(&mut state, puts.collect()).expect("are new");
        let service = fixture::service(2000, "web");
        let id = service.id.clone();
        fixture::commit(&mut state, vec![Op::PutService(Box::new(service))]).expect("is new");
        let service = Arc::clone(&state.services()[&id]);
        let mut slot = 0;
        for more in replicas {
            let tasks = (0..more).map(|_| {
                slot += 1;
                let mut task = fixture::task(9000 + slot, &service, slot);
                task.status.state = TaskState::Pending;
                Op::PutTask(Box::new(task))
            });
            fixture::commit(&mut state, tasks.collect()).expect("are new");
            pass(&mut state);
            let counts: Vec<usize> =
                state.nodes().keys().map(|node| state.tasks_of_node(node).count()).collect();
            let (least, most) = (counts.iter().min(), counts.iter().max());
            prop_assert!(most <= least.map(|least| least + 1).as_ref(), "{:?}", counts);
        }
    }
}
