//! The numbers of this node for Prometheus, at `/swarmlite/v1/metrics`, and at an address of their own if the operator wants.
//!
//! It only passes them on: which there are, agent and manager know.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::control::NodeControl;
use crate::error::Answer;
use crate::openapi::refusals::Failed;
use crate::state::ApiState;

/// OpenMetrics 1.0, as Prometheus reads it since 2.5.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Tells the numbers of this node in Prometheus' text format (OpenMetrics 1.0).
#[utoipa::path(
    get,
    path = "/swarmlite/v1/metrics",
    operation_id = "Metrics",
    tag = "swarmlite",
    responses(
        (status = 200, description = "The numbers. A manager has those of the cluster, too.",
            body = String, content_type = "application/openmetrics-text"),
        Failed,
    )
)]
pub(super) async fn serve(State(state): State<ApiState>) -> Answer<impl IntoResponse> {
    answer(&*state.node).await
}

/// The numbers of `node` and nothing else, at `/metrics`. Nobody is asked who they are.
pub fn metrics_router(node: Arc<dyn NodeControl>) -> Router {
    let serve = async |State(node): State<Arc<dyn NodeControl>>| answer(&*node).await;
    Router::new().route("/metrics", get(serve)).with_state(node)
}

async fn answer(node: &dyn NodeControl) -> Answer<impl IntoResponse + use<>> {
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], node.metrics().await?))
}
