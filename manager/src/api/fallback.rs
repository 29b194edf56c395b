//! What no handler answers: endpoints of Docker that are not there yet, and paths that Docker does not know either.

use axum::extract::Request;
use axum::http::Method;
use swarmlite_proto::error::Error;

use super::error::ApiError;

/// Endpoints of the Docker Engine API (moby `api/swagger.yaml`) without a handler. `*` stands for one segment or more: names
/// of images have slashes.
const NOT_YET: &[&str] = &[
    "GET /swarm/unlockkey",
    "POST /swarm/unlock",
    "GET /services/*/logs",
    "GET /tasks/*/logs",
    "GET /secrets",
    "POST /secrets/create",
    "GET /secrets/*",
    "DELETE /secrets/*",
    "POST /secrets/*/update",
    "GET /configs",
    "POST /configs/create",
    "GET /configs/*",
    "DELETE /configs/*",
    "POST /configs/*/update",
    "POST /networks/prune",
    "POST /networks/*/connect",
    "POST /networks/*/disconnect",
    "GET /distribution/*/json",
    "GET /events",
    "GET /system/df",
    "POST /auth",
    "POST /session",
    "POST /grpc",
    "GET /containers/json",
    "POST /containers/create",
    "POST /containers/prune",
    "GET /containers/*",
    "POST /containers/*",
    "PUT /containers/*",
    "HEAD /containers/*",
    "DELETE /containers/*",
    "GET /exec/*",
    "POST /exec/*",
    "POST /commit",
    "POST /build",
    "POST /build/*",
    "GET /images/*",
    "POST /images/*",
    "DELETE /images/*",
    "GET /volumes",
    "GET /volumes/*",
    "POST /volumes/*",
    "PUT /volumes/*",
    "DELETE /volumes/*",
    "GET /plugins",
    "GET /plugins/*",
    "POST /plugins/*",
    "DELETE /plugins/*",
];

/// Answers what no handler does.
pub(super) async fn answer(request: Request) -> ApiError {
    refusal(request.method(), request.uri().path()).into()
}

fn refusal(method: &Method, path: &str) -> Error {
    let is_docker = NOT_YET.iter().any(|endpoint| {
        endpoint
            .split_once(' ')
            .is_some_and(|(with, pattern)| method.as_str() == with && matches(pattern, path))
    });
    if is_docker {
        Error::not_implemented(format!("{method} {path} is not implemented by swarmlite yet"))
    } else {
        Error::not_found("page not found")
    }
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
    fn what_docker_has_is_named_and_all_else_is_not_found() {
        for (method, path, kind) in [
            (Method::POST, "/containers/create", ErrorKind::NotImplemented),
            (Method::GET, "/distribution/a/b:1/json", ErrorKind::NotImplemented),
            (Method::GET, "/services/x/logs", ErrorKind::NotImplemented),
            (Method::GET, "/secrets", ErrorKind::NotImplemented),
            (Method::GET, "/secrets/", ErrorKind::NotFound),
            (Method::PUT, "/secrets", ErrorKind::NotFound),
            (Method::GET, "/distribution//json", ErrorKind::NotFound),
            (Method::GET, "/teapots", ErrorKind::NotFound),
        ] {
            assert_eq!(refusal(&method, path).kind, kind, "{method} {path}");
        }
        let named = refusal(&Method::POST, "/containers/create").message;
        assert_eq!(named, "POST /containers/create is not implemented by swarmlite yet");
    }
}
