//! What all loops together promise, after any sequence of events.

pub(crate) mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;

use self::world::World;
use self::world::is_current;
use super::*;
use crate::placement::constraint;
use crate::placement::is_dirty;

/// Something that happens to the cluster.
#[derive(Clone, Debug)]
enum Event {
    Create { service: usize, mode: ServiceMode, start_first: bool },
    Scale { service: usize, replicas: u64 },
    Change { service: usize, publish: bool },
    Delete { service: usize },
    Fail { task: usize, state: TaskState },
    Silence { node: usize },
    Return { node: usize },
    SetAvailability { node: usize, availability: Availability },
    RemoveNode { node: usize },
    Label { node: usize, disk: &'static str },
    Constrain { service: usize, disk: Option<&'static str> },
    AddNode,
    Pass { step: usize },
    Agents,
    Settle,
}

fn event() -> impl Strategy<Value = Event> {
    let (service, node, task) = (0_usize..3, 0_usize..4, 0_usize..12);
    let disk = proptest::sample::select(&["ssd", "hdd"][..]);
    let ending =
        prop_oneof![Just(TaskState::Failed), Just(TaskState::Complete), Just(TaskState::Rejected)];
    let availability = prop_oneof![
        Just(Availability::Active),
        Just(Availability::Pause),
        Just(Availability::Drain)
    ];
    prop_oneof![
        3 => (service.clone(), mode(), any::<bool>())
            .prop_map(|(service, mode, start_first)| Event::Create { service, mode, start_first }),
        2 => (service.clone(), 0_u64..6)
            .prop_map(|(service, replicas)| Event::Scale { service, replicas }),
        3 => (service.clone(), any::<bool>())
            .prop_map(|(service, publish)| Event::Change { service, publish }),
        1 => service.clone().prop_map(|service| Event::Delete { service }),
        4 => (task, ending).prop_map(|(task, state)| Event::Fail { task, state }),
        2 => node.clone().prop_map(|node| Event::Silence { node }),
        2 => node.clone().prop_map(|node| Event::Return { node }),
        2 => (node.clone(), availability)
            .prop_map(|(node, availability)| Event::SetAvailability { node, availability }),
        1 => node.clone().prop_map(|node| Event::RemoveNode { node }),
        1 => Just(Event::AddNode),
        2 => (node, disk.clone()).prop_map(|(node, disk)| Event::Label { node, disk }),
        2 => (service, proptest::option::of(disk))
            .prop_map(|(service, disk)| Event::Constrain { service, disk }),
        12 => (0..LOOPS.len()).prop_map(|step| Event::Pass { step }),
        6 => Just(Event::Agents),
        2 => Just(Event::Settle),
    ]
}

fn mode() -> impl Strategy<Value = ServiceMode> {
    prop_oneof![
        3 => (0_u64..5).prop_map(|replicas| ServiceMode::Replicated { replicas }),
        1 => Just(ServiceMode::Global),
        2 => (1_u64..4, 0_u64..6).prop_map(|(max_concurrent, total_completions)| {
            ServiceMode::ReplicatedJob(ReplicatedJob { max_concurrent, total_completions })
        }),
        1 => Just(ServiceMode::GlobalJob),
    ]
}

const NAMES: [&str; 3] = ["web", "db", "cache"];

struct Run {
    world: World,
    next_node: u16,
}

impl Run {
    fn service(&self, position: usize) -> Option<ServiceId> {
        Some(self.world.state().service_by_name(NAMES[position])?.id.clone())
    }

    fn node(&self, position: usize) -> Option<NodeId> {
        self.world.nodes().get(position).cloned()
    }

    fn happen(&mut self, event: &Event) {
        self.try_happen(event);
        self.world.check();
    }

    /// What concerns nothing that is there does not happen.
    fn try_happen(&mut self, event: &Event) -> Option<()> {
        match event {
            Event::Create { service, mode, start_first } => {
                if self.service(*service).is_none() {
                    self.create(NAMES[*service], *mode, *start_first);
                }
            }
            Event::Scale { service, .. }
            | Event::Change { service, .. }
            | Event::Delete { service }
            | Event::Constrain { service, .. } => {
                let id = self.service(*service)?;
                self.happen_to_service(&id, event);
            }
            Event::Fail { task, state } => {
                let world = &mut self.world;
                let task = world.state().tasks().values().nth(*task)?.as_ref().clone();
                let answers = !world.silent.contains(task.node_id.as_ref()?);
                if answers && task.status.state >= TaskState::Assigned {
                    world.report(&task, *state);
                }
            }
            Event::Silence { node }
            | Event::Return { node }
            | Event::SetAvailability { node, .. }
            | Event::RemoveNode { node }
            | Event::Label { node, .. } => {
                let id = self.node(*node)?;
                self.happen_to_node(&id, event);
            }
            Event::AddNode => {
                if self.next_node < 7 {
                    self.world.add_node(self.next_node);
                    self.next_node += 1;
                }
            }
            Event::Pass { step } => {
                self.world.pass(&LOOPS[*step]);
            }
            Event::Agents => {
                self.world.agents();
            }
            Event::Settle => self.world.settle(),
        }
        Some(())
    }

    fn happen_to_service(&mut self, id: &ServiceId, event: &Event) {
        if matches!(event, Event::Delete { .. }) {
            return self.world.remove_service(id);
        }
        self.world.edit_service(id, |service| match (event, &mut service.spec.mode) {
            (Event::Scale { replicas, .. }, ServiceMode::Replicated { replicas: count }) => {
                *count = *replicas;
            }
            (Event::Scale { replicas, .. }, ServiceMode::ReplicatedJob(job)) => {
                job.total_completions = *replicas;
            }
            (Event::Change { publish, .. }, _) => {
                service.spec.task_template.force_update += 1;
                let port = PortConfig { target_port: 80, ..PortConfig::default() };
                let ports = if *publish { vec![port] } else { Vec::new() };
                service.spec.endpoint_spec =
                    Some(EndpointSpec { ports, ..EndpointSpec::default() });
            }
            (Event::Constrain { disk, .. }, _) => {
                let constraints = disk.iter().map(|disk| format!("node.labels.disk!={disk}"));
                let placement =
                    Placement { constraints: constraints.collect(), ..Placement::default() };
                service.spec.task_template.placement = Some(placement);
            }
            _ => {}
        });
    }

    fn happen_to_node(&mut self, id: &NodeId, event: &Event) {
        match event {
            Event::Silence { .. } => drop(self.world.silent.insert(id.clone())),
            Event::Return { .. } => drop(self.world.silent.remove(id)),
            Event::RemoveNode { .. } => self.world.remove_node(id),
            _ => self.world.edit_node(id, |node| match event {
                Event::SetAvailability { availability, .. } => {
                    node.spec.availability = *availability;
                }
                Event::Label { disk, .. } => {
                    node.spec.labels.insert("disk".to_owned(), (*disk).to_owned());
                }
                _ => {}
            }),
        }
    }

    fn create(&mut self, name: &str, mode: ServiceMode, start_first: bool) {
        let order = if start_first { UpdateOrder::StartFirst } else { UpdateOrder::StopFirst };
        // Failures must not stop the update, or it would not have to converge.
        let update_config = UpdateConfig {
            parallelism: 1,
            order,
            failure_action: FailureAction::Continue,
            ..UpdateConfig::default()
        };
        self.world.add_service(name, mode, |service| {
            service.spec.update_config = (!mode.is_job()).then_some(update_config);
            // Of those of this name tasks also move by themselves.
            if name == NAMES[0] {
                let placement = service.spec.task_template.placement.get_or_insert_default();
                placement.rebalance = Some("auto".to_owned());
            }
            let port = PortConfig { target_port: 80, ..PortConfig::default() };
            service.spec.endpoint_spec =
                Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
        });
    }
}

/// Whether tasks of `service` can be placed on `node`.
fn takes_tasks(service: &Service, node: &Node) -> bool {
    node.status.state == NodeState::Ready
        && node.spec.availability == Availability::Active
        && constraint::all_match(service.spec.task_template.placement.as_ref(), node)
}

/// Where a job has completed in its present iteration. Of earlier ones nothing is left.
fn completed<K: Ord>(world: &World, service: &Service, place: impl Fn(&Task) -> K) -> BTreeSet<K> {
    let tasks = world.tasks(&service.id);
    let silent = |task: &Task| task.node_id.as_ref().is_some_and(|id| world.silent.contains(id));
    assert!(tasks.iter().all(|task| is_current(service, task) || silent(task)));
    let done = tasks
        .iter()
        .filter(|task| is_current(service, task) && task.status.state == TaskState::Complete);
    done.map(place).collect()
}

/// After everything has settled: every service has what it asks for, and nothing is left of what is not wanted.
fn assert_converged(world: &World) {
    let state = world.state();
    for service in state.services().values() {
        let takers: BTreeSet<&NodeId> = state
            .nodes()
            .values()
            .filter(|node| takes_tasks(service, node))
            .map(|node| &node.id)
            .collect();
        let running = world.running(&service.id);
        for task in &running {
            let node = task.node_id.as_ref().expect("runs");
            let is_active = state.nodes()[node].spec.availability == Availability::Active;
            assert!(takers.is_empty() || !is_active || takers.contains(node), "may not be there");
        }
        match service.spec.mode {
            ServiceMode::Replicated { replicas } if !takers.is_empty() => {
                assert_eq!(running.len() as u64, replicas, "{}", service.spec.name);
                assert!(running.iter().all(|task| !is_dirty(state, service, task)));
                let slots: Vec<u64> = running.iter().map(|task| task.slot).collect();
                assert!(
                    slots.windows(2).all(|pair| pair[0] < pair[1]),
                    "one task per slot: {slots:?}"
                );
            }
            ServiceMode::Global => {
                let nodes = running.iter().filter_map(|task| task.node_id.as_ref());
                let nodes: Vec<&NodeId> = nodes.filter(|node| takers.contains(node)).collect();
                assert_eq!(nodes, takers.into_iter().collect::<Vec<_>>(), "one on each");
            }
            ServiceMode::ReplicatedJob(job) if !takers.is_empty() => {
                let all = (0..job.total_completions).collect();
                assert_eq!(completed(world, service, |task| task.slot), all);
            }
            ServiceMode::GlobalJob => {
                let done = completed(world, service, |task| task.node_id.clone());
                for node in takers {
                    assert!(done.contains(&Some(node.clone())), "{node} is not done");
                }
            }
            ServiceMode::Replicated { .. } | ServiceMode::ReplicatedJob(_) => {}
        }
    }
    for task in state.tasks().values() {
        let silent = task.node_id.as_ref().is_some_and(|node| world.silent.contains(node));
        let wanted = state.services().contains_key(&task.service_id);
        assert!(wanted || (silent && !task.status.state.is_terminal()), "left over: {task:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_cluster_converges(events in proptest::collection::vec(event(), 1..60)) {
        let mut run = Run { world: World::new(3), next_node: 4 };
        events.iter().for_each(|event| run.happen(event));
        run.world.settle();
        assert_converged(&run.world);
    }
}
