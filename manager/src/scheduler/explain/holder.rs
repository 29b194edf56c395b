//! Which task is in the way.

use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use crate::scheduler::candidate::Candidate;
use crate::scheduler::domain::place_of;
use crate::scheduler::rules::Rule;
use crate::state::State;
use crate::state::host_ports;

/// The task that has `port` of the node.
pub(super) fn of_port<'a>(
    state: &'a State,
    candidate: &Candidate<'_>,
    port: u16,
) -> Option<&'a Task> {
    let tasks = state.tasks_of_node(candidate.id()).map(AsRef::as_ref);
    tasks.filter(|task| is_there(task)).find(|task| {
        let revision = state.revision_of(task);
        revision.is_some_and(|revision| host_ports(revision).any(|(_, taken)| taken == port))
    })
}

/// A task that the rule is about, where the node is.
pub(super) fn of_rule<'a>(
    state: &'a State,
    rule: &Rule,
    candidate: &Candidate<'_>,
) -> Option<&'a Task> {
    let place = place_of(&rule.over, candidate.node)?;
    let services = rule.services.iter().flatten();
    let mut tasks = services.flat_map(|service| state.tasks_of_service(service)).map(AsRef::as_ref);
    tasks.find(|task: &&Task| {
        let node = task.node_id.as_ref().and_then(|node| state.nodes().get(node));
        let is_in_place = node.is_some_and(|node| place_of(&rule.over, node) == Some(place));
        is_in_place && is_there(task) && task.desired_state.is_wanted()
    })
}

/// Whether the task uses something of its node.
fn is_there(task: &Task) -> bool {
    task.status.state >= TaskState::Assigned && !task.status.state.is_terminal()
}
