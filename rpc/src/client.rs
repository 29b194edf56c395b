//! Calls any node by its address. One connection per address is kept and shared by all calls to it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::chain;
use swarmlite_proto::frame::MAX_FRAME;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::identity::MANAGER_SERVER_NAME;
use swarmlite_proto::messagepack;
use swarmlite_proto::protocol;
use swarmlite_proto::protocol::Range;
use swarmlite_proto::rpc::NotLeader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::connection::CALL_TIMEOUT;
use crate::connection::CONNECT_TIMEOUT;
use crate::connection::KEEP_ALIVE_INTERVAL;
use crate::connection::KEEP_ALIVE_TIMEOUT;
use crate::connection::spoken;
use crate::stream::Body;
use crate::stream::BoxError;
use crate::stream::FrameReceiver;
use crate::stream::FrameSender;
use crate::stream::frames;
use crate::tls;
use crate::tls::TlsError;

/// How much the peer may send on one stream before it has to wait, in bytes. The default of 64 KiB makes a large set of assignments wait for many round trips.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;

/// A call has failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The callee does not lead; it may know who does.
    #[error("the manager is not the leader")]
    NotLeader(Option<SocketAddr>),
    /// The callee says no.
    #[error(transparent)]
    Refused(Error),
    /// No answer. Whether the callee has acted is not known, unless the reason tells.
    #[error("cannot reach {addr}")]
    Unreachable {
        /// Who was called.
        addr: SocketAddr,
        /// Why.
        source: TransportError,
    },
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nothing listens there, or no way leads there. Nothing was sent.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The peer does not speak TLS, or its certificate or ours was refused. Nothing was sent.
    #[error("TLS handshake failed")]
    Tls(#[source] io::Error),
    /// The peer did not accept a connection within [`CONNECT_TIMEOUT`]. Nothing was sent.
    #[error("no connection within {} seconds", CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout,
    /// The peer did not answer within [`CALL_TIMEOUT`].
    #[error("no answer within {} seconds", CALL_TIMEOUT.as_secs())]
    CallTimeout,
    /// The connection broke.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// What should be sent, or came back, is not what the call is made of.
    #[error("cannot read or write the message")]
    Message(#[source] BoxError),
}

/// Calls nodes. Cheap to clone; clones share connections and identity.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Inner>,
}

struct Inner {
    tls: Mutex<Arc<ClientConfig>>,
    connections: Mutex<BTreeMap<SocketAddr, Arc<Slot>>>,
    /// Which protocols it says it speaks.
    protocol: Range,
}

