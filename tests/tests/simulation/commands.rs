//! What users do, as the API has it: from the state that some manager has, refused if that has changed since.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rand::RngExt;
use swarmlite_manager::state::ObjectRef;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::JobStatus;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::object::UpdateStatus;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use crate::invariants::Name;
use crate::log::Origin;
use crate::specs;
use crate::world::Event;
use crate::world::World;

/// What users were promised.
#[derive(Default)]
pub(crate) struct Users {
    /// What each command does to a service, until it is answered.
    asked: BTreeMap<u64, Wish>,
    /// What each service is to be, as far as that was acknowledged; absent as soon as nobody can know.
    promised: BTreeMap<ServiceId, Promise>,
}

impl Users {
    /// The services that were acknowledged to be there.
    pub(crate) fn promised_services(&self) -> BTreeSet<ServiceId> {
        let there = self.promised.iter().filter(|(_, promise)| **promise != Promise::Gone);
        there.map(|(id, _)| id.clone()).collect()
    }
}

/// What a command does to a service.
#[derive(Clone, Debug)]
struct Wish {
    service: ServiceId,
    /// The spec it is to have; none if it is to be removed.
    spec: Option<ServiceSpec>,
}

/// What was acknowledged of a service.
#[derive(Clone, Debug, PartialEq)]
enum Promise {
    /// It is there, with this spec, or with the one before if the update was rolled back.
    There(Box<ServiceSpec>),
    /// It is gone.
    Gone,
}

impl World {
    /// A user does something, and later something else.
    pub(crate) fn command(&mut self) {
        if !self.troubled {
            return;
        }
        self.within(300..=6000, Event::Command);
        let Some(leader) = self.leader() else { return };
        let manager = self.rng.random_range(0..self.managers.len());
        let state = self.managers[manager].state.clone();
        let clock = self.clock(manager);
        let Some(transaction) = self.draw(&state, clock) else { return };
        let command = self.number();
        self.remember(command, &transaction);
        self.propose(leader, Origin::User(command), transaction);
    }

    /// The change that a user asks for. None if it is refused at once.
    fn draw(&mut self, state: &State, at: Timestamp) -> Option<Transaction> {
        let transaction = Transaction::new(at);
        match self.rng.random_range(0..24) {
            0..6 => self.create(state, transaction),
            6..12 => self.update(state, transaction),
            12..14 => self.scale(state, transaction),
            14 => self.roll_back(state, transaction),
            15 => {
                let service = self.any_service(state)?;
                let object = ObjectRef::Service(service.id.clone());
                Some(transaction.with(Op::Remove(object, service.meta.version)))
            }
            16..19 => self.set_node(state, transaction),
            19 => self.set_role(state, transaction),
            20 => self.make_network(state, transaction),
            21 => self.remove_network(state, transaction),
            22 => self.remove_node(state, transaction),
            _ => self.join(transaction),
        }
    }

    fn any_service(&mut self, state: &State) -> Option<Service> {
        let position = self.rng.random_range(0..state.services().len().max(1));
        state.services().values().nth(position).map(|service| Service::clone(service))
    }

    fn any_node(&mut self, state: &State) -> Option<Node> {
        let position = self.rng.random_range(0..state.nodes().len().max(1));
        state.nodes().values().nth(position).map(|node| Node::clone(node))
    }

    fn create(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let spec = specs::draw(&mut self.rng, state);
        state.check_service_name(&spec.name, None).ok()?;
        state.check_ports(&spec, None).ok()?;
        state.check_http(&spec, None).ok()?;
        let transaction = guard_networks(state, &spec, transaction);
        let first = JobStatus { job_iteration: Version::default(), last_execution: transaction.at };
        let service = Service {
            id: ServiceId::random(&mut self.rng),
            meta: Default::default(),
            job_status: spec.mode.is_job().then_some(first),
            spec,
            spec_version: Version::NONE,
            previous_spec: None,
            previous_spec_version: None,
            endpoint: Default::default(),
            update_status: None,
            registry_auth: None,
            previous_registry_auth: None,
        };
        Some(transaction.with(Op::PutService(Box::new(service))))
    }

