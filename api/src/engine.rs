//! The node's own Docker Engine, for what only it knows.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::body::Bytes;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_rpc::engine;
use tokio::sync::OnceCell;

use crate::version::ApiVersion;

/// How long the engine may take for an answer. What is asked of it here takes it milliseconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long it may take for its version: every response of the API waits for that until it is known.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);

/// The header that tells clients how to build.
pub(super) const BUILDER: HeaderName = HeaderName::from_static("builder-version");

/// A client of the engine. Every request has a connection of its own, so that a restart of the engine needs no care.
#[derive(Debug)]
pub struct Engine {
    socket: PathBuf,
    version: OnceCell<ApiVersion>,
}

impl Engine {
    /// The engine that listens on the Unix socket at `socket`.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), version: OnceCell::new() }
    }

    /// The newest version of the API that the engine and this crate both understand.
    pub(super) async fn api_version(&self) -> ApiVersion {
        let asked = self.version.get_or_try_init(async || {
            let answer = tokio::time::timeout(VERSION_TIMEOUT, self.get("/version")).await;
            let version = answer.map_err(|error| self.unreachable(&error))??;
            let text = version.as_ref().and_then(|version| version.get("ApiVersion")?.as_str());
            text.unwrap_or_default()
                .parse::<ApiVersion>()
                .map(|version| version.min(ApiVersion::MAX))
        });
        // Not kept when the engine does not answer: it is asked again next time.
        asked.await.copied().unwrap_or(ApiVersion::FALLBACK)
    }

    /// Which builder the engine wants clients to use (`Builder-Version` of its ping); nothing if it does not say or does not answer.
    pub(super) async fn builder(&self) -> Option<HeaderValue> {
        let answer = self.send(Method::HEAD, "/_ping", Bytes::new());
        let answer = tokio::time::timeout(VERSION_TIMEOUT, answer).await.ok()?.ok()?;
        answer.headers().get(&BUILDER).cloned()
    }

    /// The answer to a `GET`; nothing if the engine does not have it.
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or answers with an error.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Value>> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        let status = response.status();
        let body =
            response.into_body().collect().await.map_err(|error| self.unreachable(&error))?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|error| {
                    Error::unknown(format!("the engine's answer to {path} is not JSON: {error}"))
                })
            }
            status => Err(Error::unknown(format!("the engine answers {path} with {status}"))),
        }
    }

    /// Has the engine answer a request: its status and its body, whatever they are.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    pub(super) async fn forward(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response> {
        let response = self.send(method, path, body).await?;
        let mut forwarded = Response::builder().status(response.status());
        if let Some(content_type) = response.headers().get(CONTENT_TYPE) {
            forwarded = forwarded.header(CONTENT_TYPE, content_type);
        }
        forwarded.body(Body::new(response.into_body())).map_err(|error| self.unreachable(&error))
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Body::from(body))
            .map_err(|error| Error::invalid(format!("invalid path {path}: {error}")))?;
        tokio::time::timeout(TIMEOUT, self.exchange(request))
            .await
            .map_err(|error| self.unreachable(&error))?
    }

    /// Has the engine answer `request`, however long that takes it. The connection lives as long as the answer is read, or longer if
    /// it is upgraded.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    pub(super) async fn exchange(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        engine::ask(&self.socket, request).await.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> Error {
        Error::unavailable(format!(
            "Cannot connect to the Docker daemon at unix://{}: {}. Is the docker daemon running?",
            self.socket.display(),
            chain(error)
        ))
    }
}

/// `text` as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
        path
    })
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_cannot_end_the_path() {
        assert_eq!(segment("a-b_c.9"), "a-b_c.9");
        assert_eq!(segment("../a?b ä"), "..%2Fa%3Fb%20%C3%A4");
    }
}
