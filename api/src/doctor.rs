//! `/swarmlite/v1/doctor`: whether this node, and the cluster as it sees it, is as it should be.
//!
//! What is measured is gathered here, what it means is decided in [`checks`]. Nothing is changed.

mod checks;

use axum::Json;
use axum::extract::State as Extract;
use swarmlite_manager::quorum::Quorum;
use swarmlite_manager::state::State;
use swarmlite_proto::api::Diagnosis;
use swarmlite_proto::error::Result;

use crate::state::ApiState;

/// The cluster, as a manager sees it.
#[derive(Debug)]
struct ClusterFacts {
    /// The state, with all that was acknowledged.
    state: State,
    /// Who can be reached.
    quorum: Quorum,
}

/// Checks this node, and the cluster as it sees it. Takes a few seconds if something does not answer.
#[utoipa::path(
    get,
    path = "/swarmlite/v1/doctor",
    operation_id = "Doctor",
    tag = "swarmlite",
    responses(
        (status = 200, description = "What was checked, and what came of it. Checks that fail are no failure of the request.",
            body = Diagnosis),
    )
)]
pub(super) async fn answer(Extract(api): Extract<ApiState>) -> Json<Diagnosis> {
    let (engine, node, cluster) =
        tokio::join!(api.engine.get("/version"), api.node.examine(), cluster(&api));
    let membership = api.node.membership();
    Json(Diagnosis { checks: checks::all(&engine, &membership, &node, cluster.as_ref()) })
}

/// `None` on a node that is no manager.
async fn cluster(api: &ApiState) -> Option<Result<ClusterFacts>> {
    let manager = api.node.manager()?;
    let quorum = manager.quorum().clone();
    Some(manager.read().await.map(|state| ClusterFacts { state, quorum }))
}