    fn update(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let old = self.any_service(state)?;
        let spec = specs::change(&mut self.rng, state, &old.spec);
        replace(state, &old, spec, transaction)
    }

    fn scale(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let old = self.any_service(state)?;
        let mut spec = old.spec.clone();
        let ServiceMode::Replicated { replicas } = &mut spec.mode else { return None };
        *replicas = self.rng.random_range(0..6);
        replace(state, &old, spec, transaction)
    }

    fn roll_back(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let old = self.any_service(state)?;
        let (spec, version) = old.previous_spec.clone().zip(old.previous_spec_version)?;
        state.check_ports(&spec, Some(&old.id)).ok()?;
        state.check_http(&spec, Some(&old.id)).ok()?;
        let started = UpdateStatus {
            state: UpdateState::RollbackStarted,
            started_at: Some(transaction.at),
            completed_at: None,
            message: "manually requested rollback".to_owned(),
        };
        let transaction = guard_networks(state, &spec, transaction);
        let service = Service {
            spec,
            spec_version: version,
            previous_spec: Some(old.spec.clone()),
            previous_spec_version: Some(old.spec_version),
            update_status: (!old.spec.mode.is_job()).then_some(started),
            job_status: next_iteration(&old, transaction.at),
            ..old
        };
        Some(transaction.with(Op::PutService(Box::new(service))))
    }

    fn set_node(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let mut node = self.any_node(state)?;
        if self.once_in(3) {
            let disk = if self.once_in(2) { "ssd" } else { "hdd" };
            node.spec.labels.insert("disk".to_owned(), disk.to_owned());
        } else {
            node.spec.availability = match self.rng.random_range(0..5) {
                0 => Availability::Pause,
                1 | 2 => Availability::Drain,
                _ => Availability::Active,
            };
        }
        Some(transaction.with(Op::PutNode(Box::new(node))))
    }

    /// Raft's part of it is in the simulation of raft.
    fn set_role(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let mut node = self.any_node(state).filter(|node| node.manager.is_none())?;
        let other =
            if node.role == NodeRole::Manager { NodeRole::Worker } else { NodeRole::Manager };
        (node.spec.role, node.role) = (other, other);
        Some(transaction.with(Op::PutNode(Box::new(node))))
    }

    fn make_network(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let name = format!("net{}", self.rng.random_range(0..4));
        let spec = NetworkSpec { name, ..NetworkSpec::default() };
        state.network_by_name(&spec.name).is_none().then(|| {
            let id = NetworkId::random(&mut self.rng);
            let network = Network { id, meta: Default::default(), spec, allocation: None };
            transaction.with(Op::PutNetwork(Box::new(network)))
        })
    }

    fn remove_network(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let position = self.rng.random_range(0..state.networks().len().max(1));
        let network = state.networks().values().nth(position).filter(|it| !it.spec.ingress)?;
        let object = ObjectRef::Network(network.id.clone());
        Some(transaction.with(Op::Remove(object, network.meta.version)))
    }

    /// A node that is down is removed for good.
    fn remove_node(&mut self, state: &State, transaction: Transaction) -> Option<Transaction> {
        let node = self.any_node(state).filter(|node| node.status.state == NodeState::Down)?;
        (state.nodes().len() > 3)
            .then(|| transaction.with(Op::Remove(ObjectRef::Node(node.id), node.meta.version)))
    }

    fn join(&mut self, transaction: Transaction) -> Option<Transaction> {
        (self.hosts.len() < 8).then(|| {
            let node = self.new_machine();
            transaction.with(Op::PutNode(Box::new(node)))
        })
    }

