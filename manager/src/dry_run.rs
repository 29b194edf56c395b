//! Where the tasks of services would go: changes tried out on a copy of the state, with the scheduler itself.
//!
//! A state is cheap to copy, and the copy is thrown away: nothing here is proposed to anybody. What is tried is the placing alone. That
//! addresses are there to be had is taken for granted, and so is that each new task runs and that the one that it replaces has stopped
//! before the next is replaced.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::heartbeat::Sessions;
use crate::load::Loads;
use crate::placement::SlotKey;
use crate::placement::fits;
use crate::placement::is_dirty;
use crate::placement::live_slots;
use crate::reconcile::View;
use crate::scheduler;
use crate::scheduler::explain;
use crate::scheduler::explain::Explanation;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

/// A copy of the state, on which changes are tried out one after the other.
#[derive(Debug)]
pub struct DryRun {
    state: State,
    loads: Loads,
    now: Timestamp,
    rng: StdRng,
}

/// What would become of one service.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The tasks that would be made.
    pub tasks: Vec<PlannedTask>,
    /// How many tasks would stay as they are.
    pub stay: usize,
    /// How many tasks would end without being replaced.
    pub end: usize,
    /// Why some would wait, or where one more would go.
    pub explanation: Explanation,
}

/// A task that would be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTask {
    /// Its number; 0 for services with a task on each node.
    pub slot: u64,
    /// Where it would go. `None`: it would wait, or its node, which is then `before`, does not take it.
    pub node: Option<NodeId>,
    /// Where the task is that it would replace.
    pub before: Option<NodeId>,
    /// Why it would wait; empty if it would not.
    pub error: String,
}

/// A place that a new task is needed for.
struct Vacancy<'a> {
    key: SlotKey,
    /// The task that is there.
    old: Option<&'a Task>,
}

impl DryRun {
    /// Begins with what there is, and with what the nodes have to do.
    #[must_use]
    pub const fn new(state: State, loads: Loads, now: Timestamp, rng: StdRng) -> Self {
        Self { state, loads, now, rng }
    }

    /// What there would be after all that was tried so far.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Tries a change that puts the service `id`.
    ///
    /// # Errors
    ///
    /// When the state refuses the change.
    pub fn put(&mut self, id: &ServiceId, change: Transaction) -> Result<Planned> {
        self.apply(change)?;
        let before = self.state.clone();
        let service = before.services().get(id).ok_or_else(unknown)?;
        let mut slots = live_slots(&before, service);
        let mut vacancies = Vec::new();
        let mut stay = 0;
        for key in wanted_slots(&before, service, &slots) {
            let old = slots.remove(&key);
            match old.filter(|old| !is_replaced(&before, service, old)) {
                Some(_) => stay += 1,
                None => vacancies.push(Vacancy { key, old }),
            }
        }
        let end = slots.len();
        let mut tasks = Vec::new();
        let (replaced, new): (Vec<_>, Vec<_>) =
            vacancies.into_iter().partition(|vacancy| vacancy.old.is_some());
        // As an update would go, which does a few at a time; what is new all comes at once.
        for some in replaced.chunks(at_a_time(service)) {
            tasks.extend(self.place(service, some)?);
        }
        tasks.extend(self.place(service, &new)?);
        tasks.sort_by(|one, other| (one.slot, &one.before).cmp(&(other.slot, &other.before)));
        let explained = explain::service(&self.state, &self.loads, service, self.now);
        let explanation = explained.ok_or_else(unknown)?;
        Ok(Planned { tasks, stay, end, explanation })
    }

