//! `/swarmlite/v1/backup`, `/swarmlite/v1/restore`: all that the cluster knows in one file, and the cluster made of one again.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use swarmlite_manager::backup::Backup;
use swarmlite_manager::backup::BackupError;
use swarmlite_manager::backup::Passphrase;
use swarmlite_proto::api::BackupRequest;
use swarmlite_proto::api::BackupSummary;
use swarmlite_proto::api::RestoreRequest;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::time::Timestamp;

use crate::control::Place;
use crate::error::Answer;
use crate::openapi::bodies::Bytes;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Unavailable;
use crate::request::JsonBody;
use crate::request::Manager;
use crate::state::ApiState;
use crate::swarm::refuse_member;

/// The longest request with a backup in it, in bytes. A task takes a few hundred.
pub(super) const LONGEST: usize = 1024 * 1024 * 1024;

/// The type of what nobody can look into.
const SEALED: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Writes all that the cluster knows, sealed with a passphrase: a file of age.
#[utoipa::path(
    post,
    path = "/swarmlite/v1/backup",
    operation_id = "BackupCreate",
    tag = "swarmlite",
    request_body = BackupRequest,
    responses(
        (status = 200, description = "The backup.", body = Bytes, content_type = "application/octet-stream"),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn write(
    Extract(api): Extract<ApiState>,
    Manager(manager): Manager,
    JsonBody(request): JsonBody<BackupRequest>,
) -> Answer<Response> {
    let passphrase = passphrase(&request.passphrase)?;
    let node_id = api.node.membership().node_id;
    let node_id = node_id.parse().map_err(|_| Error::unavailable("this node has no id yet"))?;
    // One read: all of it is of the same moment.
    let state = manager.read().await?;
    let backup = Backup::of(state, node_id, Timestamp::now()).map_err(Error::from)?;
    let sealed = blocking(move || backup.seal(&passphrase)).await?;
    Ok(([(CONTENT_TYPE, SEALED)], sealed).into_response())
}

/// Makes a cluster of a backup, with this node, which is in none, as its only manager.
#[utoipa::path(
    post,
    path = "/swarmlite/v1/restore",
    operation_id = "BackupRestore",
    tag = "swarmlite",
    request_body = RestoreRequest,
    responses(
        (status = 200, description = "What was in it.", body = BackupSummary),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn restore(
    Extract(api): Extract<ApiState>,
    JsonBody(request): JsonBody<RestoreRequest>,
) -> Answer<Json<BackupSummary>> {
    refuse_member(&api)?;
    let RestoreRequest { backup, passphrase: text, .. } = &request;
    let (sealed, passphrase) = (STANDARD.decode(backup), passphrase(text)?);
    let sealed =
        sealed.map_err(|error| Error::invalid(format!("Backup is not base 64: {error}")))?;
    let backup = blocking(move || Backup::open(&sealed, &passphrase)).await?;
    let summary = backup.summary().map_err(Error::from)?;
    let RestoreRequest { listen_addr, advertise_addr, data_path_addr, .. } = request;
    api.node.restore(backup, Place { listen_addr, advertise_addr, data_path_addr }).await?;
    Ok(Json(summary))
}

fn passphrase(text: &str) -> Result<Passphrase> {
    Passphrase::new(text).map_err(|_| Error::invalid("Passphrase is empty"))
}

/// Runs what computes for a second.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_panicked| Error::unknown("the backup failed"))??)
}