    fn remember(&mut self, command: u64, transaction: &Transaction) {
        let wish = transaction.ops.iter().find_map(|op| match op {
            Op::PutService(it) => {
                Some(Wish { service: it.id.clone(), spec: Some(it.spec.clone()) })
            }
            Op::Remove(ObjectRef::Service(id), _) => Some(Wish { service: id.clone(), spec: None }),
            _ => None,
        });
        self.users.asked.extend(wish.map(|wish| (command, wish)));
    }

    /// A user is told what became of a command.
    pub(crate) fn acknowledged(&mut self, command: u64, done: bool) {
        let Some(Wish { service, spec }) = self.users.asked.remove(&command) else { return };
        if done {
            let promise = spec.map_or(Promise::Gone, |spec| Promise::There(Box::new(spec)));
            self.users.promised.insert(service, promise);
            self.check_promises();
        }
    }

    /// A user is told nothing, as the leader is gone: it may have been carried out.
    pub(crate) fn unknown(&mut self, command: u64) {
        if let Some(Wish { service, .. }) = self.users.asked.remove(&command) {
            self.users.promised.remove(&service);
        }
    }

    /// What was acknowledged is there, unless something that nobody was told of may have changed it.
    pub(crate) fn check_promises(&mut self) {
        let state = self.log.state();
        let asked: Vec<&ServiceId> = self.users.asked.values().map(|wish| &wish.service).collect();
        let mut broken = None;
        for (id, promise) in self.users.promised.iter().filter(|(id, _)| !asked.contains(id)) {
            let service = state.services().get(id);
            let kept = match (promise, service) {
                (Promise::Gone, None) => true,
                (Promise::There(spec), Some(service)) => {
                    service.spec == **spec || rolled_back(service)
                }
                _ => false,
            };
            if !kept {
                broken = Some(format!("service {id} is not as acknowledged: {service:?}"));
            }
        }
        if let Some(broken) = broken {
            self.watch.fail(Name::AcknowledgedIsKept, broken);
        }
    }
}

fn rolled_back(service: &Service) -> bool {
    service.update_status.as_ref().is_some_and(|status| {
        matches!(
            status.state,
            UpdateState::RollbackStarted
                | UpdateState::RollbackPaused
                | UpdateState::RollbackCompleted
        )
    })
}

fn next_iteration(service: &Service, now: Timestamp) -> Option<JobStatus> {
    service.job_status.map(|status| JobStatus {
        job_iteration: Version::at(status.job_iteration.index + 1),
        last_execution: now,
    })
}

/// The transaction fails if a network of the service goes away or changes meanwhile.
fn guard_networks(state: &State, spec: &ServiceSpec, mut transaction: Transaction) -> Transaction {
    for network in state.networks().values() {
        if spec.task_template.networks.iter().any(|it| it.target == network.id.as_str()) {
            let object = ObjectRef::Network(network.id.clone());
            transaction.ops.push(Op::Expect(object, network.meta.version));
        }
    }
    transaction
}

/// The service with another spec.
fn replace(
    state: &State,
    old: &Service,
    spec: ServiceSpec,
    transaction: Transaction,
) -> Option<Transaction> {
    let known = |it: &str| it.parse().is_ok_and(|id: NetworkId| state.networks().contains_key(&id));
    if !spec.task_template.networks.iter().all(|it| known(&it.target)) {
        return None;
    }
    if spec.endpoint_spec != old.spec.endpoint_spec
        || spec.answers_http() != old.spec.answers_http()
    {
        state.check_ports(&spec, Some(&old.id)).ok()?;
    }
    state.check_http(&spec, Some(&old.id)).ok()?;
    let transaction = guard_networks(state, &spec, transaction);
    let service = Service {
        spec,
        previous_spec: Some(old.spec.clone()),
        previous_spec_version: Some(old.spec_version),
        update_status: None,
        job_status: next_iteration(old, transaction.at),
        ..old.clone()
    };
    Some(transaction.with(Op::PutService(Box::new(service))))
}