    /// Fills places, and takes what was there away.
    fn place(&mut self, service: &Service, vacancies: &[Vacancy<'_>]) -> Result<Vec<PlannedTask>> {
        if vacancies.is_empty() {
            return Ok(Vec::new());
        }
        let new: Vec<Task> = vacancies.iter().map(|it| self.task(service, it)).collect();
        let ids: Vec<TaskId> = new.iter().map(|task| task.id.clone()).collect();
        self.apply_ops(new.into_iter().map(|task| Op::PutTask(Box::new(task))).collect())?;
        let sessions = Sessions::with_loads(self.loads.clone());
        let view = View { state: self.state.clone(), sessions, ..View::default() };
        for transaction in scheduler::reconcile(&view, self.now, &mut self.rng).transactions {
            self.apply(transaction)?;
        }
        let mut planned = Vec::new();
        let mut ended = Vec::new();
        for (id, vacancy) in ids.iter().zip(vacancies) {
            let task = self.state.tasks().get(id).ok_or_else(unknown)?;
            let is_placed = task.status.state >= TaskState::Assigned;
            planned.push(PlannedTask {
                slot: task.slot,
                node: task.node_id.clone().filter(|_| is_placed),
                before: vacancy.old.and_then(|old| old.node_id.clone()),
                error: task.status.err.clone(),
            });
            // One that waits for a node leaves what it would replace where it is, unless that waits, too.
            let is_left = |old: &Task| !is_placed && old.status.state >= TaskState::Assigned;
            ended.extend(vacancy.old.filter(|old| !is_left(old)).map(|old| self.ended(&old.id)));
        }
        self.apply_ops(ended.into_iter().flatten().collect())?;
        Ok(planned)
    }

    /// A task that has all that it needs but a node.
    fn task(&mut self, service: &Service, vacancy: &Vacancy<'_>) -> Task {
        let (slot, node_id) = match &vacancy.key {
            SlotKey::Number(slot) => (*slot, None),
            SlotKey::Node(node) => (0, Some(node.clone())),
        };
        let waits = vacancy.old.is_some() && !starts_first(service);
        let status =
            TaskStatus { state: TaskState::Pending, timestamp: self.now, ..TaskStatus::default() };
        Task {
            id: TaskId::random(&mut self.rng),
            meta: Default::default(),
            service_id: service.id.clone(),
            service_name: service.spec.name.clone(),
            labels: service.spec.labels.clone(),
            slot,
            spec_version: service.spec_version,
            node_id,
            desired_state: if waits { TaskState::Ready } else { TaskState::Running },
            status,
            attachments: Vec::new(),
            job_iteration: service.job_status.map(|status| status.job_iteration.index),
            routing: Default::default(),
            served: None,
            generic_resources: Vec::new(),
            migrate: false,
        }
    }

    /// Lets a task have stopped.
    fn ended(&self, id: &TaskId) -> Option<Op> {
        let mut task = self.state.tasks().get(id)?.as_ref().clone();
        task.desired_state = TaskState::Shutdown.max(task.desired_state);
        task.status.state = TaskState::Shutdown.max(task.status.state);
        task.attachments.clear();
        Some(Op::PutTask(Box::new(task)))
    }

    fn apply_ops(&mut self, ops: Vec<Op>) -> Result<()> {
        self.apply(Transaction { at: self.now, ops })
    }

    fn apply(&mut self, transaction: Transaction) -> Result<()> {
        let index = self.state.applied() + 1;
        self.state.apply(index, transaction).map(drop)
    }
}

/// The slots that a service is to have, those that it has first.
fn wanted_slots(state: &State, service: &Service, live: &BTreeMap<SlotKey, &Task>) -> Vec<SlotKey> {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let nodes = || state.nodes().values().map(AsRef::as_ref).filter(|node| fits(service, node));
    let on_nodes = |wanted: &dyn Fn(&Node) -> bool| -> Vec<SlotKey> {
        nodes().filter(|node| wanted(node)).map(|node| SlotKey::Node(node.id.clone())).collect()
    };
    match service.spec.mode {
        ServiceMode::Replicated { replicas } => {
            let free = (1..).map(SlotKey::Number).filter(|key| !live.contains_key(key));
            live.keys().cloned().chain(free).take(count(replicas)).collect()
        }
        ServiceMode::ReplicatedJob(job) => {
            let at_a_time = job.max_concurrent.min(job.total_completions);
            (0..at_a_time).map(SlotKey::Number).collect()
        }
        ServiceMode::Global => on_nodes(&|node| {
            node.spec.availability == Availability::Active
                || live.contains_key(&SlotKey::Node(node.id.clone()))
        }),
        ServiceMode::GlobalJob => on_nodes(&|node| {
            node.status.state == NodeState::Ready && node.spec.availability == Availability::Active
        }),
    }
}

/// Whether a task would be replaced: each change of a job runs it once more.
fn is_replaced(state: &State, service: &Service, task: &Task) -> bool {
    service.spec.mode.is_job() || is_dirty(state, service, task)
}

/// How many slots an update does at a time.
fn at_a_time(service: &Service) -> usize {
    let parallelism = service.spec.update_config.as_ref().map_or(1, |config| config.parallelism);
    match usize::try_from(parallelism) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(some) => some,
    }
}

fn starts_first(service: &Service) -> bool {
    let config = service.spec.update_config.as_ref();
    config.is_some_and(|config| config.order == UpdateOrder::StartFirst)
}

fn unknown() -> Error {
    Error::unknown("the state does not have what was just put there")
}

#[cfg(test)]
mod tests;
