//! What every request and every response goes through: the version in the path, and the headers of the daemon.

use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::SERVER;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::error::ApiError;
use crate::state::ApiState;
use crate::version::strip;

/// Passes a request on without its version, and sets the headers that every response has.
pub(super) async fn negotiate(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let advertised = state.engine.api_version().await;
    // Who names none speaks the newest.
    request.extensions_mut().insert(advertised);
    let mut response = match strip(&mut request) {
        Ok(()) => next.run(request).await,
        Err(error) => ApiError::from(error).into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(version) = HeaderValue::from_str(&advertised.to_string()) {
        headers.insert("Api-Version", version);
    }
    headers.insert("Docker-Experimental", HeaderValue::from_static("false"));
    headers.insert("Ostype", HeaderValue::from_static("linux"));
    let server = concat!("swarmlite/", env!("CARGO_PKG_VERSION"), " (linux)");
    headers.insert(SERVER, HeaderValue::from_static(server));
    response
}
