//! What no handler answers: the node's own engine does, unless it is about the cluster.

use axum::extract::Request;
use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use swarmlite_proto::error::Error;

use super::ApiState;
use super::error::Answer;
use super::passthrough;

/// The first segments of paths that are about the cluster. The engine must never see these: it would speak of its own swarm, or know nothing.
const CLUSTER: [&str; 7] =
    ["swarm", "nodes", "services", "tasks", "secrets", "configs", "swarmlite"];

/// Endpoints of the Docker Engine API (moby `api/swagger.yaml`) that are about the cluster and have no handler yet. `*` stands for one segment.
const NOT_YET: &[&str] = &["GET /services/*/logs", "GET /tasks/*/logs"];

/// Answers what no handler does.
pub(super) async fn answer(State(state): State<ApiState>, request: Request) -> Answer<Response> {
    match refusal(request.method(), request.uri().path()) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(passthrough::pass(&state.engine, request).await?),
    }
}

/// Why a request is not for the engine; nothing if it is.
fn refusal(method: &Method, path: &str) -> Option<Error> {
    let not_yet = NOT_YET.iter().any(|endpoint| {
        endpoint
            .split_once(' ')
            .is_some_and(|(with, pattern)| method.as_str() == with && matches(pattern, path))
    });
    if not_yet {
        let message = format!("{method} {path} is not implemented by swarmlite yet");
        return Some(Error::not_implemented(message));
    }
    let first = path.split('/').nth(1).unwrap_or_default();
    CLUSTER.contains(&first).then(|| Error::not_found("page not found"))
}

/// Whether `path` is of the form `pattern`, which has one `*` at most.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|middle| !middle.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::error::ErrorKind;

    use super::*;

    #[test]
    fn what_is_about_the_cluster_is_not_for_the_engine() {
        let kind = |method, path| refusal(&method, path).map(|error| error.kind);
        for (method, path, expected) in [
            (Method::GET, "/swarm/unlockkey", Some(ErrorKind::NotImplemented)),
            (Method::GET, "/secrets/", Some(ErrorKind::NotFound)),
            (Method::PUT, "/secrets", Some(ErrorKind::NotFound)),
            (Method::POST, "/swarm/teapots", Some(ErrorKind::NotFound)),
            (Method::GET, "/swarmlite/v1/teapots", Some(ErrorKind::NotFound)),
            (Method::POST, "/containers/create", None),
            (Method::GET, "/distribution/a/b:1/json", None),
            (Method::GET, "/servicesx", None),
            (Method::GET, "/teapots", None),
        ] {
            assert_eq!(kind(method, path), expected, "{path}");
        }
        let named = refusal(&Method::POST, "/networks/prune").expect("is refused").message;
        assert_eq!(named, "POST /networks/prune is not implemented by swarmlite yet");
    }
}
