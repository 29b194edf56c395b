//! What must hold whatever happens, each with a name, and who breaks it.
//!
//! - `unique`: what two must not have.
//! - `tasks`: how tasks change, where they are placed, and how many there are in a slot.
//! - `restarts`: when the successor of a task may start.
//! - `traffic`: which tasks get requests.
//! - `rest`: what has come of everything once nothing goes wrong any more.

mod rest;
mod restarts;
mod tasks;
mod traffic;
mod unique;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use crate::world::World;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// No two services have one name, one published port or one HTTP route; no two owners one address, no two networks one VNI or subnet.
    NothingTwice,
    /// What users and agents were told is carried out stays so.
    AcknowledgedIsKept,
    /// A task never goes back, and never changes its node.
    TasksOnlyGrow,
    /// There are no more tasks in a slot than the order of updates allows.
    OneTaskInASlot,
    /// The successor of a task that ended by itself starts only after the delay of the restart policy.
    RestartsWait,
    /// A task is placed where it may be, with an address on each of its networks.
    PlacedWhereItMay,
    /// What the tasks of a node set aside is never more than it has.
    ReservedIsThere,
    /// No table sends requests to a task that was never ready.
    RoutedWasReady,
    /// A task counts as routed only when every live node has confirmed it, and is stopped only when none sends it anything.
    NodesHaveConfirmed,
    /// What managers have applied is the same, and what they keep beside it follows from it.
    ReplicasConverge,
    /// A pass over what has changed plans what a pass over everything would.
    ScopeIsEnough,
    /// The differences that an agent is told add up to all that it is to know.
    EverythingIsTold,
    /// Once nothing goes wrong any more, every service has what it asks for, and every update ends.
    ComesToRest,
}

/// Something did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) name: Name,
    pub(crate) what: String,
    pub(crate) steps: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {} steps: {}", self.name, self.steps, self.what)
    }
}

/// What is remembered in order to tell.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) broken: Option<Broken>,
    /// The tasks that were ready on their machine at some time.
    pub(crate) ready: BTreeSet<TaskId>,
    /// When each task was made.
    made: BTreeMap<TaskId, Timestamp>,
    /// In whose place a task was put that ended by itself.
    restarts: BTreeMap<TaskId, TaskId>,
    /// Which nodes have ever had a task in their tables.
    served: BTreeSet<(NodeId, TaskId)>,
    /// The newest tables that each node has had.
    confirmed: BTreeMap<NodeId, Generation>,
    /// When each node was last down, or removed, as far as managers knew.
    last_down: BTreeMap<NodeId, Timestamp>,
    /// The loop that has looked last.
    pub(crate) last_loop: &'static str,
    /// Whether time was set, by which managers measure how long they wait.
    pub(crate) clocks_were_set: bool,
}

impl Watch {
    /// Something does not hold. Only the first counts.
    pub(crate) fn fail(&mut self, name: Name, what: String) {
        self.broken.get_or_insert(Broken { name, what, steps: 0 });
    }
}

impl World {
    /// An entry has been applied: `before` has become what there is.
    pub(crate) fn check(&mut self, before: &State, transaction: &Transaction) {
        self.check_unique(before);
        self.check_tasks(before);
        self.check_restarts(before, transaction.at);
        self.check_routing(before, transaction.at);
        self.note_nodes();
    }

    fn note_nodes(&mut self) {
        use swarmlite_proto::object::NodeState;
        let (now, state) = (self.now(), self.log.state());
        for host in &self.hosts {
            let id = host.machine.node_id();
            if state.nodes().get(id).is_none_or(|node| node.status.state == NodeState::Down) {
                self.watch.last_down.insert(id.clone(), now);
            }
        }
    }
}
