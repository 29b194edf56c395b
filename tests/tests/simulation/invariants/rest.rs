//! What has come of everything once nothing goes wrong any more.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_manager::state::State;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::TaskSpec;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;

use super::Name;
use super::tasks::holds;
use super::tasks::reserved;
use super::tasks::reserved_by;
use crate::specs::order_of;
use crate::world::World;

impl World {
    /// Whether everything has come to what was asked for. The answer is what has not, if anything.
    pub(crate) fn unsettled(&self) -> Option<String> {
        let state = self.log.state();
        let silent = state.nodes().values().find(|node| node.status.state != NodeState::Ready);
        if let Some(node) = silent {
            return Some(format!("node {} is not ready: {:?}", node.id, node.status));
        }
        state
            .services()
            .values()
            .find_map(|service| self.unsettled_service(state, service))
            .or_else(|| leftover(state))
            .or_else(|| self.stray(state))
    }

    /// Everything is at rest, and what has been kept beside the tables follows from them.
    pub(crate) fn check_rest(&mut self) {
        self.check_replicas();
        let sound = self.managers.iter().all(|manager| manager.state.is_sound());
        if !sound {
            self.watch.fail(
                Name::ReplicasConverge,
                "what is kept beside the tables is something else".to_owned(),
            );
        }
        self.check_promises();
        if let Some(what) = self.unsettled() {
            self.watch.fail(Name::ComesToRest, what);
        }
    }

    fn unsettled_service(&self, state: &State, service: &Service) -> Option<String> {
        let name = &service.spec.name;
        let image =
            service.spec.task_template.container_spec.as_ref().map(|spec| spec.image.as_str());
        if image.is_none_or(|image| image.starts_with("bad")) {
            return None;
        }
        if service.endpoint.spec_version != Some(service.spec_version) {
            // A port or a network may be somebody else's by now.
            return None;
        }
        let update = service.update_status.as_ref().map(|status| status.state);
        if matches!(update, Some(UpdateState::Paused | UpdateState::RollbackPaused)) {
            return None;
        }
        let waits = waiting(state, service);
        if waits {
            return None;
        }
        if matches!(update, Some(UpdateState::Updating | UpdateState::RollbackStarted)) {
            return Some(format!(
                "the update of {name} does not end: {update:?}, {:#?}",
                tasks_of(state, service)
            ));
        }
        let running: Vec<&Arc<Task>> =
            state.tasks_of_service(&service.id).filter(|task| self.runs(state, task)).collect();
        let wanted = match service.spec.mode {
            ServiceMode::Replicated { replicas } => usize::try_from(replicas).unwrap_or(usize::MAX),
            ServiceMode::Global => {
                let left = state.nodes().values().find(|node| {
                    let runs = running.iter().any(|task| task.node_id.as_ref() == Some(&node.id));
                    may_have(service, node) && !runs
                });
                return left.map(|node| {
                    format!("{name} does not run on {}: {:#?}", node.id, tasks_of(state, service))
                });
            }
            ServiceMode::ReplicatedJob(_) | ServiceMode::GlobalJob => return None,
        };
        (running.len() != wanted).then(|| {
            let ready = self.hosts.iter().map(|host| &host.machine);
            let ready: Vec<_> = state
                .tasks_of_service(&service.id)
                .filter(|task| ready.clone().any(|it| it.is_ready(&task.id)))
                .map(|task| task.id.as_str())
                .collect();
            format!(
                "{} of {wanted} tasks of {name} run, {ready:?} are ready, {} {update:?}: {:#?}",
                running.len(),
                service.spec_version,
                tasks_of(state, service)
            )
        })
    }

    /// Whether a task runs on its machine, is ready, and every node sends it requests.
    fn runs(&self, state: &State, task: &Task) -> bool {
        let revision = state.revision_of(task);
        let current = state.services().get(&task.service_id).is_some_and(|service| {
            revision.is_some_and(|it| {
                // Where it may run concerns only those that are placed later.
                let wanted = service.spec.task_template.clone();
                let placement = wanted.placement.clone();
                TaskSpec { placement, ..it.service.task_template.clone() } == wanted
            })
        });
        let host = task.node_id.as_ref().and_then(|node| self.host_of(node));
        current
            && task.status.is_ready()
            && task.desired_state == TaskState::Running
            && matches!(task.routing, Routing::Routed { .. })
            && host.is_some_and(|host| self.hosts[host].machine.is_ready(&task.id))
    }

