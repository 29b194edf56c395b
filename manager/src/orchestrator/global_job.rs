//! Global jobs: one completion on each node that fits (swarmkit `manager/orchestrator/jobs/global`).
//!
//! Nodes that join later get their task too. Nothing is replaced elsewhere.

use rand::rngs::StdRng;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::time::Timestamp;

use super::job;
use super::job::SlotState;
use super::pass::Pass;
use super::pass::for_each_service;
use super::pass::unchanged;
use super::slot::Slot;
use super::slot::slots_of;
use crate::placement::SlotKey;
use crate::placement::fits;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Op;

/// Gives every global job its task on every node that fits, until each has completed.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let services = view.scope.services_on_every_node(&view.state);
    for_each_service(view, services, now, rng, |pass, service, plan| {
        if service.spec.mode == ServiceMode::GlobalJob {
            reconcile_service(pass, service, plan);
        }
    })
}

fn reconcile_service(pass: &mut Pass<'_>, service: &Service, plan: &mut Plan) {
    let state = pass.state;
    let mut slots = slots_of(state, &service.id);
    let mut groups = Vec::new();
    for node in state.nodes().values() {
        let key = SlotKey::Node(node.id.clone());
        let slot = slots.remove(&key).unwrap_or_else(|| Slot::empty(key));
        if !fits(service, node) {
            groups.push(leave(pass, service, &slot));
            continue;
        }
        let (mut ops, state) = job::tend(pass, service, &slot, plan);
        if state == SlotState::Open && takes_tasks(node) {
            ops.push(job::begin(pass, service, &slot));
        }
        groups.push(ops);
    }
    // These were on nodes that have been removed.
    groups.extend(slots.into_values().map(|slot| leave(pass, service, &slot)));
    plan.change(pass.now, &[unchanged(service)], groups);
}

/// Stops what is on a node that does not fit; what has completed there has completed.
fn leave(pass: &Pass<'_>, service: &Service, slot: &Slot<'_>) -> Vec<Op> {
    let mut ops = job::forget_earlier(pass, service, slot);
    ops.extend(job::end_unfinished(pass, &job::current(service, slot)));
    ops
}

fn takes_tasks(node: &Node) -> bool {
    node.status.state == NodeState::Ready && node.spec.availability == Availability::Active
}
