//! Addresses of tasks.

use std::collections::BTreeMap;

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use super::Shortage;
use super::networks_of;
use super::pool::Pools;
use super::unchanged;
use crate::reconcile::Plan;
use crate::state::Op;
use crate::state::State;

/// Swarmkit's words for a task that has all it needs (`manager/allocator/network.go`).
const ALLOCATED: &str = "pending task scheduling";

/// Gives new tasks an address on each of their networks, and passes them on to the scheduler.
pub(super) fn allocate(
    state: &State,
    now: Timestamp,
    pools: &mut Pools<'_>,
    short: &BTreeMap<ServiceId, Shortage>,
    plan: &mut Plan,
) {
    let mut new: BTreeMap<(&ServiceId, Version), Vec<&Task>> = BTreeMap::new();
    for task in state.new_tasks() {
        new.entry((&task.service_id, task.spec_version)).or_default().push(task);
    }
    for ((service, _), mut tasks) in new {
        tasks.sort_by_key(|task| task.slot);
        let mut groups = Vec::new();
        let mut guards = Vec::new();
        for task in tasks {
            let attached = match short.get(service) {
                Some(shortage) => Err(shortage.clone()),
                None if has_endpoint(state, task) => attach(state, task, pools),
                None => continue,
            };
            match attached {
                Ok((task, expected)) => {
                    guards = expected;
                    groups.push(vec![pending(task, now)]);
                }
                Err(shortage) => groups.extend(postpone(task, &shortage.to_string())),
            }
        }
        plan.change(now, &guards, groups);
    }
}

/// Whether the service of `task` has its own addresses and ports. It is one step ahead of its tasks.
fn has_endpoint(state: &State, task: &Task) -> bool {
    state.services().get(&task.service_id).is_some_and(|service| {
        let allocated = service.endpoint.spec_version;
        allocated == Some(service.spec_version)
            || (allocated.is_some() && task.spec_version != service.spec_version)
    })
}

/// The task with its addresses, and what they depend on.
fn attach(state: &State, task: &Task, pools: &mut Pools<'_>) -> Result<(Task, Vec<Op>), Shortage> {
    let spec = state.revision_of(task).map(|revision| &revision.service);
    let networks = spec.map_or_else(|| Ok(Vec::new()), |spec| networks_of(state, spec))?;
    let mut attachments = Vec::new();
    for attachment in &networks {
        attachments.push(NetworkAttachment {
            network_id: attachment.network.id.clone(),
            addr: pools.take(attachment.network)?,
            aliases: attachment.config.map_or_else(Vec::new, |config| config.aliases.clone()),
        });
    }
    Ok((Task { attachments, ..task.clone() }, unchanged(&networks)))
}

fn pending(mut task: Task, now: Timestamp) -> Op {
    task.status.state = TaskState::Pending;
    task.status.timestamp = now;
    ALLOCATED.clone_into(&mut task.status.message);
    task.status.err.clear();
    Op::PutTask(Box::new(task))
}

/// The task goes on waiting; written only if the reason is another one than before.
fn postpone(task: &Task, reason: &str) -> Option<Vec<Op>> {
    if task.status.err == reason {
        return None;
    }
    let mut task = task.clone();
    reason.clone_into(&mut task.status.err);
    Some(vec![Op::PutTask(Box::new(task))])
}
