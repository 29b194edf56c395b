//! A small cluster in which time passes only when told to: the state, the loops, and agents that do what they are told.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::JobStatus;
use swarmlite_proto::object::JoinTokens;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeResources;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::dispatcher::assignment::assignments_for;
use crate::dispatcher::assignment::diff;
use crate::dispatcher::assignment::news::Turn;
use crate::loops::LOOPS;
use crate::loops::Loop;
use crate::reconcile::Agenda;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::simulation::next_state;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::fixture as objects;

/// After so many passes without an end, something goes round in circles.
const PATIENCE: usize = 3000;

/// What happens later than this does not count as happening by itself: nodes are given up after a day.
const SOON: Duration = Duration::from_secs(12 * 60 * 60);

/// The cluster, its agents, and the time.
pub(crate) struct World {
    pub(crate) view: View,
    pub(crate) now: Timestamp,
    pub(crate) rng: StdRng,
    /// Nodes that do not answer.
    pub(crate) silent: BTreeSet<NodeId>,
    /// Nodes that program no tables any more.
    pub(crate) stuck: BTreeSet<NodeId>,
    /// What each loop has to do next.
    agendas: BTreeMap<&'static str, Agenda>,
    /// What each node was last told, and of which state.
    told: BTreeMap<NodeId, (State, BTreeMap<AssignmentKey, Assignment>)>,
    /// What every task was when last looked at, to see that nothing goes back.
    seen: BTreeMap<TaskId, Task>,
}

impl World {
    /// A cluster of `nodes` nodes that are ready, and nothing else.
    pub(crate) fn new(nodes: u16) -> Self {
        let mut world = Self {
            view: View {
                leader_since: Timestamp::EPOCH,
                routing_patience: crate::routing::PATIENCE,
                ..View::default()
            },
            now: Timestamp::EPOCH,
            rng: objects::rng(0),
            silent: BTreeSet::new(),
            stuck: BTreeSet::new(),
            agendas: BTreeMap::new(),
            told: BTreeMap::new(),
            seen: BTreeMap::new(),
        };
        let mut ingress = objects::network(98, "ingress", 0, "10.0.0.0/24");
        ingress.spec.ingress = true;
        ingress.allocation = None;
        let cluster = Op::PutCluster(Box::new(cluster()));
        world.commit(vec![cluster, Op::PutNetwork(Box::new(ingress))]);
        for index in 1..=nodes {
            world.add_node(index);
        }
        world
    }

    pub(crate) fn state(&self) -> &State {
        &self.view.state
    }

    pub(crate) fn commit(&mut self, ops: Vec<Op>) {
        let transaction = Transaction { at: self.now, ops };
        let index = self.state().applied() + 1;
        self.view.state.apply(index, transaction).expect("the transaction is accepted");
    }

    pub(crate) fn add_node(&mut self, index: u16) -> NodeId {
        let mut node = objects::node(1000 + u64::from(index), index);
        node.description = Some(NodeDescription {
            hostname: format!("node{index}"),
            resources: NodeResources { nano_cpus: 4_000_000_000, ..NodeResources::default() },
            ..NodeDescription::default()
        });
        node.status = NodeStatus { state: NodeState::Ready, ..NodeStatus::default() };
        node.data_path_addr = Some([192, 0, 2, u8::try_from(index).expect("few nodes")].into());
        // Every other node is as old as can be, and is told in other words.
        node.versions = if index.is_multiple_of(2) { Versions::own() } else { Versions::default() };
        let id = node.id.clone();
        self.commit(vec![Op::PutNode(Box::new(node))]);
        id
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.state().nodes().keys().cloned().collect()
    }

    pub(crate) fn edit_node(&mut self, id: &NodeId, edit: impl FnOnce(&mut Node)) {
        let mut node = self.state().nodes()[id].as_ref().clone();
        edit(&mut node);
        self.commit(vec![Op::PutNode(Box::new(node))]);
    }