/// The connection to one address. Locked while connecting, so that calls at the same time share one attempt.
type Slot = tokio::sync::Mutex<Option<http2::SendRequest<Body>>>;

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A caller that presents `identity`.
    ///
    /// # Errors
    ///
    /// When a part of `identity` is not valid.
    pub fn new(identity: &Identity) -> Result<Self, TlsError> {
        Ok(Self::with_tls(tls::client_config(identity)?))
    }

    /// A caller with other TLS settings: [`tls::joining_config`] or [`tls::unverified_config`].
    #[must_use]
    pub fn with_tls(config: ClientConfig) -> Self {
        Self::speaking(config, Range::own())
    }

    /// A caller of another version.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    #[cfg(feature = "testing")]
    pub fn of_version(identity: &Identity, protocol: Range) -> Result<Self, TlsError> {
        Ok(Self::speaking(tls::client_config(identity)?, protocol))
    }

    fn speaking(config: ClientConfig, protocol: Range) -> Self {
        let tls = Mutex::new(Arc::new(config));
        Self { shared: Arc::new(Inner { tls, connections: Mutex::default(), protocol }) }
    }

    /// Presents `identity` from now on. Calls and streams under way end as they began.
    ///
    /// # Errors
    ///
    /// When a part of `identity` is not valid; the old one is then kept.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), TlsError> {
        let config = Arc::new(tls::client_config(identity)?);
        // In this order: whoever makes a connection after the list is empty finds the new settings.
        *self.shared.tls.lock().unwrap_or_else(PoisonError::into_inner) = config;
        self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Calls `path` at `addr`. Dropping the future abandons the call; the callee may still act on it.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn call<Q, A>(&self, addr: SocketAddr, path: &str, body: &Q) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let unreachable = |source| CallError::Unreachable { addr, source };
        let body = messagepack::encode(body)
            .map_err(|error| unreachable(TransportError::Message(Box::new(error))))?;
        let answer = self.unary(addr, Method::POST, path, Bytes::from(body)).await?;
        messagepack::decode(&answer)
            .map_err(|error| unreachable(TransportError::Message(Box::new(error))))
    }

    /// Reads the plain text at `path`.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn text(&self, addr: SocketAddr, path: &str) -> Result<String, CallError> {
        let answer = self.unary(addr, Method::GET, path, Bytes::new()).await?;
        String::from_utf8(answer.into()).map_err(|error| CallError::Unreachable {
            addr,
            source: TransportError::Message(Box::new(error)),
        })
    }

    /// Opens a stream of messages both ways. The callee answers at once, before it has read a message, so that it can refuse.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn stream(
        &self,
        addr: SocketAddr,
        path: &str,
    ) -> Result<(FrameSender, FrameReceiver), CallError> {
        let (sender, body) = frames();
        let head = async {
            let answer = self.request(addr, Method::POST, path, body).await?;
            accepted(addr, answer).await
        };
        let answer = deadline(addr, head).await?;
        Ok((sender, FrameReceiver::new(answer.into_body())))
    }

    async fn unary(
        &self,
        addr: SocketAddr,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, CallError> {
        deadline(addr, async {
            let body = Full::new(body).boxed_unsync();
            let answer = self.request(addr, method, path, body).await?;
            let answer = accepted(addr, answer).await?;
            read(answer).await.map_err(|source| CallError::Unreachable { addr, source })
        })
        .await
    }

    async fn request(
        &self,
        addr: SocketAddr,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Response<Incoming>, CallError> {
        let unreachable = |source| CallError::Unreachable { addr, source };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{MANAGER_SERVER_NAME}{path}"))
            .header(protocol::HEADER, self.shared.protocol.to_string())
            .body(body)
            .map_err(|error| unreachable(TransportError::Message(Box::new(error))))?;
        loop {
            let (mut connection, fresh) = self.connection(addr).await.map_err(unreachable)?;
            let mut failed = match connection.try_send_request(request).await {
                Ok(answer) => return understood(self.shared.protocol, answer),
                Err(failed) => failed,
            };
            // A kept connection may have ended just now. What was not sent can safely go over a new one.
            match failed.take_message() {
                Some(unsent) if !fresh => request = unsent,
                _ => return Err(unreachable(TransportError::Http(failed.into_error()))),
            }
        }
    }

    /// The kept connection to `addr`, or a new one; and whether it is new. Whoever gives up waiting leaves the attempt running, so that calls with
    /// less patience than a handshake takes, as raft's have, get there with a later one.
    async fn connection(
        &self,
        addr: SocketAddr,
    ) -> Result<(http2::SendRequest<Body>, bool), TransportError> {
        let slot = {
            let mut slots = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(addr).or_default())
        };
        let mut slot = slot.lock_owned().await;
        if let Some(kept) = slot.as_ref().filter(|kept| !kept.is_closed()) {
            return Ok((kept.clone(), false));
        }
        let config = Arc::clone(&self.shared.tls.lock().unwrap_or_else(PoisonError::into_inner));
        let attempt = tokio::spawn(async move {
            let made = timeout(CONNECT_TIMEOUT, connect(addr, config))
                .await
                .map_err(|_elapsed| TransportError::ConnectTimeout)??;
            *slot = Some(made.clone());
            Ok((made, true))
        });
        attempt.await.unwrap_or_else(|error| Err(TransportError::Connect(io::Error::other(error))))
    }
}

async fn connect(
    addr: SocketAddr,
    config: Arc<ClientConfig>,
) -> Result<http2::SendRequest<Body>, TransportError> {
    let tcp = TcpStream::connect(addr).await.map_err(TransportError::Connect)?;
    tcp.set_nodelay(true).map_err(TransportError::Connect)?;
    let tls = TlsConnector::from(config)
        .connect(tls::MANAGER.clone(), tcp)
        .await
        .map_err(TransportError::Tls)?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(tls))
        .await?;
    // Ends when the last sender and the last stream are gone, or the connection breaks.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%addr, error = chain(&error), "connection ended");
        }
    });
    Ok(sender)
}

async fn deadline<T>(
    addr: SocketAddr,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(CALL_TIMEOUT, call)
        .await
        .unwrap_or(Err(CallError::Unreachable { addr, source: TransportError::CallTimeout }))
}

/// The answer, if it is in a protocol that this node speaks. A callee from before there were numbers does not ask.
fn understood(
    protocol: Range,
    answer: Response<Incoming>,
) -> Result<Response<Incoming>, CallError> {
    match Range::common(protocol, spoken(answer.headers())) {
        Ok(_) => Ok(answer),
        Err(mismatch) => Err(CallError::Refused(mismatch.into())),
    }
}

/// The answer, if the callee took the call; its reason, if not.
async fn accepted(
    addr: SocketAddr,
    answer: Response<Incoming>,
) -> Result<Response<Incoming>, CallError> {
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(answer);
    }
    let body = read(answer).await.map_err(|source| CallError::Unreachable { addr, source })?;
    if status == StatusCode::MISDIRECTED_REQUEST {
        let leader = messagepack::decode::<NotLeader>(&body).ok().and_then(|answer| answer.leader);
        return Err(CallError::NotLeader(leader));
    }
    Err(CallError::Refused(serde_json::from_slice(&body).unwrap_or_else(|_not_ours| {
        Error::unknown(format!("{addr} answered with status {status}"))
    })))
}

async fn read(answer: Response<Incoming>) -> Result<Bytes, TransportError> {
    Limited::new(answer.into_body(), MAX_FRAME)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .map_err(TransportError::Message)
}

#[cfg(test)]
mod tests;
