//! Takes tasks off nodes that have changed so that they may not be there any more (swarmkit `manager/orchestrator/constraintenforcer`).
//!
//! A task is placed once. Should its node lose a label that the service asks for, or have less of what the task has set aside, then
//! the task is rejected, and the restart policy decides on another elsewhere.
//!
//! The task still runs, so this loop does not say that it has ended: it wants it to be `rejected`, the nodes stop routing to it first, and its agent
//! says what became of it. Only active nodes count: on paused ones nothing is touched, and drained ones are emptied anyway.
//!
//! A task of an old spec is measured by that spec until the update comes to it. Otherwise an update of a constraint
//! would end at once all the tasks that it is to replace one by one.

use rand::rngs::StdRng;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::pass::Pass;
use super::task::is_live;
use crate::placement::constraint;
use crate::placement::is_dirty;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Reserved;
use crate::state::State;

/// Rejects what may not stay where it is.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let state = &view.state;
    let pass = Pass { state, now, rng };
    let mut plan = Plan::default();
    let nodes = view.scope.nodes(state).into_iter().filter(|node| {
        node.spec.availability == Availability::Active && node.status.state != NodeState::Down
    });
    let groups = nodes.flat_map(|node| violators(state, node));
    plan.change(now, &[], groups.map(|task| vec![pass.want(task, TaskState::Rejected)]));
    plan
}

/// The tasks of `node` that may not be there. Of those that are too much for it, the newest.
fn violators<'a>(state: &'a State, node: &Node) -> Vec<&'a Task> {
    let mut tasks: Vec<&'a Task> =
        state.tasks_of_node(&node.id).map(AsRef::as_ref).filter(|task| is_placed(task)).collect();
    tasks.sort_by_key(|task| (task.meta.created_at, task.meta.version, &task.id));
    let mut left = node.description.is_some().then(|| Reserved::total(node));
    let mut stays = |task: &Task| {
        if !constraint::all_match(placement_of(state, task), node) {
            return false;
        }
        // One that is only made ready uses nothing until the one it replaces has stopped.
        let Some(left) = left.as_mut().filter(|_| task.desired_state >= TaskState::Running) else {
            return true;
        };
        let reserved = state.revision_of(task).map(|revision| Reserved::by(revision));
        let reserved = reserved.unwrap_or_default();
        let fits = left.shortages(&reserved).next().is_none();
        if fits {
            left.subtract(&reserved);
        }
        fits
    };
    tasks.retain(|task| !stays(task));
    tasks
}

/// Whether the task is wanted on its node, and has not ended there. What waits for the scheduler is the scheduler's.
fn is_placed(task: &Task) -> bool {
    is_live(task) && task.status.state >= TaskState::Assigned && !task.status.state.is_terminal()
}

/// What `task` is measured by.
fn placement_of<'a>(state: &'a State, task: &Task) -> Option<&'a Placement> {
    let service = state.services().get(&task.service_id);
    let current = service.filter(|service| !is_dirty(state, service, task));
    let spec = match current {
        Some(service) => Some(&service.spec.task_template),
        None => state.revision_of(task).map(|revision| revision.task.as_ref()),
    };
    spec.and_then(|spec| spec.placement.as_ref())
}
