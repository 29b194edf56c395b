//! `/swarmlite/v1/rebalance`: moves tasks to nodes that have become better.

use std::sync::Arc;

use axum::Json;
use swarmlite_manager::load::Loads;
use swarmlite_manager::scheduler::rebalance;
use swarmlite_manager::scheduler::rebalance::Move;
use swarmlite_manager::state::State;
use swarmlite_manager::state::lookup;
use swarmlite_proto::api;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::object::Service;
use swarmlite_proto::time::Timestamp;

use crate::error::Answer;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::render::hostname;
use crate::request::JsonBody;
use crate::request::Manager;

/// So many tasks move at most for one request, so that the change of the state stays small.
const MAX_MOVES: u64 = 200;

/// Moves tasks that would be better off on other nodes. Each is replaced there before it is stopped. Says which, or only which it would be.
#[utoipa::path(
    post,
    path = "/swarmlite/v1/rebalance",
    operation_id = "Rebalance",
    tag = "swarmlite",
    request_body = api::RebalanceRequest,
    responses(
        (status = 200, description = "The tasks that move, or would.", body = api::Rebalance),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn answer(
    Manager(manager): Manager,
    JsonBody(request): JsonBody<api::RebalanceRequest>,
) -> Answer<Json<api::Rebalance>> {
    if request.max_moves > MAX_MOVES {
        let sentence = format!(
            "at most {MAX_MOVES} tasks can move at a time: MaxMoves is {}",
            request.max_moves
        );
        return Err(Error::invalid(sentence).into());
    }
    let state = manager.read().await?;
    let loads = manager.loads(&state).await?;
    if request.plan {
        return Ok(Json(rendered(&state, &decide(&state, &loads, &request)?)));
    }
    let change = |state: &State| {
        let moves = decide(state, &loads, &request)?;
        Ok((rendered(state, &moves), rebalance::migrate(state, &moves, Timestamp::now())))
    };
    Ok(Json(manager.change(change).await?))
}

fn decide(state: &State, loads: &Loads, request: &api::RebalanceRequest) -> Result<Vec<Move>> {
    let services: Vec<&Arc<Service>> = if request.services.is_empty() {
        state.services().values().collect()
    } else {
        let named = request.services.iter().map(|reference| lookup::service(state, reference));
        named.collect::<Result<_>>()?
    };
    let limit = if request.max_moves == 0 { MAX_MOVES } else { request.max_moves };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(rebalance::moves(state, loads, &services, Timestamp::now(), limit))
}

fn rendered(state: &State, moves: &[Move]) -> api::Rebalance {
    let service = |it: &Move| {
        state.services().get(&it.service).map_or_else(String::new, |it| it.spec.name.clone())
    };
    let moves = moves.iter().map(|it| api::RebalanceMove {
        task_id: it.task.clone(),
        service_id: it.service.clone(),
        service_name: service(it),
        slot: it.slot,
        from_id: it.from.clone(),
        from: hostname(state, &it.from),
        to_id: it.to.clone(),
        to: hostname(state, &it.to),
    });
    api::Rebalance { moves: moves.collect() }
}
