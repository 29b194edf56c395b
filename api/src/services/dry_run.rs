//! `/swarmlite/v1/services/plan`: where tasks would go, and nothing else.

use axum::Json;
use axum::extract::State as Extract;
use swarmlite_manager::dry_run;
use swarmlite_manager::dry_run::DryRun;
use swarmlite_manager::state::State;
use swarmlite_manager::state::lookup;
use swarmlite_proto::api;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::time::Timestamp;

use super::plan;
use super::refuse_local_networks;
use crate::error::Answer;
use crate::explain;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Conflict;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Forbidden;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::NotImplemented;
use crate::openapi::refusals::Unavailable;
use crate::render::hostname;
use crate::request::JsonBody;
use crate::request::Manager;
use crate::state::ApiState;

/// Says where the tasks of services would go that were made or changed so, one after the other. Nothing is made or changed.
#[utoipa::path(
    post,
    path = "/swarmlite/v1/services/plan",
    operation_id = "ServicePlan",
    tag = "swarmlite",
    request_body = api::PlanRequest,
    responses(
        (status = 200, description = "What would become of each.", body = api::Plan),
        BadRequest, Failed, Unavailable, Forbidden, NotFound, Conflict, NotImplemented,
    )
)]
pub(crate) async fn answer(
    Extract(api): Extract<ApiState>,
    Manager(manager): Manager,
    JsonBody(request): JsonBody<api::PlanRequest>,
) -> Answer<Json<api::Plan>> {
    let state = manager.read().await?;
    for service in &request.services {
        refuse_local_networks(&api, &state, &service.spec).await?;
    }
    let loads = manager.loads(&state).await?;
    let now = Timestamp::now();
    let mut run = DryRun::new(state, loads, now, rand::make_rng());
    let mut plan = api::Plan::default();
    for service in request.services {
        let new = service.id.is_empty();
        let (id, change) = if new {
            plan::create(run.state(), service.spec, None, now, &mut rand::rng())?
        } else {
            let old = lookup::service(run.state(), &service.id)?;
            let (id, version) = (old.id.clone(), old.meta.version);
            let kept = plan::Credentials::OfSpec;
            let change = plan::update(run.state(), id.as_str(), version, service.spec, kept, now)?;
            (id, change)
        };
        let planned = run.put(&id, change)?;
        plan.services.push(planned_service(run.state(), new, planned));
    }
    Ok(Json(plan))
}

fn planned_service(state: &State, new: bool, planned: dry_run::Planned) -> api::PlannedService {
    let hostname = |id: Option<&NodeId>| id.map_or_else(String::new, |id| hostname(state, id));
    let tasks = planned.tasks.into_iter().map(|task| api::PlannedTask {
        slot: task.slot,
        hostname: hostname(task.node.as_ref()),
        before: hostname(task.before.as_ref()),
        node_id: task.node,
        error: task.error,
    });
    api::PlannedService {
        name: planned.explanation.service_name.clone(),
        new,
        tasks: tasks.collect(),
        stay: planned.stay as u64,
        end: planned.end as u64,
        explanation: explain::explanation(planned.explanation),
    }
}
