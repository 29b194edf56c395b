//! Whether a task still is what its service asks for (swarmkit `manager/orchestrator/task.go`, `IsTaskDirty`).

use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::TaskSpec;

use super::constraint;
use crate::state::State;

/// Whether `task` has to be replaced, as the spec has changed in a way that a task cannot follow. Where it may run is no such way
/// as long as its node still fits.
pub fn is_dirty(state: &State, service: &Service, task: &Task) -> bool {
    if task.spec_version == service.spec_version {
        return false;
    }
    let Some(made_from) = state.revision_of(task) else { return true };
    if !reached_alike(&made_from.service, &service.spec) {
        return true;
    }
    let revision = state.revision(&service.id, service.spec_version);
    let wanted = revision.map_or(&service.spec.task_template, |revision| &*revision.task);
    if *made_from.task == *wanted {
        return false;
    }
    without_placement(&made_from.task) != without_placement(wanted)
        || !still_fits(state, wanted, task)
}

/// Whether two tasks run the same, whatever else may differ between the specs they were made from, such as the number of replicas.
pub(crate) fn are_alike(state: &State, one: &Task, other: &Task) -> bool {
    if one.spec_version == other.spec_version {
        return true;
    }
    match (state.revision_of(one), state.revision_of(other)) {
        (Some(one), Some(other)) => {
            one.task == other.task && reached_alike(&one.service, &other.service)
        }
        _ => false,
    }
}

/// Whether tasks of both specs have the same addresses and ports. How connections and requests are spread over them is nothing that a task
/// would notice: the nodes' tables change under it.
fn reached_alike(one: &ServiceSpec, other: &ServiceSpec) -> bool {
    let of = |spec: &ServiceSpec| {
        let endpoint = spec.endpoint_spec.clone();
        endpoint.map(|endpoint| EndpointSpec { options: None, http: None, ..endpoint })
    };
    of(one) == of(other) && one.is_on_ingress() == other.is_on_ingress()
}

fn without_placement(spec: &TaskSpec) -> TaskSpec {
    TaskSpec { placement: None, ..spec.clone() }
}

/// A task without a node has not been placed by the old rules, but would be.
fn still_fits(state: &State, wanted: &TaskSpec, task: &Task) -> bool {
    let node = task.node_id.as_ref().and_then(|node| state.nodes().get(node));
    node.is_some_and(|node| constraint::all_match(wanted.placement.as_ref(), node))
}
