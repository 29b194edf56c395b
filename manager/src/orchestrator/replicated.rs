//! Replicated services: as many slots as replicas (swarmkit `manager/orchestrator/replicated`).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rand::rngs::StdRng;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Service;
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
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Op;
use crate::state::State;

/// Gives every replicated service the slots it should have, each with one task.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, rng: &mut StdRng) -> Plan {
    let services = view.scope.services(&view.state);
    for_each_service(view, services, now, rng, |pass, service, plan| {
        if let ServiceMode::Replicated { replicas } = service.spec.mode {
            reconcile_service(pass, service, replicas, plan);
        }
    })
}

fn reconcile_service(pass: &mut Pass<'_>, service: &Service, replicas: u64, plan: &mut Plan) {
    let state = pass.state;
    let replicas = usize::try_from(replicas).unwrap_or(usize::MAX);
    let (mut kept, dead): (Vec<_>, Vec<_>) = slots_of(state, &service.id)
        .into_values()
        .partition(|slot| restart::is_occupied(state, slot));
    if kept.len() > replicas {
        sort_for_scale_down(&mut kept);
    }
    let surplus = kept.split_off(replicas.min(kept.len()));
    let missing = replicas - kept.len();

    let dead: BTreeMap<_, _> = dead.into_iter().map(|slot| (slot.key.clone(), slot)).collect();
    let taken: BTreeSet<_> = kept.iter().map(|slot| slot.key.clone()).collect();
    let free = (1..).map(SlotKey::Number).filter(|key| !taken.contains(key));
    let filled: BTreeSet<SlotKey> = free.take(missing).collect();

    let mut groups = Vec::new();
    for key in &filled {
        // What still stops in the slot stops first; the restart policy then starts the new task.
        let is_empty = dead.get(key).is_none_or(|slot| is_quiet(state, slot));
        let desired = if is_empty { TaskState::Running } else { TaskState::Ready };
        groups.push(vec![pass.new_task(service, key, desired)]);
    }
    let unused = dead.into_values().filter(|slot| !filled.contains(&slot.key));
    groups.extend(surplus.into_iter().chain(unused).map(|slot| forget(pass, &slot)));

    update::tend_slots(pass, service, &kept, plan, &mut groups);
    plan.change(pass.now, &[unchanged(service)], groups);
}

/// Wants every task of a slot forgotten, its history too.
fn forget(pass: &Pass<'_>, slot: &Slot<'_>) -> Vec<Op> {
    let known = slot.tasks.iter().filter(|task| task.desired_state < TaskState::Remove);
    known.map(|task| pass.want(task, TaskState::Remove)).collect()
}

fn is_quiet(state: &State, slot: &Slot<'_>) -> bool {
    slot.tasks.iter().all(|task| has_stopped(state, task))
}

/// Puts the slots to keep first: those that run, and of those the first on each node, then the second on each, and so on, so that
/// nodes with more tasks give up more. Slots under replacement go before settled ones.
fn sort_for_scale_down(slots: &mut [Slot<'_>]) {
    let mut copies: BTreeMap<&NodeId, usize> = BTreeMap::new();
    slots.sort_by_cached_key(|slot| {
        let mut live = slot.live();
        let node = match (live.next(), live.next()) {
            (Some(only), None) => only.node_id.as_ref(),
            _ => None,
        };
        let copy = node.map_or(usize::MAX, |node| {
            let count = copies.entry(node).or_default();
            *count += 1;
            *count
        });
        (Reverse(slot.is_running()), copy, slot.key.clone())
    });
}
