//! A machine with an agent, in time that passes only when told to: what is on its disk, in its kernel and in its engine, and what the agent has
//! in memory.
//!
//! What is done about a task, what becomes of one that has ended, how assignments add up and which statuses are sent is decided by the code of
//! the real agent. The shells around it, which wait for engines, disks and connections, are written here once more and without waiting: one of a
//! task ([`control`]) and one of a session ([`link`]).

mod control;
mod link;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use self::control::Control;
pub use self::control::Look;
pub use self::control::Luck;
use self::link::Link;
use crate::assignment::Assignments;
use crate::reporter::Reporter;
use crate::task::step::Container;
use crate::task::step::Health;

/// A machine with an agent.
#[derive(Debug)]
pub struct Machine {
    node_id: NodeId,
    disk: Disk,
    engine: BTreeMap<TaskId, Contained>,
    tables: Tables,
    /// The agent as it runs.
    known: Option<Assignments>,
    controls: BTreeMap<TaskId, Control>,
    reporter: Reporter,
    /// What the tables have reached, as far as this agent has seen it.
    programmed: Generation,
    link: Option<Link>,
    next_pid: i64,
}

/// What outlives the agent, and the power of the machine.
#[derive(Debug, Default)]
struct Disk {
    assignments: Option<Assignments>,
    statuses: BTreeMap<TaskId, TaskStatus>,
    restarts: BTreeMap<TaskId, Vec<Timestamp>>,
}

/// The container of a task.
#[derive(Debug)]
struct Contained {
    task: Arc<TaskAssignment>,
    state: Container,
    pid: i64,
    /// Why it is to get no requests, as far as its readiness check says.
    not_ready: Option<String>,
    started_at: Timestamp,
}

/// What the kernel holds.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Which state they were computed from.
    pub generation: Generation,
    /// The services that are balanced.
    pub endpoints: BTreeMap<(NetworkId, ServiceId), Arc<EndpointAssignment>>,
    networks: BTreeSet<NetworkId>,
}

/// How a container ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i64),
    /// It fails its health check from now on.
    Unhealthy,
}

impl Tables {
    /// Whether a network is there.
    #[must_use]
    pub fn has(&self, network: &NetworkId) -> bool {
        self.networks.contains(network)
    }

    /// Whether new connections are given to a task.
    #[must_use]
    pub fn serve(&self, task: &TaskId) -> bool {
        self.serving().any(|serving| serving == task)
    }

    /// The tasks that new connections are given to.
    pub fn serving(&self) -> impl Iterator<Item = &TaskId> {
        let tasks = self.endpoints.values().flat_map(|endpoint| &endpoint.tasks);
        tasks.filter(|task| task.serving).map(|task| &task.task_id)
    }
}

impl Machine {
    /// A machine with nothing on it but an agent that runs.
    #[must_use]
    pub fn new(node_id: NodeId) -> Self {
        Self {
            node_id,
            disk: Disk::default(),
            engine: BTreeMap::new(),
            tables: Tables::default(),
            known: None,
            controls: BTreeMap::new(),
            reporter: Reporter::default(),
            programmed: Generation::default(),
            link: None,
            next_pid: 1,
        }
    }

    /// The node that it is.
    #[must_use]
    pub const fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    /// What its kernel holds.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The tasks whose containers run, each with when that was started.
    pub fn running(&self) -> impl Iterator<Item = (&Arc<TaskAssignment>, Timestamp)> {
        let runs = |it: &&Contained| matches!(it.state, Container::Running(_));
        self.engine.values().filter(runs).map(|it| (&it.task, it.started_at))
    }

    /// Whether the container of a task runs, is attached to its networks and passes its checks.
    #[must_use]
    pub fn is_ready(&self, task: &TaskId) -> bool {
        self.engine.get(task).is_some_and(|it| {
            let passes =
                matches!(it.state, Container::Running(Health::Unchecked | Health::Healthy));
            let attached =
                self.controls.get(task).is_some_and(|control| control.is_attached(it.pid));
            passes && attached && it.not_ready.is_none()
        })
    }

    /// The agent is started again. Kernel and containers stay as they are.
    pub fn restart(&mut self) {
        self.link = None;
        self.programmed = Generation::default();
        self.reporter = Reporter::default();
        self.controls.clear();
        self.known.clone_from(&self.disk.assignments);
        self.reconcile();
    }

    /// The machine is started again after it has lost its power, and its disk if that is not `kept`.
    pub fn reboot(&mut self, kept: bool) {
        self.tables = Tables::default();
        for contained in self.engine.values_mut() {
            if let Container::Running(_) = contained.state {
                contained.pid = 0;
                contained.state = Container::Exited { exit_code: 137, error: String::new() };
            }
        }
        if !kept {
            self.disk = Disk::default();
            self.engine.clear();
        }
        self.restart();
    }

    /// The kernel's tables become what the agent knows. Returns whether they were something else.
    pub fn program(&mut self) -> bool {
        let Some(known) = &self.known else { return false };
        let changed = self.programmed != known.generation;
        self.programmed = known.generation;
        self.tables = Tables {
            generation: known.generation,
            endpoints: known.endpoints.clone(),
            networks: known.networks.keys().cloned().collect(),
        };
        changed
    }

    /// Whether the kernel's tables are to become something else.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.known.as_ref().is_some_and(|known| self.programmed != known.generation)
    }

    /// Something becomes of the container of a task by itself, if it runs.
    pub fn befall(&mut self, task: &TaskId, what: Ended) -> bool {
        let Some(contained) = self.engine.get_mut(task) else { return false };
        if !matches!(contained.state, Container::Running(_)) {
            return false;
        }
        contained.state = match what {
            Ended::Exited(exit_code) => Container::Exited { exit_code, error: String::new() },
            Ended::Unhealthy => Container::Running(Health::Unhealthy),
        };
        if let Ended::Exited(_) = what {
            contained.pid = 0;
        }
        true
    }

    /// The readiness check of a task passes from now on, or does not. Tasks without one are always ready.
    pub fn set_ready(&mut self, task: &TaskId, ready: bool) {
        if let Some(contained) = self.engine.get_mut(task)
            && control::is_checked(&contained.task)
        {
            contained.not_ready = (!ready).then(|| "check fails".to_owned());
        }
    }

    /// The tasks that there may be something to do for.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskId> {
        self.controls.keys()
    }

    /// Has every assigned task controlled, and every other forgotten, as the worker does.
    fn reconcile(&mut self) {
        let Some(known) = &self.known else { return };
        for (id, task) in &known.tasks {
            match self.controls.get_mut(id) {
                Some(control) => control.keep(task),
                None => {
                    let kept = self.disk.statuses.get(id);
                    let kept = kept.filter(|kept| kept.state >= task.observed_state);
                    if let Some(kept) = kept {
                        self.reporter.report(id, kept.clone());
                    }
                    self.controls.insert(id.clone(), Control::new(task, kept));
                }
            }
        }
        for (id, control) in &mut self.controls {
            if !known.tasks.contains_key(id) {
                control.forget();
            }
        }
        // Nobody controls what was there before the agent and is not assigned: it is stopped and removed.
        self.engine.retain(|id, _| self.controls.contains_key(id));
    }
}
