//! Requests on a Unix socket, byte for byte: what a client that nobody here wrote might send.

use std::path::Path;

use anyhow::Context;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Method;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// A status and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {:?}", self.body))
    }

    /// The text of an error as Docker sends it: the member `message`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn message(&self) -> anyhow::Result<String> {
        let json = self.json()?;
        let message = json.get("message").and_then(serde_json::Value::as_str);
        Ok(message.with_context(|| format!("no message: {json}"))?.to_owned())
    }
}

/// Sends one request over a connection of its own.
///
/// # Errors
///
/// When there is no whole answer. A status that tells of an error is an answer.
pub async fn request(
    socket: &Path,
    method: Method,
    path: &str,
    body: &str,
) -> anyhow::Result<Reply> {
    let stream =
        UnixStream::connect(socket).await.with_context(|| format!("{}", socket.display()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "docker")
        .header("Content-Type", "application/json")
        .body(Full::new(Bytes::from(body.to_owned())))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
}