    pub(crate) fn remove_node(&mut self, id: &NodeId) {
        let version = self.state().nodes()[id].meta.version;
        self.silent.insert(id.clone());
        self.commit(vec![Op::Remove(ObjectRef::Node(id.clone()), version)]);
    }

    /// A new service, with an id that no other has had.
    pub(crate) fn add_service(
        &mut self,
        name: &str,
        mode: ServiceMode,
        edit: impl FnOnce(&mut Service),
    ) -> ServiceId {
        let mut service = objects::service(5000 + self.state().applied(), name);
        service.spec.mode = mode;
        service.job_status =
            mode.is_job().then_some(JobStatus { last_execution: self.now, ..JobStatus::default() });
        edit(&mut service);
        let id = service.id.clone();
        self.commit(vec![Op::PutService(Box::new(service))]);
        id
    }

    pub(crate) fn service(&self, id: &ServiceId) -> &Service {
        &self.state().services()[id]
    }

    /// Changes a service as the API does: a new spec starts a new update, and a job runs once more.
    pub(crate) fn edit_service(&mut self, id: &ServiceId, edit: impl FnOnce(&mut Service)) {
        let old = self.service(id);
        let mut service = old.clone();
        service.previous_spec = Some(old.spec.clone());
        service.previous_spec_version = Some(old.spec_version);
        service.update_status = None;
        if let Some(status) = &mut service.job_status {
            status.job_iteration.index += 1;
            status.last_execution = self.now;
        }
        edit(&mut service);
        self.commit(vec![Op::PutService(Box::new(service))]);
    }

    pub(crate) fn remove_service(&mut self, id: &ServiceId) {
        let version = self.service(id).meta.version;
        self.commit(vec![Op::Remove(ObjectRef::Service(id.clone()), version)]);
    }

    pub(crate) fn tasks(&self, service: &ServiceId) -> Vec<Task> {
        self.state().tasks_of_service(service).map(|task| task.as_ref().clone()).collect()
    }

    /// The tasks that run and should, by slot and node.
    pub(crate) fn running(&self, service: &ServiceId) -> Vec<Task> {
        let mut tasks = self.tasks(service);
        tasks.retain(|task| {
            task.status.state == TaskState::Running && task.desired_state == TaskState::Running
        });
        tasks.sort_by_key(|task| (task.slot, task.node_id.clone()));
        tasks
    }

    pub(crate) fn report(&mut self, task: &Task, state: TaskState) {
        let status = TaskStatus { state, timestamp: self.now, ..TaskStatus::default() };
        let node_id = task.node_id.clone().expect("has a node");
        let (task_id, status) = (task.id.clone(), Box::new(status));
        self.commit(vec![Op::ReportTask { node_id, task_id, status }]);
    }

    /// One pass of one loop, with its plan carried out.
    pub(crate) fn pass(&mut self, step: &Loop) -> Plan {
        let heard: Vec<NodeId> =
            self.nodes().into_iter().filter(|node| !self.silent.contains(node)).collect();
        for node in heard {
            self.view.sessions.heard(&node, self.now, Duration::from_secs(5));
            if !self.stuck.contains(&node) {
                self.view.programmed.insert(node, self.view.state.generation());
            }
        }
        let plan = self.decide(step);
        for transaction in &plan.transactions {
            assert!(transaction.ops.len() <= crate::reconcile::MAX_OPS, "{}", step.name);
            let index = self.state().applied() + 1;
            let outcome = self.view.state.apply(index, transaction.clone());
            outcome.unwrap_or_else(|error| panic!("{}: {error}: {transaction:#?}", step.name));
            self.check();
        }
        // What has its own pace does not look again at what it has left until then.
        if step.pace.is_none() || !plan.transactions.is_empty() {
            self.check_rest(step);
        }
        plan
    }

