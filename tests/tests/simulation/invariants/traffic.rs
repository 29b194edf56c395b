//! Which tasks get requests: what kernels hold, against what managers take them to hold.

use std::time::Duration;

use swarmlite_manager::state::State;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use super::Name;
use crate::world::World;

/// How long nodes are waited for to confirm their tables.
const PATIENCE: Duration = Duration::from_secs(40);

impl World {
    /// A kernel has taken tables.
    pub(crate) fn check_tables(&mut self, host: usize) {
        let machine = &self.hosts[host].machine;
        let tables = machine.tables();
        let newest = self.watch.confirmed.entry(machine.node_id().clone()).or_default();
        *newest = (*newest).max(tables.generation);
        let known = tables.serving().map(|task| (machine.node_id().clone(), task.clone()));
        self.watch.served.extend(known);
        let never = tables.serving().find(|task| !self.watch.ready.contains(*task));
        if let Some(task) = never {
            let what = format!("machine {host} sends requests to {task}, which never was ready");
            self.watch.fail(Name::RoutedWasReady, what);
        }
    }

    /// A task that has become routed is in all tables, and one that is drained in none, unless a node was waited for long enough.
    pub(super) fn check_routing(&mut self, before: &State, at: Timestamp) {
        let state = self.log.state();
        let mut fault = None;
        for (id, new) in state.tasks() {
            let Some(old) = before.tasks().get(id).filter(|old| old.routing != new.routing) else {
                continue;
            };
            let waited = at >= old.meta.updated_at + PATIENCE;
            if waited || old.status.state.is_terminal() {
                continue;
            }
            fault = fault.or(match (old.routing, new.routing) {
                (Routing::Unrouted, Routing::Routed { .. }) => self.unconfirmed(state, old),
                (Routing::Draining { .. }, Routing::Drained { .. }) => self.served(state, old),
                _ => None,
            });
        }
        if let Some(what) = fault {
            self.watch.fail(Name::NodesHaveConfirmed, what);
        }
    }

    /// A live node that has never sent requests to a task, although it is on a network of it and the task was ready.
    fn unconfirmed(&self, state: &State, task: &Task) -> Option<String> {
        let since = Generation(task.meta.version.index);
        let behind = self.hosts.iter().map(|host| &host.machine).find(|machine| {
            let id = machine.node_id();
            let node = state.nodes().get(id);
            let live = node.is_some_and(|it| it.status.state != NodeState::Down);
            let older = self.watch.confirmed.get(id).is_none_or(|confirmed| *confirmed < since);
            let there = task.attachments.iter().any(|it| machine.tables().has(&it.network_id));
            let served = self.watch.served.contains(&(id.clone(), task.id.clone()));
            live && !self.was_just_down(id)
                && older
                && there
                && !served
                && self.is_concerned(state, task, id)
        });
        let behind = behind.filter(|_| task.status.is_ready());
        behind.map(|it| {
            format!(
                "task {} counts as routed, and {} has not confirmed {since}",
                task.id,
                it.node_id()
            )
        })
    }

    /// Nobody waits for a node that is down, and whether it still is can be found out too late by one entry.
    fn was_just_down(&self, node: &NodeId) -> bool {
        let down = self.watch.last_down.get(node);
        down.is_some_and(|down| self.now().since(*down) < Duration::from_secs(1))
    }

    fn is_concerned(&self, state: &State, task: &Task, node: &NodeId) -> bool {
        task.attachments.iter().any(|it| {
            let ingress =
                state.networks().get(&it.network_id).is_some_and(|network| network.spec.ingress);
            ingress
                || state.tasks_of_node(node).any(|other| {
                    let there = other.status.state >= TaskState::Starting
                        && !other.status.state.is_terminal();
                    there && other.attachments.iter().any(|one| one.network_id == it.network_id)
                })
        })
    }

    /// A live machine that still sends requests to a task that is to be stopped.
    fn served(&self, state: &State, task: &Task) -> Option<String> {
        let host = self.hosts.iter().find(|host| {
            let node = state.nodes().get(host.machine.node_id());
            host.up
                && node.is_some_and(|node| node.status.state != NodeState::Down)
                && !self.was_just_down(host.machine.node_id())
                && self.is_concerned(state, task, host.machine.node_id())
                && host.machine.tables().serve(&task.id)
        });
        host.map(|host| {
            format!(
                "task {} is drained, and {} still sends it requests",
                task.id,
                host.machine.node_id()
            )
        })
    }
}
