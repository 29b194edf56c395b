//! What the cluster would do: the loops of the leader themselves on a copy of the state, with agents that do at once what they are told,
//! and a clock that jumps to whatever comes next.
//!
//! - [`what_if`]: nodes are lost or added, and what that moves.
//!
//! Nothing here is proposed to anybody: the copy is thrown away. What agents may fail at, such as pulling an image, does not
//! happen here.

pub mod what_if;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::dispatcher::assignment::told_state;
use crate::heartbeat::Sessions;
use crate::heartbeat::heartbeat_period;
use crate::load::Loads;
use crate::loops::LOOPS;
use crate::reconcile::Agenda;
use crate::reconcile::View;
use crate::routing::PATIENCE;
use crate::scheduler::rebalance;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

/// How far ahead is looked. What takes longer, such as giving up the tasks of a node that is down, does not count as a consequence.
const HORIZON: Duration = Duration::from_secs(60 * 60);

/// After so many rounds without an end, something goes round in circles.
const ROUNDS: usize = 100_000;

/// A cluster that lives in memory.
#[derive(Debug)]
pub struct Simulation {
    view: View,
    /// What each loop has to do next, in the order of [`LOOPS`].
    agendas: Vec<Agenda>,
    /// The state that the agents have seen.
    seen: State,
    /// The tasks that their agents have something to do for.
    moving: BTreeSet<TaskId>,
    now: Timestamp,
    rng: StdRng,
}

impl Simulation {
    /// Begins with what there is and with what the nodes have to do. Nodes that are not known to be down answer.
    #[must_use]
    pub fn new(state: State, loads: Loads, now: Timestamp, rng: StdRng) -> Self {
        let sessions = Sessions::with_loads(loads);
        let (leader_since, routing_patience) = (now, PATIENCE);
        let view = View { state, sessions, leader_since, routing_patience, ..View::default() };
        let agendas = LOOPS.iter().map(|step| Agenda::new(step.pace)).collect();
        let (seen, moving) = (State::default(), BTreeSet::new());
        Self { view, agendas, seen, moving, now, rng }
    }

    /// The cluster as it is by now.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.view.state
    }

    /// What the nodes had to do when it began. What has come or gone since counts by the number of tasks.
    pub(crate) const fn loads(&self) -> &Loads {
        &self.view.sessions.loads
    }

    /// What time it is there.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Carries out a change.
    ///
    /// # Errors
    ///
    /// When the state refuses it.
    pub(crate) fn commit(&mut self, ops: Vec<Op>) -> Result<()> {
        self.apply(Transaction { at: self.now, ops })
    }

    /// Lets everything happen that happens by itself within an hour.
    ///
    /// # Errors
    ///
    /// When it does not come to rest, or a loop plans what the state refuses.
    pub fn run(&mut self) -> Result<()> {
        let end = self.now + HORIZON;
        for _ in 0..ROUNDS {
            let planned = self.pass()?;
            let moved = self.agents()?;
            if planned || moved {
                continue;
            }
            match self.agendas.iter().filter_map(Agenda::next).min() {
                Some(next) if next <= end => self.now = next.max(self.now),
                _ => return Ok(()),
            }
        }
        Err(Error::unknown("the cluster did not come to rest in the simulation"))
    }

    /// Moves what would be better off on another node, and lets that happen.
    ///
    /// # Errors
    ///
    /// Those of [`Simulation::run`].
    pub fn rebalance(&mut self) -> Result<()> {
        let state = self.view.state.clone();
        let services: Vec<_> = state.services().values().collect();
        let moves = rebalance::moves(&state, self.loads(), &services, self.now, usize::MAX);
        self.apply(rebalance::migrate(&state, &moves, self.now))?;
        self.run()
    }

    /// One pass of each loop. Returns whether one had something to do.
    fn pass(&mut self) -> Result<bool> {
        let mut planned = false;
        for (number, step) in LOOPS.iter().enumerate() {
            self.hear();
            let Some(agenda) = self.agendas.get_mut(number) else { continue };
            self.view.scope = agenda.begin(&self.view.state, self.now);
            let plan = (step.reconcile)(&self.view, self.now, &mut self.rng);
            agenda.end(std::mem::take(&mut self.view.scope), &plan, true);
            planned |= !plan.transactions.is_empty();
            for transaction in plan.transactions {
                self.apply(transaction)?;
            }
        }
        Ok(planned)
    }

    /// Nodes that are there are heard of, and have programmed what they were told.
    fn hear(&mut self) {
        let period = heartbeat_period(&self.view.state);
        let generation = self.view.state.generation();
        let nodes = self.view.state.nodes().values();
        for node in nodes.filter(|node| node.status.state != NodeState::Down) {
            self.view.sessions.heard(&node.id, self.now, period);
            self.view.programmed.insert(node.id.clone(), generation);
        }
    }

    /// Every agent moves each of its tasks by one state. Returns whether one did.
    fn agents(&mut self) -> Result<bool> {
        let changes = self.view.state.changes_since(&self.seen);
        self.moving.extend(changes.tasks.iter().filter_map(|it| it.new).map(|it| it.id.clone()));
        self.seen = self.view.state.clone();
        let mut ops = Vec::new();
        let state = &self.view.state;
        self.moving.retain(|id| {
            let report = state.tasks().get(id).and_then(|task| report(state, task, self.now));
            let moves = report.is_some();
            ops.extend(report);
            moves
        });
        let moved = !ops.is_empty();
        self.commit(ops)?;
        Ok(moved)
    }

    fn apply(&mut self, transaction: Transaction) -> Result<()> {
        let index = self.view.state.applied() + 1;
        self.view.state.apply(index, transaction).map(drop)
    }
}

/// What the agent of a task says next of it, if it is there.
fn report(state: &State, task: &Task, now: Timestamp) -> Option<Op> {
    let node_id: NodeId = task.node_id.clone()?;
    let is_there = |node: &NodeId| {
        state.nodes().get(node).is_some_and(|node| node.status.state != NodeState::Down)
    };
    if task.status.state < TaskState::Assigned || !is_there(&node_id) {
        return None;
    }
    let state = next_state(task)?;
    let status = TaskStatus { state, timestamp: now, ..task.status.clone() };
    Some(Op::ReportTask { node_id, task_id: task.id.clone(), status: Box::new(status) })
}

/// What the agent of a task makes of it next, when all goes well.
pub(crate) fn next_state(task: &Task) -> Option<TaskState> {
    let state = task.status.state;
    if state.is_terminal() {
        return None;
    }
    let desired = told_state(task);
    if !desired.is_wanted() {
        let rejected = desired == TaskState::Rejected;
        return Some(if rejected { desired } else { TaskState::Shutdown });
    }
    TaskState::ALL.into_iter().find(|next| *next > state && *next <= desired)
}

#[cfg(test)]
mod tests;
