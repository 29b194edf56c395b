//! `/services/{id}/logs` and `/tasks/{id}/logs` (moby `api/server/router/swarm/helpers.go`, `daemon/cluster/services.go`).

mod frame;

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use futures_util::StreamExt;
use swarmlite_manager::state::lookup;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::logs::LogOptions;
use swarmlite_proto::logs::LogSelector;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::spec::TaskSpec;
use swarmlite_proto::time::Timestamp;

use self::frame::Format;
use crate::error::Answer;
use crate::openapi::bodies::Bytes;
use crate::openapi::parameters::ById;
use crate::openapi::parameters::LogLines;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::request::Manager;
use crate::request::Params;
use crate::version::ApiVersion;

/// The type of a stream with frames.
const MULTIPLEXED: HeaderValue =
    HeaderValue::from_static("application/vnd.docker.multiplexed-stream");

/// The type of a stream without; and of any, for clients that do not know the other type.
const RAW: HeaderValue = HeaderValue::from_static("application/vnd.docker.raw-stream");

/// The first version that tells the two types apart.
const TELLS_APART: ApiVersion = ApiVersion::new(1, 42);

/// Reads the logs of all tasks of a service.
#[utoipa::path(
    get,
    path = "/services/{id}/logs",
    operation_id = "ServiceLogs",
    tag = "Service",
    params(ById, LogLines),
    responses(
        (status = 200, description = "The lines. Those of containers with a terminal are sent as they are; those of others each in a frame: one byte \
            for the stream (1 output, 2 errors, 3 what is missing), three zero bytes, the length in four bytes (big-endian), the line.", content(
            (Bytes = "application/vnd.docker.multiplexed-stream"),
            (Bytes = "application/vnd.docker.raw-stream"),
        )),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn of_service(
    manager: Manager,
    Path(id): Path<String>,
    version: ApiVersion,
    params: Params,
) -> Answer<Response> {
    let options = options(&params)?;
    let state = manager.0.read().await?;
    let service = lookup::service(&state, &id)?;
    let tty = is_terminal(&service.spec.task_template);
    let selector = LogSelector::Service(service.id.clone());
    answer(manager, LogSubscription { selector, options }, version, &params, tty).await
}

/// Reads the logs of a task.
#[utoipa::path(
    get,
    path = "/tasks/{id}/logs",
    operation_id = "TaskLogs",
    tag = "Task",
    params(ById, LogLines),
    responses(
        (status = 200, description = "The lines. Those of containers with a terminal are sent as they are; those of others each in a frame: one byte \
            for the stream (1 output, 2 errors, 3 what is missing), three zero bytes, the length in four bytes (big-endian), the line.", content(
            (Bytes = "application/vnd.docker.multiplexed-stream"),
            (Bytes = "application/vnd.docker.raw-stream"),
        )),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn of_task(
    manager: Manager,
    Path(id): Path<String>,
    version: ApiVersion,
    params: Params,
) -> Answer<Response> {
    let options = options(&params)?;
    let state = manager.0.read().await?;
    let task = lookup::task(&state, &id)?;
    let tty = state.revision_of(task).is_some_and(|revision| is_terminal(&revision.task));
    let selector = LogSelector::Task(task.id.clone());
    answer(manager, LogSubscription { selector, options }, version, &params, tty).await
}

async fn answer(
    Manager(manager): Manager,
    subscription: LogSubscription,
    version: ApiVersion,
    params: &Params,
    tty: bool,
) -> Answer<Response> {
    let format = Format {
        multiplexed: !tty,
        timestamps: params.lenient_bool("timestamps"),
        details: params.lenient_bool("details"),
    };
    let events = manager.logs(subscription).await?;
    let body = Body::from_stream(events.map(move |event| Ok::<_, Infallible>(format.write(event))));
    let content_type = if !tty && version >= TELLS_APART { MULTIPLEXED } else { RAW };
    Ok(([(CONTENT_TYPE, content_type)], body).into_response())
}

fn is_terminal(spec: &TaskSpec) -> bool {
    spec.container_spec.as_ref().is_some_and(|container| container.tty)
}

fn options(params: &Params) -> Result<LogOptions> {
    let (stdout, stderr) = (params.lenient_bool("stdout"), params.lenient_bool("stderr"));
    if !(stdout || stderr) {
        return Err(Error::unknown("Bad parameters: you must choose at least one stream"));
    }
    if !matches!(params.text("until"), "" | "0") {
        return Err(Error::invalid("until is not supported for logs of services and tasks"));
    }
    Ok(LogOptions {
        stdout,
        stderr,
        follow: params.lenient_bool("follow"),
        since: since(params.text("since"))?,
        tail: tail(params.text("tail"))?,
    })
}

/// How many of the last lines.
fn tail(text: &str) -> Result<Option<u64>> {
    if matches!(text, "" | "all") {
        return Ok(None);
    }
    let lines: i64 = text
        .parse()
        .map_err(|_| Error::unknown("tail value must be a positive integer or \"all\""))?;
    match u64::try_from(lines) {
        Ok(lines) => Ok(Some(lines)),
        Err(_) => Err(Error::unknown("negative tail values not supported")),
    }
}

/// Seconds since 1970, perhaps with a fraction (moby `api/types/time/timestamp.go`, `ParseTimestamps`).
fn since(text: &str) -> Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |why: String| Error::unknown(format!("could not parse since timestamp: {why}"));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: i64 = seconds.parse().map_err(|error| wrong(format!("{seconds:?}: {error}")))?;
    let nanoseconds: i32 = format!("{fraction:0<9}")
        .get(..9)
        .unwrap_or_default()
        .parse()
        .map_err(|error| wrong(format!("{fraction:?}: {error}")))?;
    Timestamp::from_unix(seconds, nanoseconds)
        .map(Some)
        .ok_or_else(|| wrong(format!("{text:?} is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_fractions_of_any_length() {
        for (text, seconds, nanoseconds) in [
            ("0", 0, 0),
            ("1500000000", 1_500_000_000, 0),
            ("1500000000.000000007", 1_500_000_000, 7),
            ("1500000000.5", 1_500_000_000, 500_000_000),
            ("1500000000.0000000079", 1_500_000_000, 7),
        ] {
            assert_eq!(since(text), Ok(Timestamp::from_unix(seconds, nanoseconds)), "{text}");
        }
        assert_eq!(since(""), Ok(None));
        for text in ["yesterday", "1.x", "99999999999999999999", "999999999999999"] {
            let error = since(text).expect_err("is none");
            assert!(error.message.starts_with("could not parse since timestamp: "), "{error}");
        }
    }
}
