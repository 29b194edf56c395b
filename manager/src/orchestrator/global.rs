//! Global services: one task on each node that fits (swarmkit `manager/orchestrator/global`).
//!
//! The node is chosen here, as it is what makes the task; the scheduler only confirms it. Nothing is replaced elsewhere.

use rand::rngs::StdRng;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::pass::Pass;
use super::pass::for_each_service;
use super::pass::unchanged;
use super::restart;
use super::slot::Slot;
use super::slot::slots_of;
use super::task::has_stopped;
use super::update;
use crate::placement::SlotKey;
use crate::placement::fits;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Op;

/// Gives every global service its task on every node that fits, and on no other.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let services = view.scope.services_on_every_node(&view.state);
    for_each_service(view, services, now, rng, |pass, service, plan| {
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
        let key = SlotKey::Node(node.id.clone());
        let slot = slots.remove(&key).unwrap_or_else(|| Slot::empty(key));
        if !fits(service, node) {
            groups.push(end(pass, &slot, TaskState::Shutdown));
        } else if restart::is_occupied(state, &slot) {
            // A paused node is not updated.
            if node.spec.availability == Availability::Active {
                kept.push(slot);
            } else {
                groups.push(restart::tend(pass, service, &slot, plan));
            }
        } else if node.spec.availability == Availability::Active {
            let is_quiet = slot.tasks.iter().all(|task| has_stopped(state, task));
            let desired = if is_quiet { TaskState::Running } else { TaskState::Ready };
            groups.push(vec![pass.new_task(service, &slot.key, desired)]);
        }
    }
    // These were on nodes that have been removed.
    groups.extend(slots.into_values().map(|slot| end(pass, &slot, TaskState::Remove)));

    update::tend_slots(pass, service, &kept, plan, &mut groups);
    plan.change(pass.now, &[unchanged(service)], groups);
}

/// Wants every task of a slot in `desired`, those that are not past it already.
fn end(pass: &Pass<'_>, slot: &Slot<'_>, desired: TaskState) -> Vec<Op> {
    let before = slot.tasks.iter().filter(|task| task.desired_state < desired);
    before.map(|task| pass.want(task, desired)).collect()
}
