//! One pass of an orchestrator: how it makes tasks, and how it wants them to get further or to end.

use std::sync::Arc;

use rand::rngs::StdRng;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::task::is_live;
use super::task::iteration_of;
use crate::placement::SlotKey;
use crate::reconcile::Item;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;

/// What one pass works with.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) state: &'a State,
    pub(super) now: Timestamp,
    pub(super) rng: &'a mut StdRng,
}

impl Pass<'_> {
    /// A new task of `service`, made from its current spec.
    pub(super) fn new_task(&mut self, service: &Service, key: &SlotKey, desired: TaskState) -> Op {
        let (slot, node_id) = match key {
            SlotKey::Number(slot) => (*slot, None),
            SlotKey::Node(node) => (0, Some(node.clone())),
        };
        let status = TaskStatus {
            timestamp: self.now,
            message: "created".to_owned(),
            ..TaskStatus::default()
        };
        Op::PutTask(Box::new(Task {
            id: TaskId::random(self.rng),
            meta: Default::default(),
            service_id: service.id.clone(),
            service_name: service.spec.name.clone(),
            labels: service.spec.labels.clone(),
            slot,
            spec_version: service.spec_version,
            node_id,
            desired_state: desired,
            status,
            attachments: Vec::new(),
            job_iteration: iteration_of(service),
            routing: Routing::Unrouted,
            served: None,
            generic_resources: Vec::new(),
            migrate: false,
        }))
    }

    /// Wants `task` in `desired`, which is later than what was wanted before.
    ///
    /// A task that may have traffic has to leave the tables of the nodes before it is stopped: [`crate::routing`].
    pub(super) fn want(&self, task: &Task, desired: TaskState) -> Op {
        let mut task = task.clone();
        if is_live(&task) && !desired.is_wanted() {
            task.routing = match task.status.state {
                TaskState::Running => Routing::Draining { since: self.now },
                _ => Routing::Drained { at: self.now },
            };
        }
        task.desired_state = desired;
        if !desired.is_wanted() && task.status.state < TaskState::Assigned {
            task.status.state = TaskState::Shutdown;
            task.status.timestamp = self.now;
            "shutdown".clone_into(&mut task.status.message);
        }
        Op::PutTask(Box::new(task))
    }
}

/// What `reconcile` plans for each of `services`, which it decides about one by one.
pub(super) fn for_each_service(
    view: &View,
    services: Vec<&Arc<Service>>,
    now: Timestamp,
    rng: &mut StdRng,
    reconcile: impl Fn(&mut Pass<'_>, &Service, &mut Plan),
) -> Plan {
    let mut plan = Plan::default();
    let mut pass = Pass { state: &view.state, now, rng };
    for service in services {
        reconcile(&mut pass, service, &mut plan);
        plan.wake_for(Item::Service(service.id.clone()));
    }
    plan
}

/// Refuses a plan if the service has changed since: a plan for an old spec would be undone at once.
pub(super) fn unchanged(service: &Service) -> Op {
    Op::Expect(ObjectRef::Service(service.id.clone()), service.meta.version)
}
