//! Moves tasks of services that ask for it to nodes that have become better, by themselves: what `swarmlite rebalance` does when it is told.
//!
//! It only says which tasks are to move, a few at a time: an orchestrator replaces them, and only once that is done do others follow. A node
//! that has just come, gone or changed may do so again, and nothing moves for its sake yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::spec::Rebalance;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::reconcile::Plan;
use crate::reconcile::Scope;
use crate::reconcile::View;
use crate::scheduler::rebalance;
use crate::scheduler::rebalance::Move;
use crate::state::State;

/// How long after one another it looks: all tasks of these services are compared with all nodes.
pub(crate) const PACE: Duration = Duration::from_secs(30);

/// How long all nodes have to have been as they are, and the leader the same.
const CALM: Duration = Duration::from_secs(60);

/// When it looks again if nothing changes.
const AT_LAST: Duration = Duration::from_secs(24 * 60 * 60);

/// The most tasks that are told to move at once.
const MOST: usize = 100;

/// Of each service, one in so many tasks moves at once, and at least one.
const ONE_IN: usize = 10;

/// Has those tasks migrate that would be better off elsewhere.
#[must_use]
pub(crate) fn reconcile(view: &View, now: Timestamp, _: &mut StdRng) -> Plan {
    let mut plan = Plan::default();
    let state = &view.state;
    let services = view.scope.services(state).into_iter().filter(|service| asks(service));
    let services: Vec<&Arc<Service>> = services.collect();
    if services.is_empty() {
        return plan;
    }
    if view.scope != Scope::Everything {
        // There has been none so far.
        plan.wake_by(now + PACE);
        return plan;
    }
    plan.wake_by(now + AT_LAST);
    // A new leader has to hear from all nodes first what they have to do.
    let changes = state.nodes().values().map(|node| node.meta.updated_at);
    let calm_at = changes.fold(view.leader_since, Timestamp::max) + CALM;
    if calm_at > now {
        plan.wake_by(calm_at);
        return plan;
    }
    if !view.sessions.loads.is_empty() {
        // What is measured changes without the state.
        plan.wake_by(now + PACE);
    }
    let resting: Vec<&Arc<Service>> =
        services.into_iter().filter(|service| is_at_rest(state, service)).collect();
    let moves = rebalance::moves(state, &view.sessions.loads, &resting, now, MOST);
    let moves = few(state, moves);
    let ops = rebalance::migrate(state, &moves, now).ops;
    plan.change(now, &[], ops.into_iter().map(|op| vec![op]));
    plan
}

/// Whether the service wants its tasks moved.
fn asks(service: &Service) -> bool {
    let placement = service.spec.task_template.placement.as_ref();
    let mode = placement.and_then(|placement| placement.rebalance.as_deref());
    mode.is_some_and(|mode| mode.parse() == Ok(Rebalance::Auto))
}

/// Whether nothing is being changed about the service. Tasks that wait for a node do not count, as they may do so for ever.
fn is_at_rest(state: &State, service: &Service) -> bool {
    let update = service.update_status.as_ref().map(|status| status.state);
    let is_coming = |task: &Task| {
        task.migrate || (TaskState::Assigned..TaskState::Running).contains(&task.status.state)
    };
    !matches!(update, Some(UpdateState::Updating | UpdateState::RollbackStarted))
        && !state
            .tasks_of_service(&service.id)
            .any(|task| task.desired_state.is_wanted() && is_coming(task))
}

/// Those of the moves that may be made at once, the best of each service.
fn few(state: &State, moves: Vec<Move>) -> Vec<Move> {
    let mut left: BTreeMap<ServiceId, usize> = BTreeMap::new();
    let first = moves.into_iter().filter(|it| {
        let left = left.entry(it.service.clone()).or_insert_with(|| {
            let wanted = |task: &&Arc<Task>| task.desired_state.is_wanted();
            (state.tasks_of_service(&it.service).filter(wanted).count() / ONE_IN).max(1)
        });
        let may = *left > 0;
        *left = left.saturating_sub(1);
        may
    });
    first.collect()
}

#[cfg(test)]
mod tests;
