//! The audit log: who has changed what in the cluster through this node, and what became of it.
//!
//! A line for each request that may change something, written, and flushed if it goes to a file, before the request is answered. It never holds what was sent: specs
//! and secrets are none of its business. What is about this machine alone is the engine's, and not in here.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use axum::body::Body;
use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::extract::State;
use axum::http::Method;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::error::chain;
use swarmlite_proto::time::Timestamp;
use tokio::task::spawn_blocking;

use crate::caller::Caller;

/// The first segments of paths under which the cluster is changed. Networks may be the engine's own, which is only found out later.
const CHANGED: [&str; 7] =
    ["swarm", "nodes", "services", "secrets", "configs", "networks", "swarmlite"];

/// What is asked by POST and changes nothing: it goes with what is asked.
const QUESTIONS: [&str; 2] = ["/swarmlite/v1/services/plan", "/swarmlite/v1/simulate"];

/// The longest answer to a creation, in bytes. It has an id in it and little else.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Where the audit log goes, beside the daemon's own log. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Locked while a line is written, so that lines stay whole.
    file: Option<Arc<Mutex<PathBuf>>>,
}

/// One line.
#[derive(Debug, Serialize)]
struct Entry {
    time: Timestamp,
    by: Caller,
    method: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    status: u16,
    /// What was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// The part of an answer that says what was created.
#[derive(Deserialize)]
struct Created {
    #[serde(rename = "ID", alias = "Id")]
    id: String,
}

impl Audit {
    /// Goes to the file at `path` as well, at its end. It is made if it is not there, for root alone, and opened anew for each line, so that it can be moved away.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        open(path)?;
        Ok(Self { file: Some(Arc::new(Mutex::new(path.to_owned()))) })
    }

    async fn write(&self, entry: Entry) -> io::Result<()> {
        let line = serde_json::to_string(&entry)?;
        tracing::info!(target: "swarmlite::audit", "{line}");
        let Some(file) = self.file.clone() else { return Ok(()) };
        let append = move || {
            let path = file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut file = open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_data()
        };
        spawn_blocking(append).await.map_err(io::Error::other)?
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Passes a request on, and notes it if it may have changed the cluster.
pub(super) async fn note(State(audit): State<Audit>, request: Request, next: Next) -> Response {
    if !is_change(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    let known = request.extensions().get::<ConnectInfo<Caller>>();
    let by = known.map(|ConnectInfo(caller)| caller.clone()).unwrap_or_default();
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().map(ToOwned::to_owned);
    let (response, id) = created(next.run(request).await).await;
    let (time, status) = (Timestamp::now(), response.status().as_u16());
    let entry = Entry { time, by, method, path, query, status, id };
    if let Err(error) = audit.write(entry).await {
        // The change stands, and so does the answer.
        tracing::error!(error = chain(&error), "cannot write the audit log");
    }
    response
}

/// Whether a request may change the cluster, by its path without a version.
fn is_change(method: &Method, path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    !method.is_safe() && CHANGED.contains(&first) && !QUESTIONS.contains(&path)
}

/// The id of what was created, if something was. The answer stays as it is.
async fn created(response: Response) -> (Response, Option<String>) {
    if response.status() != StatusCode::CREATED {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    match to_bytes(body, LONGEST_ANSWER).await {
        Ok(bytes) => {
            let id = serde_json::from_slice(&bytes).ok().map(|Created { id }| id);
            (Response::from_parts(parts, Body::from(bytes)), id)
        }
        Err(error) => {
            tracing::error!(error = chain(&error), "the answer to a creation does not end");
            (Response::from_parts(parts, Body::empty()), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_change_the_cluster_is_noted() {
        for (method, path, expected) in [
            (Method::POST, "/services/create", true),
            (Method::POST, "/swarm/init", true),
            (Method::POST, "/swarmlite/v1/backup", true),
            (Method::POST, "/swarmlite/v1/rebalance", true),
            (Method::DELETE, "/secrets/x", true),
            (Method::POST, "/networks/create", true),
            (Method::GET, "/services", false),
            (Method::HEAD, "/services", false),
            (Method::POST, "/swarmlite/v1/simulate", false),
            (Method::POST, "/swarmlite/v1/services/plan", false),
            (Method::POST, "/containers/x/start", false),
            (Method::POST, "/servicesx", false),
        ] {
            assert_eq!(is_change(&method, path), expected, "{method} {path}");
        }
    }
}
