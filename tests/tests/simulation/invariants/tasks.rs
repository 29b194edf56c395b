//! How tasks change, where they are placed, and how many of them there are in a slot.

use std::collections::BTreeMap;
use std::sync::Arc;

use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::TaskSpec;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;

use super::Name;
use crate::specs::order_of;
use crate::world::World;

impl World {
    /// Tasks go on and not back, and there are not too many of them.
    pub(super) fn check_tasks(&mut self, before: &State) {
        let state = self.log.state();
        let mut fault = None;
        let mut slots: Vec<&Task> = Vec::new();
        for item in before.tasks().diff(state.tasks()) {
            use imbl_diff::Item;
            match imbl_diff::item(item) {
                Item::Changed(old, new) => {
                    slots.push(new);
                    let back = new.status.state < old.status.state
                        || new.desired_state < old.desired_state
                        || old.status.state.is_terminal() && new.status.state != old.status.state;
                    let moved = old.node_id.is_some() && old.node_id != new.node_id;
                    if back || moved {
                        fault = Some((Name::TasksOnlyGrow, format!("{old:?} becomes {new:?}")));
                    }
                }
                Item::New(new) => {
                    self.watch.made.insert(new.id.clone(), self.queue.now());
                    slots.push(new);
                }
                Item::Gone => {}
            }
        }
        let crowded = slots.iter().find_map(|task| crowd(state, task));
        fault = fault.or_else(|| crowded.map(|what| (Name::OneTaskInASlot, what)));
        let nodes: Vec<&NodeId> = slots.iter().filter_map(|task| task.node_id.as_ref()).collect();
        let over = nodes.into_iter().find_map(|node| overload(state, node));
        fault = fault.or_else(|| over.map(|what| (Name::ReservedIsThere, what)));
        if let Some((name, what)) = fault {
            self.watch.fail(name, what);
        }
    }

    /// What a loop wants is possible as far as it can know: what it places, it places where that may be.
    pub(crate) fn check_plan(&mut self, name: &str, state: &State, transaction: &Transaction) {
        for op in &transaction.ops {
            let Op::PutTask(task) = op else { continue };
            let Some(old) = state.tasks().get(&task.id) else { continue };
            let fault = match (old.status.state, task.status.state) {
                (TaskState::New, TaskState::Pending) => addresses_missing(state, task),
                (TaskState::Pending, TaskState::Assigned) => misplaced(state, task),
                _ => None,
            };
            if let Some(fault) = fault {
                self.watch.fail(Name::PlacedWhereItMay, format!("{name}: {fault}"));
            }
        }
    }

    /// An agent is told that its statuses are stored: so they are.
    pub(crate) fn check_stored(&mut self, transaction: &Transaction) {
        let state = self.log.state();
        let lost = transaction.ops.iter().find_map(|op| {
            let Op::ReportTask { node_id, task_id, status } = op else { return None };
            let task = state.tasks().get(task_id)?;
            (task.node_id.as_ref() == Some(node_id) && task.status.state < status.state)
                .then(|| format!("{status:?} was stored, and there is {task:?}"))
        });
        if let Some(what) = lost {
            self.watch.fail(Name::AcknowledgedIsKept, what);
        }
    }

    /// A container has started: in its slot runs no other that should have stopped first.
    pub(crate) fn check_start(&mut self, host: usize, started: &Arc<TaskAssignment>) {
        let state = self.log.state();
        let Some(task) = state.tasks().get(&started.id) else { return };
        if order_of(&started.service_name) == UpdateOrder::StartFirst || self.watch.clocks_were_set
        {
            return;
        }
        // A machine that is back starts again what it knows, before it hears from a manager.
        let made_at = |id| self.watch.made.get(id).copied().unwrap_or_default();
        let made = made_at(&started.id);
        let global = state.revision_of(task).is_some_and(|it| it.service.mode.is_global());
        let mut fault = None;
        for (other, it) in self.hosts.iter().enumerate() {
            for (running, since) in it.machine.running() {
                let same = running.service_id == started.service_id
                    && running.slot == started.slot
                    && running.id != started.id
                    && (!global || other == host);
                let down_since =
                    |node, at| self.watch.last_down.get(node).is_some_and(|down| *down >= at);
                let lost = down_since(it.machine.node_id(), made_at(&running.id).min(since))
                    || down_since(self.hosts[host].machine.node_id(), made);
                let known = state.tasks().get(&running.id);
                let moves =
                    known.is_none_or(|known| known.migrate || known.status.state.is_terminal());
                // After so long nobody waits any more for word that it has stopped.
                let waited = known.is_some_and(|known| {
                    self.now().since(since) > std::time::Duration::from_secs(30)
                        && known.desired_state >= TaskState::Shutdown
                });
                if same && !lost && !moves && !waited {
                    fault = Some(format!(
                        "{} starts while {} runs in slot {}",
                        started.id, running.id, running.slot
                    ));
                }
            }
        }
        if let Some(fault) = fault {
            self.watch.fail(Name::OneTaskInASlot, fault);
        }
    }
}