    /// What a loop wants done. It need not look at what has not changed: it would decide the same if it looked at everything.
    fn decide(&mut self, step: &Loop) -> Plan {
        let seed = self.rng.random();
        let decide = |view: &View| (step.reconcile)(view, self.now, &mut objects::rng(seed));
        let full = decide(&self.view);
        let agenda = self.agendas.entry(step.name).or_insert_with(|| Agenda::new(step.pace));
        let scope = agenda.begin(&self.view.state, self.now);
        let plan = decide(&View { scope: scope.clone(), ..self.view.clone() });
        if step.pace.is_some() {
            agenda.end(scope, &plan, true);
            // It is not woken before its time.
            return Plan { wake_at: agenda.next(), ..plan };
        }
        assert_eq!(plan.transactions, full.transactions, "{} with {scope:#?}", step.name);
        agenda.end(scope, &plan, true);
        assert_eq!(agenda.next(), full.next_wake(), "{} wakes at another time", step.name);
        full
    }

    /// What a loop has decided is decided: having carried it out, it has nothing more to do now. Only updates and the allocator go
    /// in steps of their own, networks before services and these before tasks, and jobs, whose successors are made before they are let start.
    fn check_rest(&self, step: &Loop) {
        let steps = match step.name {
            "allocator" | "replicated" | "global" | "reaper" => 3,
            // Why one task waits may change with what was found for the next.
            "replicated-job" | "global-job" | "scheduler" => 2,
            _ => 1,
        };
        let (mut view, mut rng) = (self.view.clone(), objects::rng(self.state().applied()));
        for _ in 0..steps {
            let plan = (step.reconcile)(&view, self.now, &mut rng);
            if plan.transactions.is_empty() {
                return;
            }
            for transaction in plan.transactions {
                let index = view.state.applied() + 1;
                view.state.apply(index, transaction).expect("the transaction is accepted");
            }
        }
        panic!("{} never comes to rest", step.name);
    }

    /// Every agent that answers moves each of its tasks by one state. Returns whether one did.
    pub(crate) fn agents(&mut self) -> bool {
        let all: Vec<Task> =
            self.state().tasks().values().map(|task| task.as_ref().clone()).collect();
        let mut moved = false;
        for task in all {
            let answers = task.node_id.as_ref().is_some_and(|node| {
                !self.silent.contains(node) && self.state().nodes().contains_key(node)
            });
            if !answers || task.status.state < TaskState::Assigned {
                continue;
            }
            if let Some(next) = next_state(&task) {
                self.report(&task, next);
                moved = true;
            }
        }
        moved
    }

    /// Lets everything happen that happens by itself now. Returns when something will happen later.
    pub(crate) fn settle_now(&mut self) -> Option<Timestamp> {
        for _ in 0..PATIENCE {
            let plans: Vec<(&Loop, Plan)> =
                LOOPS.iter().map(|step| (step, self.pass(step))).collect();
            let quiet = plans.iter().all(|(_, plan)| plan.transactions.is_empty());
            if !self.agents() && quiet {
                let wakes = plans.into_iter().filter(|(step, _)| {
                    step.name != "liveness" || !self.silent.iter().all(|node| self.is_down(node))
                });
                return wakes.filter_map(|(_, plan)| plan.next_wake()).min();
            }
        }
        panic!("never settles");
    }

    /// Lets time pass until nothing happens by itself any more.
    pub(crate) fn settle(&mut self) {
        for _ in 0..PATIENCE {
            let Some(next) = self.settle_now() else { return };
            assert!(next > self.now, "a deadline must be in the future");
            if next.since(self.now) > SOON {
                return;
            }
            self.now = next;
        }
        panic!("never comes to an end");
    }

    fn is_down(&self, node: &NodeId) -> bool {
        let node = self.state().nodes().get(node);
        node.is_none_or(|node| node.status.state == NodeState::Down)
    }

