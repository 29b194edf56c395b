//! Where tasks are, as the state of a manager says.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use swarmlite_manager::state::State;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

/// Where the tasks are that should run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The last transaction.
    pub(crate) applied: u64,
    /// Nodes that are ready.
    pub(crate) nodes: usize,
    /// Tasks that should run.
    pub(crate) wanted: usize,
    /// Those that do.
    pub(crate) running: usize,
    /// Those that every node concerned has in its tables.
    pub(crate) routed: usize,
    /// Other tasks.
    pub(crate) rest: usize,
    /// From when a container ran, as its agent says, until its task was routed; in order.
    pub(crate) waits: Vec<Duration>,
}

impl Standing {
    /// Where all tasks are.
    pub(crate) fn of_cluster(state: &State) -> Self {
        Self::of(state, state.tasks().values().map(AsRef::as_ref))
    }

    /// Where the tasks of a service are, which is given by its name.
    pub(crate) fn of_service(state: &State, name: &str) -> Self {
        let Some(service) = state.service_by_name(name) else { return Self::default() };
        Self::of(state, state.tasks_of_service(&service.id).map(AsRef::as_ref))
    }

    /// Whether a task is to run.
    pub(crate) fn wants(state: &State, task: &TaskId) -> bool {
        state.tasks().get(task).is_some_and(|task| is_wanted(task))
    }

    /// Whether `count` tasks should run, and all of them do and are routed.
    pub(crate) const fn is_settled(&self, count: usize) -> bool {
        self.wanted == count && self.running == count && self.routed == count
    }

    fn of<'a>(state: &State, tasks: impl Iterator<Item = &'a Task>) -> Self {
        let is_ready = |node: &&_| -> bool { is_ready(node) };
        let nodes = state.nodes().values().map(AsRef::as_ref).filter(is_ready).count();
        let mut standing = Self { applied: state.applied(), nodes, ..Self::default() };
        for task in tasks {
            if !is_wanted(task) {
                standing.rest += 1;
                continue;
            }
            standing.wanted += 1;
            standing.running += usize::from(task.status.state == TaskState::Running);
            if let Routing::Routed { at } = task.routing {
                standing.routed += 1;
                standing.waits.push(at.since(task.status.timestamp));
            }
        }
        standing.waits.sort();
        standing
    }
}

fn is_wanted(task: &Task) -> bool {
    task.desired_state == TaskState::Running
}

fn is_ready(node: &swarmlite_proto::object::Node) -> bool {
    node.status.state == NodeState::Ready
}