/// What two kinds of map have in common: the changes of one object.
mod imbl_diff {
    use std::sync::Arc;

    use imbl::ordmap::DiffItem;
    use swarmlite_proto::id::TaskId;
    use swarmlite_proto::object::Task;

    /// What has become of a task.
    pub(super) enum Item<'a> {
        New(&'a Task),
        Changed(&'a Task, &'a Task),
        Gone,
    }

    pub(super) fn item<'a>(item: DiffItem<'a, 'a, TaskId, Arc<Task>>) -> Item<'a> {
        match item {
            DiffItem::Add(_, new) => Item::New(new),
            DiffItem::Update { old: (_, old), new: (_, new) } => Item::Changed(old, new),
            DiffItem::Remove(..) => Item::Gone,
        }
    }
}

/// Too many tasks of a slot that should run.
fn crowd(state: &State, task: &Task) -> Option<String> {
    let revision = state.revision_of(task)?;
    let mode = revision.service.mode;
    let same = |other: &&Arc<Task>| {
        let starts = matches!(other.desired_state, TaskState::Running | TaskState::Complete);
        let done = mode.is_job() && other.status.state == TaskState::Complete;
        let place = !mode.is_global() || other.node_id == task.node_id;
        other.slot == task.slot && starts && !done && place
    };
    let of_slot: Vec<&Arc<Task>> = state.tasks_of_service(&task.service_id).filter(same).collect();
    let migrates =
        state.tasks_of_service(&task.service_id).any(|it| it.slot == task.slot && it.migrate);
    let most =
        if migrates || order_of(&task.service_name) == UpdateOrder::StartFirst { 2 } else { 1 };
    (of_slot.len() > most)
        .then(|| format!("slot {} of {}: {of_slot:?}", task.slot, task.service_name))
}

/// What the tasks of a node have set aside beyond what it has.
fn overload(state: &State, node: &NodeId) -> Option<String> {
    let has = state.nodes().get(node)?.description.as_ref()?.resources.nano_cpus;
    // One that is only made ready uses nothing until the one before has stopped, and one that is stopped before that never does.
    let uses = |task: &&Arc<Task>| {
        let wanted = matches!(task.desired_state, TaskState::Running | TaskState::Complete);
        let there = task.status.state >= TaskState::Assigned && !task.status.state.is_terminal();
        there && (wanted || task.status.state >= TaskState::Starting)
    };
    // A task may count on what the one before it in its slot has, which is to stop.
    let mut slots: BTreeMap<_, i64> = BTreeMap::new();
    for task in state.tasks_of_node(node).filter(uses) {
        let most = slots.entry((&task.service_id, task.slot)).or_default();
        *most = (*most).max(reserved(state, task));
    }
    let used: i64 = slots.values().sum();
    (used > has).then(|| {
        let all: Vec<String> = state
            .tasks_of_node(node)
            .filter(uses)
            .map(|it| {
                format!(
                    "{} {}.{} {}->{}: {}",
                    it.id,
                    it.service_name,
                    it.slot,
                    it.status.state,
                    it.desired_state,
                    reserved(state, it)
                )
            })
            .collect();
        format!("{used} of {has} are set aside on {node}: {all:?}")
    })
}

pub(super) fn reserved(state: &State, task: &Task) -> i64 {
    state.revision_of(task).map_or(0, |revision| reserved_by(&revision.task))
}

pub(super) fn reserved_by(spec: &TaskSpec) -> i64 {
    let resources = spec.resources.as_ref().and_then(|it| it.reservations.as_ref());
    resources.map_or(0, |it| it.nano_cpus)
}

/// Why a task may not be where it is placed.
fn misplaced(state: &State, task: &Task) -> Option<String> {
    let node = task.node_id.as_ref().and_then(|id| state.nodes().get(id));
    let Some(node) = node else { return Some(format!("no node for {task:?}")) };
    let revision = state.revision_of(task)?;
    let placement = revision.task.placement.clone().unwrap_or_default();
    let fits = node.status.state == NodeState::Ready
        && node.spec.availability == Availability::Active
        && placement.constraints.iter().all(|it| holds(it, node));
    (!fits).then(|| format!("task {} is placed on {node:?}", task.id))
}

/// Whether one of the constraints that are drawn holds on a node.
pub(super) fn holds(constraint: &str, node: &Node) -> bool {
    match constraint {
        "node.labels.disk!=hdd" => node.spec.labels.get("disk").is_none_or(|disk| disk != "hdd"),
        "node.role==worker" => node.role == NodeRole::Worker,
        _ => false,
    }
}

/// What a task lacks that waits for a node.
fn addresses_missing(state: &State, task: &Task) -> Option<String> {
    let revision = state.revision_of(task)?;
    let wanted = revision.task.networks.len() + usize::from(revision.service.is_on_ingress());
    let counts: BTreeMap<_, usize> =
        task.attachments.iter().fold(BTreeMap::new(), |mut counts, it| {
            *counts.entry(&it.network_id).or_default() += 1;
            counts
        });
    (counts.len() != wanted)
        .then(|| format!("task {} has {} of {wanted} addresses", task.id, counts.len()))
}