    /// What a node is told of what has changed is what it would be told if everything were compared.
    fn check_told(&mut self) {
        for node in self.nodes() {
            let (seen, mut known) = self.told.remove(&node).unwrap_or_default();
            let full = assignments_for(&self.view.state, &node);
            let turn = Turn::between(&seen, &self.view.state);
            match turn.audience(&node).map(|audience| turn.news(&node, &audience)) {
                Some(news) => {
                    news.remove.iter().for_each(|key| drop(known.remove(key)));
                    known.extend(news.put.into_iter().map(|put| (put.key(), put)));
                    for difference in news.differences {
                        let (network, service) = (&difference.network_id, &difference.service_id);
                        let key = AssignmentKey::Endpoint(network.clone(), service.clone());
                        let Some(Assignment::Endpoint(endpoint)) = known.get_mut(&key) else {
                            panic!("{node} does not know {service}");
                        };
                        difference.apply(endpoint).expect("is the difference to what it knows");
                    }
                    assert_eq!(diff(&known, &full), Default::default(), "{node} is not told");
                }
                None => known = full,
            }
            self.told.insert(node, (self.view.state.clone(), known));
        }
    }

    /// No job has more tasks at a time than it may have, and none of its slots is done while something is still to be done in it.
    fn check_jobs(&self) {
        for service in self.view.state.services().values() {
            let ServiceMode::ReplicatedJob(job) = service.spec.mode else { continue };
            let tasks = self.view.state.tasks_of_service(&service.id);
            let active = tasks.filter(|task| {
                is_current(service, task)
                    && task.desired_state.is_wanted()
                    && !task.status.state.is_terminal()
            });
            assert!(active.count() as u64 <= job.max_concurrent, "more than at a time");
        }
    }

    /// What must be so after every transaction.
    pub(crate) fn check(&mut self) {
        self.view.state.assert_sound();
        self.check_told();
        let mut addresses = BTreeSet::new();
        let mut live: BTreeMap<(ServiceId, u64, Option<NodeId>), usize> = BTreeMap::new();
        for task in self.view.state.tasks().values() {
            if let Some(before) = self.seen.get(&task.id) {
                assert!(before.node_id.is_none() || before.node_id == task.node_id, "it moved");
                assert!(before.desired_state <= task.desired_state, "it was wanted back");
            }
            self.seen.insert(task.id.clone(), task.as_ref().clone());
            if !task.status.state.is_terminal() {
                for attachment in &task.attachments {
                    let key = (attachment.network_id.clone(), attachment.addr.addr());
                    assert!(addresses.insert(key), "two have {}", attachment.addr);
                }
            }
            let mode = self.view.state.revision_of(task).expect("is kept").service.mode;
            let starts = matches!(task.desired_state, TaskState::Running | TaskState::Complete);
            if starts && !(mode.is_job() && task.status.state == TaskState::Complete) {
                let node = task.node_id.clone().filter(|_| mode.is_global());
                *live.entry((task.service_id.clone(), task.slot, node)).or_default() += 1;
            }
        }
        self.check_jobs();
        for ((service, slot, _), count) in live {
            let migrates = self
                .view
                .state
                .tasks_of_service(&service)
                .any(|task| task.slot == slot && task.migrate);
            let service = self.view.state.services().get(&service);
            let most = if migrates || service.is_none_or(starts_first) { 2 } else { 1 };
            assert!(count <= most, "slot {slot} has {count} tasks");
        }
    }
}

/// Whether the task belongs to the iteration that its job is in.
pub(crate) fn is_current(service: &Service, task: &Task) -> bool {
    task.job_iteration == service.job_status.map(|status| status.job_iteration.index)
}

fn starts_first(service: &std::sync::Arc<Service>) -> bool {
    let update = service.spec.update_config.as_ref();
    update.is_some_and(|UpdateConfig { order, .. }| *order == UpdateOrder::StartFirst)
}

/// The cluster object with Docker's defaults.
pub(crate) fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::random(&mut objects::rng(99)),
        meta: Default::default(),
        spec: SwarmSpec::defaults(),
        root_ca: RootCa { certificate: String::new(), key: String::new(), cross_signed: None },
        next_root_ca: None,
        join_tokens: JoinTokens { worker: String::new(), manager: String::new() },
        default_addr_pool: vec!["10.0.0.0/8".parse().expect("a subnet")],
        subnet_size: 24,
        data_path_port: 4789,
        next_raft_id: 2,
        removed_nodes: Vec::new(),
        unlock_key: None,
        format: Default::default(),
        restored: Default::default(),
    }
}
