//! `/configs`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use swarmlite_proto::api;
use swarmlite_proto::api::DocumentCreateResponse;
use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::ConfigKind;
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

type Config = api::Document<ConfigId>;
type Created = DocumentCreateResponse<ConfigId>;

/// Lists the configs.
#[utoipa::path(
    get,
    path = "/configs",
    operation_id = "ConfigList",
    tag = "Config",
    params(Filtered),
    responses(
        (status = 200, description = "The configs.", body = Vec<Config>),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn list(manager: Manager, params: Params) -> Answer<Json<Vec<Config>>> {
    documents::list::<ConfigKind>(manager, params).await
}

/// Shows a config.
#[utoipa::path(
    get,
    path = "/configs/{id}",
    operation_id = "ConfigInspect",
    tag = "Config",
    params(ById),
    responses(
        (status = 200, description = "The config.", body = Config),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn inspect(manager: Manager, id: Path<String>) -> Answer<Json<Config>> {
    documents::inspect::<ConfigKind>(manager, id).await
}

/// Makes a config.
#[utoipa::path(
    post,
    path = "/configs/create",
    operation_id = "ConfigCreate",
    tag = "Config",
    request_body = DocumentSpec,
    responses(
        (status = 201, description = "The id of the config.", body = Created),
        BadRequest, Failed, Unavailable, Conflict,
    )
)]
pub(super) async fn create(
    manager: Manager,
    spec: JsonBody<DocumentSpec>,
) -> Answer<(StatusCode, Json<Created>)> {
    documents::create::<ConfigKind>(manager, spec).await
}

/// Changes the labels of a config. Nothing else of it can change.
#[utoipa::path(
    post,
    path = "/configs/{id}/update",
    operation_id = "ConfigUpdate",
    tag = "Config",
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
    documents::update::<ConfigKind>(manager, id, params, spec).await
}

/// Removes a config that no service uses.
#[utoipa::path(
    delete,
    path = "/configs/{id}",
    operation_id = "ConfigDelete",
    tag = "Config",
    params(ById),
    responses(
        (status = 204, description = "Done."),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn remove(manager: Manager, id: Path<String>) -> Answer<StatusCode> {
    documents::remove::<ConfigKind>(manager, id).await
}
