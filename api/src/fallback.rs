//! What no handler answers: the node's own engine does, unless it is about the cluster.

use axum::extract::Request;
use axum::extract::State;
use axum::response::Response;
use swarmlite_proto::error::Error;

use crate::error::Answer;
use crate::passthrough;
use crate::state::ApiState;

/// The first segments of paths that are about the cluster. The engine must never see these: it would speak of its own swarm, or know nothing.
const CLUSTER: [&str; 7] =
    ["swarm", "nodes", "services", "tasks", "secrets", "configs", "swarmlite"];

/// Answers what no handler does.
pub(super) async fn answer(State(state): State<ApiState>, request: Request) -> Answer<Response> {
    match refusal(request.uri().path()) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(passthrough::pass(&state.engine, request).await?),
    }
}

/// Why a request is not for the engine; nothing if it is.
fn refusal(path: &str) -> Option<Error> {
    let first = path.split('/').nth(1).unwrap_or_default();
    CLUSTER.contains(&first).then(|| Error::not_found("page not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_cluster_is_not_for_the_engine() {
        for (path, is_refused) in [
            ("/secrets/", true),
            ("/swarm/teapots", true),
            ("/swarmlite/v1/teapots", true),
            ("/containers/x/start", false),
            ("/distribution/a/b:1/json", false),
            ("/servicesx", false),
            ("/teapots", false),
        ] {
            assert_eq!(refusal(path).is_some(), is_refused, "{path}");
        }
    }
}
