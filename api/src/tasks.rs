//! `/tasks`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use swarmlite_manager::placement::is_dirty;
use swarmlite_manager::state::State;
use swarmlite_manager::state::lookup;
use swarmlite_proto::api;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use crate::error::Answer;
use crate::filters::Filters;
use crate::openapi::parameters::ById;
use crate::openapi::parameters::Filtered;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::render;
use crate::request::Manager;
use crate::request::Params;

const FILTERS: &[&str] =
    &["id", "name", "label", "service", "node", "desired-state", "runtime", "_up-to-date"];

/// Lists the tasks.
#[utoipa::path(
    get,
    path = "/tasks",
    operation_id = "TaskList",
    tag = "Task",
    params(Filtered),
    responses(
        (status = 200, description = "The tasks.", body = Vec<api::Task>),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn list(
    Manager(manager): Manager,
    params: Params,
) -> Answer<Json<Vec<api::Task>>> {
    let filters = params.filters(FILTERS)?;
    let state = manager.read().await?;
    let wanted = Wanted::resolve(&state, &filters)?;
    let tasks = wanted.candidates(&state).into_iter().filter(|task| {
        wanted.matches(task)
            && matches(&filters, task)
            && is_wanted_revision(&state, &filters, task)
    });
    Ok(Json(tasks.map(|task| render::task(&state, task)).collect()))
}

/// Shows a task.
#[utoipa::path(
    get,
    path = "/tasks/{id}",
    operation_id = "TaskInspect",
    tag = "Task",
    params(ById),
    responses(
        (status = 200, description = "The task.", body = api::Task),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn inspect(
    Manager(manager): Manager,
    Path(id): Path<String>,
) -> Answer<Json<api::Task>> {
    let state = manager.read().await?;
    Ok(Json(render::task(&state, lookup::task(&state, &id)?)))
}

/// What the filters name, found in the state.
struct Wanted {
    services: Option<BTreeSet<ServiceId>>,
    nodes: Option<BTreeSet<NodeId>>,
    desired: Option<BTreeSet<TaskState>>,
}

impl Wanted {
    fn resolve(state: &State, filters: &Filters) -> Result<Self> {
        let services = filters.values("service").map(|references| {
            let ids = references.iter().map(|one| Ok(lookup::service(state, one)?.id.clone()));
            ids.collect::<Result<_>>()
        });
        let nodes = filters.values("node").map(|references| {
            let ids = references.iter().map(|one| Ok(lookup::node(state, one)?.id.clone()));
            ids.collect::<Result<_>>()
        });
        let desired = filters.values("desired-state").map(|names| {
            let states = names.iter().map(|name| {
                name.to_lowercase()
                    .parse()
                    .map_err(|_| Error::unknown(format!("Invalid desired-state filter: '{name}'")))
            });
            states.collect::<Result<_>>()
        });
        Ok(Self {
            services: services.transpose()?,
            nodes: nodes.transpose()?,
            desired: desired.transpose()?,
        })
    }

    /// The tasks to look through: by index where a filter allows it, as clients poll the tasks of one service.
    fn candidates<'a>(&self, state: &'a State) -> Vec<&'a Arc<Task>> {
        match (&self.services, &self.nodes) {
            (Some(services), _) => {
                services.iter().flat_map(|service| state.tasks_of_service(service)).collect()
            }
            (None, Some(nodes)) => {
                nodes.iter().flat_map(|node| state.tasks_of_node(node)).collect()
            }
            (None, None) => state.tasks().values().collect(),
        }
    }

    fn matches(&self, task: &Task) -> bool {
        let on_node = |nodes: &BTreeSet<NodeId>| {
            task.node_id.as_ref().is_some_and(|node| nodes.contains(node))
        };
        self.services.as_ref().is_none_or(|services| services.contains(&task.service_id))
            && self.nodes.as_ref().is_none_or(on_node)
            && self
                .desired
                .as_ref()
                .is_none_or(|states| states.contains(&render::desired_state(task)))
    }
}

fn matches(filters: &Filters, task: &Task) -> bool {
    filters.prefix("id", task.id.as_str())
        && filters.prefix("name", &name(task))
        && filters.labels("label", &task.labels)
        && filters.any("runtime", |value| value == "container")
}

/// `service.slot.id`, or `service.node.id` for tasks without a slot.
fn name(task: &Task) -> String {
    match (task.slot, &task.node_id) {
        (0, Some(node)) => format!("{}.{node}.{}", task.service_name, task.id),
        (slot, _) => format!("{}.{slot}.{}", task.service_name, task.id),
    }
}

/// Whether the task is made from what its service asks for now, if that is what the client asks.
fn is_wanted_revision(state: &State, filters: &Filters, task: &Task) -> bool {
    if filters.values("_up-to-date").is_none() {
        return true;
    }
    let service = state.services().get(&task.service_id);
    service.is_some_and(|service| !is_dirty(state, service, task))
}
