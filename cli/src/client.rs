//! The daemon's REST API, typed: one method for each call, in the words of the Docker Engine API.
//!
//! The transport is HTTP, over the daemon's Unix socket or over TCP ([`connection`]). What the user can do about a failed connection is decided here;
//! what an answer means is for the commands.

mod backup;
mod connection;
mod distribution;
mod doctor;
mod document;
mod events;
mod explain;
mod flags;
mod logs;
mod network;
mod node;
mod passing;
mod service;
mod swarm;
mod system;

use std::error::Error as _;
use std::io;

pub(crate) use connection::Connection;
pub(crate) use connection::DEFAULT_SOCKET;
pub(crate) use distribution::Distribution;
pub(crate) use flags::TlsFlags;
pub(crate) use logs::LogFrames;
pub(crate) use logs::LogQuery;
pub(crate) use logs::LogSource;
pub(crate) use network::NetworkSummary;
use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use swarmlite_proto::error::REASON_HEADER;
use swarmlite_proto::error::Reason;

use crate::error::Error;
use crate::error::Result;
use crate::value::endpoint::Endpoint;
use crate::value::filter::Filters;

/// The newest API version this client speaks.
const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 51 };

/// How often a change is tried again that somebody else's came before. Each round reads anew, so only a steady stream of other
/// changes exhausts it.
const ATTEMPTS: usize = 8;

/// The API version spoken with a daemon that does not name its own.
const FALLBACK: ApiVersion = ApiVersion { major: 1, minor: 41 };

/// A version of the Docker Engine API, as `1.41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion {
    major: u16,
    minor: u16,
}

impl ApiVersion {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// The version to speak with a daemon that sent this `Api-Version` header.
    fn negotiate(header: Option<&str>) -> Self {
        header.and_then(Self::parse).map_or(FALLBACK, |version| version.min(NEWEST))
    }
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A connection to a daemon.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// What URLs begin with.
    base: String,
    host: Endpoint,
    version: ApiVersion,
}

impl Client {
    /// Reaches the daemon and agrees with it on a version of the API.
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] and [`Error::Denied`] when the socket cannot be opened, and whatever is wrong with certificates.
    pub(crate) async fn connect(connection: &Connection) -> Result<Self> {
        let http = connection.http()?;
        let (base, host) = (connection.base(), connection.endpoint.clone());
        let mut client = Self { http, base, host, version: FALLBACK };
        let ping = client.send(client.http.head(format!("{}/_ping", client.base))).await?;
        let header = ping.headers().get("Api-Version").and_then(|value| value.to_str().ok());
        client.version = ApiVersion::negotiate(header);
        Ok(client)
    }

    /// The API version agreed on.
    pub(crate) fn api_version(&self) -> ApiVersion {
        self.version
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        let response = self.send(self.request(Method::GET, path).query(query)).await?;
        self.read(&format!("GET {path}"), response).await
    }

    /// The answer as the daemon wrote it: JSON, but not read further.
    async fn get_text(&self, path: &str, query: &[(&str, &str)]) -> Result<String> {
        let response = self.send(self.request(Method::GET, path).query(query)).await?;
        let text = response.text().await.map_err(|source| transport(&self.host, source))?;
        serde_json::from_str::<IgnoredAny>(&text)
            .map_err(|source| Error::Answer { request: format!("GET {path}"), source })?;
        Ok(text)
    }

    async fn list<T: DeserializeOwned>(&self, path: &str, filters: &Filters) -> Result<Vec<T>> {
        match filters.to_query() {
            Some(filters) => self.get(path, &[("filters", &filters)]).await,
            None => self.get(path, &[]).await,
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &(impl Serialize + Sync),
    ) -> Result<T> {
        let response = self.send(self.request(Method::POST, path).query(query).json(body)).await?;
        self.read(&format!("POST {path}"), response).await
    }

    /// For calls whose answer has no body.
    async fn post_only(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &(impl Serialize + Sync),
    ) -> Result<()> {
        self.send(self.request(Method::POST, path).query(query).json(body)).await.map(drop)
    }

    /// For calls that carry nothing either way.
    async fn post_bare(&self, path: &str, query: &[(&str, &str)]) -> Result<()> {
        self.send(self.request(Method::POST, path).query(query)).await.map(drop)
    }

    async fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<()> {
        self.send(self.request(Method::DELETE, path).query(query)).await.map(drop)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v{}{path}", self.base, self.version))
    }

    /// Reads, changes and writes an object, which is all that `change` does: again from the start when somebody else wrote in between.
    async fn retry<T>(&self, change: impl AsyncFn() -> Result<T>) -> Result<T> {
        for _ in 1..ATTEMPTS {
            match change().await {
                Err(error) if error.is(Reason::OutOfSequence) => {}
                ended => return ended,
            }
        }
        change().await
    }

    /// Sends, and turns a refusal into an error.
    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|source| transport(&self.host, source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let reason = response.headers().get(REASON_HEADER).and_then(|word| word.to_str().ok());
        let reason = reason.and_then(|word| word.parse().ok());
        let body = response.text().await.map_err(|source| transport(&self.host, source))?;
        let message = refusal(&body, &status.to_string());
        Err(Error::Daemon { status: status.as_u16(), message, reason })
    }

    async fn read<T: DeserializeOwned>(&self, request: &str, response: Response) -> Result<T> {
        let body = response.bytes().await.map_err(|source| transport(&self.host, source))?;
        serde_json::from_slice(&body)
            .map_err(|source| Error::Answer { request: request.to_owned(), source })
    }
}

/// What is gone is no failure here.
fn gone<T>(error: Error) -> Result<Option<T>> {
    if error.is_not_found() { Ok(None) } else { Err(error) }
}

/// The daemon's sentence in the body of a refusal, or what comes closest to it.
fn refusal(body: &str, status: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Message {
        message: String,
    }
    match serde_json::from_str::<Message>(body) {
        Ok(Message { message }) => message.trim_end().to_owned(),
        Err(_) if body.trim().is_empty() => status.to_owned(),
        Err(_) => body.trim().to_owned(),
    }
}

/// What a failed connection means for the user.
fn transport(host: &Endpoint, source: reqwest::Error) -> Error {
    let host = host.to_string();
    let mut cause = source.source();
    while let Some(error) = cause {
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Error::NotRunning { host };
            }
            Some(io::ErrorKind::PermissionDenied) => return Error::Denied { host },
            _ => cause = error.source(),
        }
    }
    Error::Transport { host, source }
}

/// A name or id as one segment of a path.
fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.extend(
                [byte >> 4, byte & 0xf]
                    .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
