//! `GET /events`: those of the engine and, on managers, those of the cluster, in one stream.

mod filter;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::body::Bytes;
use axum::extract::Request;
use axum::extract::State as Extract;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use futures_util::stream;
use http_body_util::BodyExt;
use http_body_util::BodyStream;
use http_body_util::StreamBody;
use serde::Deserialize;
use swarmlite_manager::events::Event;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::time::Timestamp;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use self::filter::FILTERS;
use crate::error::Answer;
use crate::filters::Filters;
use crate::openapi::bodies::EngineObject;
use crate::openapi::parameters::During;
use crate::openapi::parameters::Filtered;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Unavailable;
use crate::passthrough;
use crate::request::Params;
use crate::state::ApiState;

/// Which events a client wants.
#[derive(Clone, Debug)]
struct Wanted {
    filters: Filters,
    /// In nanoseconds since 1970.
    since: Option<i64>,
    until: Option<i64>,
}

impl Wanted {
    fn of(params: &Params) -> Result<Self> {
        let (since, until) = (params.text("since"), params.text("until"));
        let filters = params.filters(FILTERS)?;
        let wanted = Self { filters, since: moment(since)?, until: moment(until)? };
        match (wanted.since, wanted.until) {
            (Some(from), Some(to)) if from > to => Err(Error::invalid(format!(
                "`since` time ({since}) cannot be after `until` time ({until})"
            ))),
            _ => Ok(wanted),
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.since.is_none_or(|since| event.time_nano >= since)
            && self.until.is_none_or(|until| event.time_nano <= until)
            && filter::matches(&self.filters, event)
    }

    /// Whether all that is wanted has happened.
    fn is_past(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= nanoseconds(now))
    }
}

fn nanoseconds(at: Timestamp) -> i64 {
    let (seconds, rest) = at.to_unix();
    seconds.saturating_mul(1_000_000_000).saturating_add(rest.into())
}

/// Seconds since 1970, with a fraction or without, as nanoseconds (moby `api/types/time/timestamp.go`). Nothing if there is no text.
fn moment(text: &str) -> Result<Option<i64>> {
    if text.is_empty() {
        return Ok(None);
    }
    let invalid =
        || Error::invalid(format!("failed to parse value as time or duration: \"{text}\""));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(invalid());
    }
    let seconds: i64 = seconds.parse().map_err(|_| invalid())?;
    let rest: i64 = format!("{fraction:0<9}").parse().map_err(|_| invalid())?;
    Ok(Some(seconds.saturating_mul(1_000_000_000).saturating_add(rest)))
}

/// Tells what happens in the engine of this node and, on managers, in the cluster.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "SystemEvents",
    tag = "System",
    params(During, Filtered),
    responses(
        (status = 200, description = "One event after the other.", body = EngineObject),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn stream(
    Extract(api): Extract<ApiState>,
    params: Params,
    request: Request,
) -> Answer<Response> {
    let wanted = Wanted::of(&params)?;
    // Before the engine is asked, so that nothing is missed in between.
    let cluster = api.node.manager().map(|manager| manager.events().subscribe());
    let engine = passthrough::pass(&api.engine, request).await?;
    let Some((kept, live)) = cluster.filter(|_| engine.status().is_success()) else {
        return Ok(engine);
    };
    // Like the engine: what has been is told only to those who name a time.
    let asks_for_past = wanted.since.is_some() || wanted.until.is_some();
    let past: VecDeque<Arc<Event>> =
        kept.into_iter().filter(|event| asks_for_past && wanted.wants(event)).collect();
    let (parts, body) = engine.into_parts();
    let body = if wanted.is_past(Timestamp::now()) {
        let collected = body.collect().await.map_err(|error| {
            Error::unavailable(format!("the events of the engine broke off: {error}"))
        })?;
        Body::from(in_order(&past, &collected.to_bytes()))
    } else {
        let merge =
            Merge { wanted, past, live, engine: BodyStream::new(body), partial: Vec::new() };
        let chunks = stream::unfold(merge, async |mut merge| {
            let chunk = merge.next().await?;
            Some((Ok::<_, Infallible>(hyper::body::Frame::data(chunk)), merge))
        });
        Body::new(StreamBody::new(chunks))
    };
    let mut answer = Response::new(body);
    if let Some(content_type) = parts.headers.get(CONTENT_TYPE) {
        answer.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    Ok(answer)
}

/// Events of both as they happen, those of the cluster that are past first.
struct Merge {
    wanted: Wanted,
    past: VecDeque<Arc<Event>>,
    live: broadcast::Receiver<Arc<Event>>,
    engine: BodyStream<Body>,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
}

impl Merge {
    /// The next lines; nothing when the engine has no more, as it ends the stream at the time that the client wants, or ends itself.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(event) = self.past.pop_front() {
            return Some(line(&event));
        }
        loop {
            // Both are cancel-safe: neither takes anything before it is ready.
            tokio::select! {
                event = self.live.recv() => match event {
                    Ok(event) if self.wanted.wants(&event) => return Some(line(&event)),
                    // Some were missed by a client that is too slow. It hears of what comes.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                frame = futures_util::StreamExt::next(&mut self.engine) => {
                    let data = frame?.ok()?.into_data().unwrap_or_default();
                    if let Some(lines) = self.whole_lines(&data) {
                        return Some(lines);
                    }
                }
            }
        }
    }

    /// The lines that end with `data`, so that none of ours comes into the middle of one.
    fn whole_lines(&mut self, data: &[u8]) -> Option<Bytes> {
        let end = data.iter().rposition(|byte| *byte == b'\n').map(|last| last + 1);
        let (whole, rest) = data.split_at(end.unwrap_or(0));
        if end.is_none() {
            self.partial.extend_from_slice(rest);
            return None;
        }
        let mut lines = std::mem::replace(&mut self.partial, rest.to_vec());
        lines.extend_from_slice(whole);
        Some(lines.into())
    }
}

fn line(event: &Event) -> Bytes {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// When an event of the engine happened.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Time {
    time_nano: i64,
}

/// Events of both that are all past, by the time at which they happened.
fn in_order(cluster: &VecDeque<Arc<Event>>, engine: &[u8]) -> Vec<u8> {
    let lines = engine.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let time: Time = serde_json::from_slice(line).unwrap_or_default();
        (time.time_nano, Bytes::copy_from_slice(line))
    });
    let mut all: Vec<(i64, Bytes)> = lines.collect();
    all.extend(cluster.iter().map(|event| (event.time_nano, line(event))));
    all.sort_by_key(|(time, _)| *time);
    all.into_iter().flat_map(|(_, line)| line).collect()
}
