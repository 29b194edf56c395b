//! `/secrets`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use swarmlite_proto::api;
use swarmlite_proto::api::DocumentCreateResponse;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::spec::DocumentSpec;

use crate::documents;
use crate::error::Answer;
use crate::openapi::parameters::AtVersion;
use crate::openapi::parameters::ById;
use crate::openapi::parameters::Filtered;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Conflict;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::request::JsonBody;
use crate::request::Manager;
use crate::request::Params;

type Secret = api::Document<SecretId>;
type Created = DocumentCreateResponse<SecretId>;

/// Lists the secrets. Their contents are not shown.
#[utoipa::path(
    get,
    path = "/secrets",
    operation_id = "SecretList",
    tag = "Secret",
    params(Filtered),
    responses(
        (status = 200, description = "The secrets.", body = Vec<Secret>),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn list(manager: Manager, params: Params) -> Answer<Json<Vec<Secret>>> {
    documents::list::<SecretKind>(manager, params).await
}

/// Shows a secret. Its content is not shown.
#[utoipa::path(
    get,
    path = "/secrets/{id}",
    operation_id = "SecretInspect",
    tag = "Secret",
    params(ById),
    responses(
        (status = 200, description = "The secret.", body = Secret),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn inspect(manager: Manager, id: Path<String>) -> Answer<Json<Secret>> {
    documents::inspect::<SecretKind>(manager, id).await
}

/// Makes a secret.
#[utoipa::path(
    post,
    path = "/secrets/create",
    operation_id = "SecretCreate",
    tag = "Secret",
    request_body = DocumentSpec,
    responses(
        (status = 201, description = "The id of the secret.", body = Created),
        BadRequest, Failed, Unavailable, Conflict,
    )
)]
pub(super) async fn create(
    manager: Manager,
    spec: JsonBody<DocumentSpec>,
) -> Answer<(StatusCode, Json<Created>)> {
    documents::create::<SecretKind>(manager, spec).await
}

/// Changes the labels of a secret. Nothing else of it can change.
#[utoipa::path(
    post,
    path = "/secrets/{id}/update",
    operation_id = "SecretUpdate",
    tag = "Secret",
    params(ById, AtVersion),
    request_body = DocumentSpec,
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn update(
    manager: Manager,
    id: Path<String>,
    params: Params,
    spec: JsonBody<DocumentSpec>,
) -> Answer<()> {
    documents::update::<SecretKind>(manager, id, params, spec).await
}

/// Removes a secret that no service uses.
#[utoipa::path(
    delete,
    path = "/secrets/{id}",
    operation_id = "SecretDelete",
    tag = "Secret",
    params(ById),
    responses(
        (status = 204, description = "Done."),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn remove(manager: Manager, id: Path<String>) -> Answer<StatusCode> {
    documents::remove::<SecretKind>(manager, id).await
}