    /// A container that nobody asked for, or a kernel that sends requests to what does not run.
    fn stray(&self, state: &State) -> Option<String> {
        let there = |node: &NodeId| state.nodes().contains_key(node);
        for host in self.hosts.iter().filter(|host| there(host.machine.node_id())) {
            for (task, _) in host.machine.running() {
                let known = state.tasks().get(&task.id);
                if known.is_none_or(|known| known.status.state.is_terminal()) {
                    return Some(format!(
                        "{} runs {}, which is known as {known:?}",
                        host.machine.node_id(),
                        task.id
                    ));
                }
            }
            for task in host.machine.tables().serving() {
                let known = state.tasks().get(task);
                if known.is_none_or(|known| !known.status.is_ready()) {
                    return Some(format!(
                        "{} sends requests to {task}, which is known as {known:?}",
                        host.machine.node_id()
                    ));
                }
            }
        }
        None
    }
}

/// The tasks of a service, for those who look for what is wrong.
fn tasks_of(state: &State, service: &Service) -> Vec<String> {
    let say = |it: &Arc<Task>| {
        let (now, wanted) = (it.status.state, it.desired_state);
        let node = it.node_id.as_ref().map_or("no node", |node| node.as_str());
        let routing = it.routing.as_str();
        let version = it.spec_version;
        format!(
            "{}.{} of {version} {now}->{wanted} {routing} on {node} {}",
            it.id, it.slot, it.status.err
        )
    };
    state.tasks_of_service(&service.id).map(say).collect()
}

/// Whether a task of the service waits for a place, or an address, that there is not.
fn waiting(state: &State, service: &Service) -> bool {
    let mut waits = state.tasks_of_service(&service.id).filter(|task| {
        task.status.state < TaskState::Assigned
            && task.desired_state.is_wanted()
            && !task.status.err.is_empty()
    });
    waits.any(|task| task.status.state == TaskState::New || !has_room(state, service, task))
}

/// Whether there is a node that could run a task.
fn has_room(state: &State, service: &Service, task: &Task) -> bool {
    let needed = reserved_by(&service.spec.task_template);
    let most = service.spec.task_template.placement.as_ref().map_or(0, |it| it.max_replicas);
    let order = order_of(&service.spec.name);
    let mut nodes = state.nodes().values().filter(|node| {
        may_have(service, node) && task.node_id.as_ref().is_none_or(|chosen| *chosen == node.id)
    });
    nodes.any(|node| {
        // What is to stop before it starts does not count.
        let makes_room = |it: &Task| {
            it.slot == task.slot
                && it.service_id == task.service_id
                && order == UpdateOrder::StopFirst
        };
        let is_there =
            |it: &Task| !it.status.state.is_terminal() && it.status.state >= TaskState::Assigned;
        let others: Vec<&Arc<Task>> =
            state.tasks_of_node(&node.id).filter(|it| is_there(it) && !makes_room(it)).collect();
        let used: i64 = others.iter().map(|it| reserved(state, it)).sum();
        let count = others.iter().filter(|it| it.service_id == service.id).count() as u64;
        let has = node.description.as_ref().map_or(0, |it| it.resources.nano_cpus);
        used + needed <= has && (most == 0 || count < most)
    })
}

fn may_have(service: &Service, node: &Node) -> bool {
    let placement = service.spec.task_template.placement.clone().unwrap_or_default();
    node.status.state == NodeState::Ready
        && node.spec.availability == Availability::Active
        && placement.constraints.iter().all(|it| holds(it, node))
}

/// A task of a service that is gone, or more than one in a slot.
fn leftover(state: &State) -> Option<String> {
    let orphan =
        state.tasks().values().find(|task| !state.services().contains_key(&task.service_id));
    if let Some(task) = orphan {
        return Some(format!(
            "task {} of {} is left: {} on {:?}",
            task.id, task.service_name, task.status.state, task.node_id
        ));
    }
    let mut seen: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for task in state.tasks().values() {
        if task.desired_state == TaskState::Running && task.status.state == TaskState::Running {
            let slots = seen.entry(&task.service_id).or_default();
            if task.slot != 0
                && !slots.insert(task.slot)
                && state.services().get(&task.service_id).is_some_and(|it| {
                    it.update_status.as_ref().is_none_or(|it| {
                        !matches!(
                            it.state,
                            UpdateState::Paused
                                | UpdateState::RollbackPaused
                                | UpdateState::Updating
                                | UpdateState::RollbackStarted
                        )
                    })
                })
            {
                return Some(format!("two tasks in slot {} of {}", task.slot, task.service_name));
            }
        }
    }
    None
}
