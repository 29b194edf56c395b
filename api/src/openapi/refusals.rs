//! The ways in which requests are refused, for the descriptions of operations. Which status a refusal gets is decided in
//! [`crate::error`].

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::IntoResponses;
use utoipa::ToSchema;
use utoipa::openapi::Content;
use utoipa::openapi::Ref;
use utoipa::openapi::RefOr;
use utoipa::openapi::Response;

use crate::error::ErrorResponse;

/// A refusal: its status, and a sentence for the user.
pub(super) fn response(description: &str) -> Response {
    let schema = Ref::from_schema_name(ErrorResponse::name());
    Response::builder()
        .description(description)
        .content("application/json", Content::new(Some(schema)))
        .build()
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident, $status:ident, $description:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let status = StatusCode::$status.as_str().to_owned();
                BTreeMap::from([(status, response($description).into())])
            }
        }
    )*};
}

refusals! {
    /// 400.
    BadRequest, BAD_REQUEST,
        "The request is wrong in itself, or cannot be met in the present state, or the version in the path is not served.";
    /// 401.
    Unauthorized, UNAUTHORIZED, "It is not the right key.";
    /// 403.
    Forbidden, FORBIDDEN, "Not on this node, or not with an object of this kind.";
    /// 404.
    NotFound, NOT_FOUND, "There is no such object.";
    /// 409.
    Conflict, CONFLICT, "What would be made or done is there or done already.";
    /// 500.
    Failed, INTERNAL_SERVER_ERROR,
        "The cluster has no leader, or something else that the request does not decide has gone wrong. Docker answers so, too, \
         if the version is not the present one (`update out of sequence`), and to values that it does not know.";
    /// 501.
    NotImplemented, NOT_IMPLEMENTED, "What is asked for is not supported by swarmlite.";
    /// 503.
    Unavailable, SERVICE_UNAVAILABLE, "This node is no manager, or cannot reach what it needs to answer.";
}
