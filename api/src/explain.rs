//! `/swarmlite/v1/services/{id}/explain`, `/swarmlite/v1/tasks/{id}/explain`: why tasks are where they are, or nowhere.

use axum::Json;
use axum::extract::Path;
use swarmlite_manager::scheduler::explain;
use swarmlite_manager::scheduler::explain::Check;
use swarmlite_manager::scheduler::explain::Verdict;
use swarmlite_manager::state::lookup;
use swarmlite_proto::api;
use swarmlite_proto::error::Error;
use swarmlite_proto::time::Timestamp;

use crate::error::Answer;
use crate::openapi::parameters::ById;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::request::Manager;

/// Explains where the tasks of a service that wait could be, or one more task.
#[utoipa::path(
    get,
    path = "/swarmlite/v1/services/{id}/explain",
    operation_id = "ServiceExplain",
    tag = "swarmlite",
    params(ById),
    responses(
        (status = 200, description = "What each node has to say.", body = api::Explanation),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn service(
    Manager(manager): Manager,
    Path(id): Path<String>,
) -> Answer<Json<api::Explanation>> {
    let state = manager.read().await?;
    let service = lookup::service(&state, &id)?;
    let loads = manager.loads(&state).await?;
    let explained = explain::service(&state, &loads, service, Timestamp::now());
    Ok(Json(explanation(explained.ok_or_else(unknown_spec)?)))
}

/// Explains where a task could be, or what would become of it if it were placed now.
#[utoipa::path(
    get,
    path = "/swarmlite/v1/tasks/{id}/explain",
    operation_id = "TaskExplain",
    tag = "swarmlite",
    params(ById),
    responses(
        (status = 200, description = "What each node has to say.", body = api::Explanation),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn task(
    Manager(manager): Manager,
    Path(id): Path<String>,
) -> Answer<Json<api::Explanation>> {
    let state = manager.read().await?;
    let task = lookup::task(&state, &id)?;
    let loads = manager.loads(&state).await?;
    let explained = explain::task(&state, &loads, task, Timestamp::now());
    Ok(Json(explanation(explained.ok_or_else(unknown_spec)?)))
}

fn unknown_spec() -> Error {
    Error::unknown("the spec that the tasks are made from is not known")
}

/// An explanation as clients see it.
pub(super) fn explanation(explained: explain::Explanation) -> api::Explanation {
    let advice = explained.advice.into_iter().map(|advice| api::PlacementAdvice {
        changes: advice.changes.iter().map(ToString::to_string).collect(),
        node_ids: advice.nodes,
    });
    let has_score = explained.nodes.iter().any(|verdict| verdict.score.is_some());
    let strategy = if has_score { "score" } else { explained.strategy.as_str() };
    api::Explanation {
        service_id: explained.service_id,
        service_name: explained.service_name,
        task_id: explained.task_id,
        sentence: explained.sentence,
        strategy: strategy.to_owned(),
        waiting: explained.waiting as u64,
        error: explained.error,
        checks: Check::ALL.map(|check| check.name().to_owned()).to_vec(),
        nodes: explained.nodes.into_iter().map(verdict).collect(),
        advice: advice.collect(),
        hint: explained.hint,
    }
}

fn verdict(verdict: Verdict) -> api::NodeVerdict {
    let parts = verdict.branches.into_iter().map(|branch| api::ClusterPart {
        label: branch.label,
        value: branch.value,
        tasks: branch.tasks as u64,
    });
    let fits = verdict.obstacles.is_empty();
    let obstacles = verdict.obstacles.into_iter().map(|obstacle| api::PlacementObstacle {
        check: obstacle.check.name().to_owned(),
        text: obstacle.text,
        missing: obstacle.missing.map(|missing| api::MissingResource {
            of: missing.of,
            needed: missing.needed,
            left: missing.left,
        }),
        changes: obstacle.changes.iter().map(ToString::to_string).collect(),
    });
    api::NodeVerdict {
        node_id: verdict.node_id,
        hostname: verdict.hostname,
        here: verdict.is_here,
        fits,
        rank: verdict.rank.map(|rank| rank as u64),
        parts: parts.collect(),
        failures: verdict.failures as u64,
        tasks_of_service: verdict.tasks_of_service as u64,
        tasks: verdict.tasks as u64,
        merits: verdict.merits,
        obstacles: obstacles.collect(),
    }
}
