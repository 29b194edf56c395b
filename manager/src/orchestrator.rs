//! Which tasks there should be: what the loops of all kinds of service have in common.
//!
//! Orchestrators make tasks, and say that tasks should start, stop or be forgotten. They never choose an address or a node (but for
//! global services, where the node is what makes the task), and never write what a task observes of itself, with one exception: a
//! task that no agent has ever seen has nobody else to say that it has ended.

pub mod constraint_enforcer;
pub mod global;
pub mod global_job;
pub mod reaper;
pub mod replicated;
pub mod replicated_job;

mod backoff;
mod dirty;
pub(crate) mod handover;
mod job;
mod restart;
mod slot;
mod update;

use rand::rngs::StdRng;
use swarmlite_proto::api::NodeState;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

pub use self::dirty::is_dirty;
use self::slot::Place;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;

/// What one pass works with.
#[derive(Debug)]
struct Pass<'a> {
    state: &'a State,
    now: Timestamp,
    rng: &'a mut StdRng,
}

impl Pass<'_> {
    /// A new task of `service`, made from its current spec.
    fn new_task(&mut self, service: &Service, place: &Place, desired: TaskState) -> Op {
        let (slot, node_id) = match place {
            Place::Slot(slot) => (*slot, None),
            Place::Node(node) => (0, Some(node.clone())),
        };
        let status = TaskStatus {
            timestamp: self.now,
            message: "created".to_owned(),
            ..TaskStatus::default()
        };
        Op::PutTask(Box::new(Task {
            id: TaskId::random(self.rng),
            meta: Default::default(),
            service_id: service.id.clone(),
            service_name: service.spec.name.clone(),
            labels: service.spec.labels.clone(),
            slot,
            spec_version: service.spec_version,
            node_id,
            desired_state: desired,
            status,
            attachments: Vec::new(),
            job_iteration: job::iteration_of(service),
            routing: Routing::Unrouted,
            generic_resources: Vec::new(),
        }))
    }

    /// Wants `task` in `desired`, which is later than what was wanted before.
    ///
    /// A task that may have traffic has to leave the tables of the nodes before it is stopped: [`crate::routing`].
    fn want(&self, task: &Task, desired: TaskState) -> Op {
        let mut task = task.clone();
        if is_live(&task) && !desired.is_wanted() {
            task.routing = match task.status.state {
                TaskState::Running => Routing::Draining { since: self.now },
                _ => Routing::Drained { at: self.now },
            };
        }
        task.desired_state = desired;
        if !desired.is_wanted() && task.status.state < TaskState::Assigned {
            task.status.state = TaskState::Shutdown;
            task.status.timestamp = self.now;
            "shutdown".clone_into(&mut task.status.message);
        }
        Op::PutTask(Box::new(task))
    }
}

/// What `reconcile` plans for each service, in the order of their ids.
fn for_each_service(
    view: &View,
    now: Timestamp,
    rng: &mut StdRng,
    reconcile: impl Fn(&mut Pass<'_>, &Service, &mut Plan),
) -> Plan {
    let mut plan = Plan::default();
    let mut pass = Pass { state: &view.state, now, rng };
    for service in view.state.services().values() {
        reconcile(&mut pass, service, &mut plan);
    }
    plan
}

/// Refuses a plan if the service has changed since: a plan for an old spec would be undone at once.
fn unchanged(service: &Service) -> Op {
    Op::Expect(ObjectRef::Service(service.id.clone()), service.meta.version)
}

/// Whether the task is wanted, now or soon.
fn is_live(task: &Task) -> bool {
    task.desired_state.is_wanted()
}

/// Where the tasks of `service` should get: a job's should end by themselves.
const fn goal(service: &Service) -> TaskState {
    if service.spec.mode.is_job() { TaskState::Complete } else { TaskState::Running }
}

/// Whether the task runs, and every node that concerns knows it.
fn is_routed(task: &Task) -> bool {
    task.status.state == TaskState::Running && matches!(task.routing, Routing::Routed { .. })
}

/// Whether a node may keep the tasks it has. One that was not heard of since the leader changed may.
fn keeps_tasks(node: Option<&Node>) -> bool {
    node.is_some_and(|node| {
        node.status.state != NodeState::Down && node.spec.availability != Availability::Drain
    })
}

/// Whether nothing of the task runs any more, as far as can be known. Nobody waits for a node that is down.
fn has_stopped(state: &State, task: &Task) -> bool {
    let silent = |node: &NodeId| {
        state.nodes().get(node).is_none_or(|node| node.status.state == NodeState::Down)
    };
    task.status.state.is_terminal() || task.node_id.as_ref().is_some_and(silent)
}

#[cfg(test)]
mod tests;
