//! Global services: one task on each node that fits (swarmkit `manager/orchestrator/global`).
//!
//! The node is chosen here, as it is what makes the task; the scheduler only confirms it. Nothing is replaced elsewhere.

use rand::rngs::StdRng;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::Pass;
use super::for_each_service;
use super::has_stopped;
use super::keeps_tasks;
use super::restart;
use super::slot::Place;
use super::slot::Slot;
use super::slot::slots_of;
use super::unchanged;
use super::update;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::scheduler::constraint;
use crate::state::Op;

/// Gives every global service its task on every node that fits, and on no other.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    for_each_service(view, now, rng, |pass, service, plan| {
        if service.spec.mode == ServiceMode::Global {
            reconcile_service(pass, service, plan);
        }
    })
}

fn reconcile_service(pass: &mut Pass<'_>, service: &Service, plan: &mut Plan) {
    let state = pass.state;
    let mut slots = slots_of(state, &service.id);
    let mut groups = Vec::new();
    let mut kept = Vec::new();
    for node in state.nodes().values() {
        let place = Place::Node(node.id.clone());
        let slot = slots.remove(&place).unwrap_or_else(|| Slot::empty(place));
        if !fits(service, node) {
            groups.push(end(pass, &slot, TaskState::Shutdown));
        } else if slot.is_occupied(state) {
            // A paused node is not updated.
            if node.spec.availability == Availability::Active {
                kept.push(slot);
            } else {
                groups.push(restart::tend(pass, service, &slot, plan));
            }
        } else if node.spec.availability == Availability::Active {
            let is_quiet = slot.tasks.iter().all(|task| has_stopped(state, task));
            let desired = if is_quiet { TaskState::Running } else { TaskState::Ready };
            groups.push(vec![pass.new_task(service, &slot.place, desired)]);
        }
    }
    // These were on nodes that have been removed.
    groups.extend(slots.into_values().map(|slot| end(pass, &slot, TaskState::Remove)));

    update::tend_slots(pass, service, &kept, plan, &mut groups);
    plan.change(pass.now, &[unchanged(service)], groups);
}

/// Whether the tasks of a global service may be on `node`.
pub(super) fn fits(service: &Service, node: &Node) -> bool {
    keeps_tasks(Some(node))
        && constraint::all_match(service.spec.task_template.placement.as_ref(), node)
}

/// Wants every task of a slot in `desired`, those that are not past it already.
fn end(pass: &Pass<'_>, slot: &Slot<'_>, desired: TaskState) -> Vec<Op> {
    let before = slot.tasks.iter().filter(|task| task.desired_state < desired);
    before.map(|task| pass.want(task, desired)).collect()
}
