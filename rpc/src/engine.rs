//! How the Docker Engine of this node is reached: by HTTP/1.1 over its Unix socket, with a connection for each request, so that a restart of the
//! engine needs no care.
//!
//! Those who need what is between a request and its answer ask here. What the engine means by an answer is theirs to know.

use std::io;
use std::path::Path;

use bytes::Bytes;
use hyper::Request;
use hyper::Response;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// The engine has not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens on its socket.
    #[error(transparent)]
    Connect(io::Error),
    /// It has broken off.
    #[error(transparent)]
    Broken(hyper::Error),
}

/// Has the engine on `socket` answer `request`, however long that takes it. The connection lives as long as the answer is read, or longer if
/// it is upgraded.
///
/// # Errors
///
/// When the engine does not answer.
pub async fn ask<B>(socket: &Path, mut request: Request<B>) -> Result<Response<Incoming>, AskError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
    let stream = UnixStream::connect(socket).await.map_err(AskError::Connect)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Broken)?;
    // Ends by itself once the answer is read or dropped. A failure of it is seen by the request.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.map_err(AskError::Broken)
}
