//! Refusals as HTTP responses. The only place that knows status codes of refusals.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::error::REASON_HEADER;
use swarmlite_proto::error::Reason;
use utoipa::ToSchema;

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorResponse {
    /// A sentence for the user.
    message: String,
}

/// A refusal on its way to a client.
#[derive(Debug)]
pub(super) struct ApiError(Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// What handlers return.
pub(super) type Answer<T> = Result<T, ApiError>;

/// Docker's status for each class of refusal (moby `api/server/httpstatus/status.go`).
const fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidArgument => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Error { kind, message, reason } = self.0;
        // Docker's clients look for this one with its decoration, as it comes through gRPC in Docker.
        let message = match reason {
            Some(Reason::OutOfSequence) => format!("rpc error: code = Unknown desc = {message}"),
            _ => message,
        };
        let reason = reason.map(|reason| [(REASON_HEADER, reason.as_str())]);
        // `Json` sets the content type to exactly `application/json`, which the docker CLI compares.
        (status(kind), reason, Json(ErrorResponse { message })).into_response()
    }
}
