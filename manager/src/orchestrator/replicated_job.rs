//! Replicated jobs: so many completions, so many tasks at a time (swarmkit `manager/orchestrator/jobs/replicated`).
//!
//! Slots are numbered from 0, unlike those of replicated services, and without gaps: clients count on it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rand::rngs::StdRng;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::ReplicatedJob;
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
use crate::reconcile::Plan;
use crate::reconcile::View;

/// Gives every replicated job the tasks that it may have at a time, until enough have completed.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let services = view.scope.services(&view.state);
    for_each_service(view, services, now, rng, |pass, service, plan| {
        if let ServiceMode::ReplicatedJob(job) = service.spec.mode {
            reconcile_service(pass, service, job, plan);
        }
    })
}

fn reconcile_service(pass: &mut Pass<'_>, service: &Service, job: ReplicatedJob, plan: &mut Plan) {
    let mut groups = Vec::new();
    let mut taken = BTreeSet::new();
    let mut open = BTreeMap::new();
    let mut active: u64 = 0;
    for (key, slot) in slots_of(pass.state, &service.id) {
        let (ops, state) = job::tend(pass, service, &slot, plan);
        groups.push(ops);
        active += u64::from(state == SlotState::Active);
        if state == SlotState::Open {
            open.insert(key, slot);
        } else {
            taken.insert(key);
        }
    }
    let free = (0..job.total_completions).map(SlotKey::Number).filter(|key| !taken.contains(key));
    let at_most = usize::try_from(job.max_concurrent.saturating_sub(active)).unwrap_or(usize::MAX);
    for key in free.take(at_most) {
        let slot = open.remove(&key).unwrap_or_else(|| Slot::empty(key));
        groups.push(vec![job::begin(pass, service, &slot)]);
    }
    plan.change(pass.now, &[unchanged(service)], groups);
}
