//! One client: a connection, requests on it, and what is wrong with an answer.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::SinkExt;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::Request;
use hyper::Response;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::client::conn::http2;
use hyper::header;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::Message;

use crate::answer::Answer;
use crate::load::stream;
use crate::load::stream::Stream;

/// After how many requests a client ends a connection of its own accord.
const REQUESTS: u32 = 40;
/// The same for lines and messages.
const LINES: u32 = 15;

/// How a client uses connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP, a new connection for each request.
    NewConnection,
    /// HTTP, one request after the other until the server says `Connection: close`, or 40 were made.
    KeepAlive,
    /// HTTP/2, one request after the other until the server is about to end the connection, or 40 were made.
    Http2,
    /// 15 messages over a WebSocket, one after the other, or until the server says that there are no more.
    WebSocket,
    /// A line over TCP and its answer, on a connection of its own.
    Line,
    /// 15 lines over TCP, one after the other, on one connection.
    Lines,
}

impl Kind {
    /// What reports call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewConnection => "http, new connection",
            Self::KeepAlive => "http, keep-alive",
            Self::Http2 => "http/2",
            Self::WebSocket => "web socket",
            Self::Line => "tcp, new connection",
            Self::Lines => "tcp, several exchanges",
        }
    }

    /// What is spoken over TLS (RFC 7301).
    pub(super) const fn protocol(self) -> &'static str {
        if matches!(self, Self::Http2) { "h2" } else { "http/1.1" }
    }

    /// How many requests are made on a connection at most.
    const fn requests(self) -> u32 {
        match self {
            Self::NewConnection | Self::Line => 1,
            Self::KeepAlive | Self::Http2 => REQUESTS,
            Self::Lines | Self::WebSocket => LINES,
        }
    }
}

/// Whom a client asks, and what it expects of answers.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    pub(super) kind: Kind,
    pub(super) target: SocketAddr,
    /// The name under which the service answers.
    pub(super) name: String,
    /// The address that the server has to see over HTTP, if it is known.
    pub(super) peer: Option<IpAddr>,
    /// The host that it asks for over HTTP, if that is not the target itself.
    pub(super) host: Option<String>,
    /// How TLS is spoken, if that is asked for.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Expectation {
    /// What the client calls the other side.
    pub(super) fn authority(&self) -> String {
        self.host.clone().unwrap_or_else(|| self.target.to_string())
    }
}

/// A connection that is open.
pub(super) struct Connection {
    channel: Channel,
    /// The server of the first answer: all others have to come from it too.
    server: Option<String>,
    left: u32,
}

enum Channel {
    Http(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
    WebSocket(Box<WebSocketStream<Stream>>),
    Tcp(BufReader<Stream>),
}

impl Connection {
    /// Connects to the target.
    pub(super) async fn open(expected: &Expectation) -> anyhow::Result<Self> {
        let stream =
            stream::connect(expected.target, expected.authority(), expected.tls.as_ref()).await?;
        let channel = match expected.kind {
            Kind::NewConnection | Kind::KeepAlive => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                // Its error is that of the request, and is told there.
                tokio::spawn(connection);
                Channel::Http(sender)
            }
            Kind::Http2 => {
                let io = TokioIo::new(stream);
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                tokio::spawn(connection);
                Channel::Http2(sender)
            }
            Kind::WebSocket => {
                let url = format!("ws://{}/", expected.authority());
                let (socket, _answer) = client_async(url, stream).await?;
                Channel::WebSocket(Box::new(socket))
            }
            Kind::Line | Kind::Lines => Channel::Tcp(BufReader::new(stream)),
        };
        Ok(Self { channel, server: None, left: expected.kind.requests() })
    }

    /// Whether the server takes another request, as far as it has said so: HTTP/2 and WebSocket have a way to say that before one is made.
    pub(super) fn is_open(&mut self) -> bool {
        match &mut self.channel {
            Channel::Http(_) | Channel::Tcp(_) => true,
            Channel::Http2(sender) => !sender.is_closed(),
            Channel::WebSocket(socket) => socket.next().now_or_never().is_none(),
        }
    }

    /// Makes one request, and checks the answer: the server that gave it, and whether the connection can be used again.
    pub(super) async fn ask(
        &mut self,
        expected: &Expectation,
        nonce: &str,
    ) -> anyhow::Result<(String, bool)> {
        self.left -= 1;
        let last = self.left == 0;
        let (server, closes) = match &mut self.channel {
            Channel::Http(sender) => {
                let asked = sender.send_request(request(expected, nonce, last)?).await?;
                check_http(asked, expected, nonce).await?
            }
            Channel::Http2(sender) => {
                let asked = sender.send_request(request(expected, nonce, last)?).await?;
                check_http(asked, expected, nonce).await?
            }
            Channel::WebSocket(socket) => (send_message(socket, expected, nonce).await?, false),
            Channel::Tcp(stream) => (ask_line(stream, expected, nonce).await?, false),
        };
        // Behind a proxy each request may be answered by another, but not each message of one tunnel.
        let may_change = expected.host.is_some() && expected.kind != Kind::WebSocket;
        let first = self.server.get_or_insert_with(|| server.clone());
        ensure!(
            may_change || *first == server,
            "one connection was answered by {first} and by {server}"
        );
        Ok((server, !closes && !last))
    }
}

fn request(
    expected: &Expectation,
    nonce: &str,
    last: bool,
) -> anyhow::Result<Request<Empty<Bytes>>> {
    let host = expected.authority();
    let path = format!("/?nonce={nonce}");
    if expected.kind == Kind::Http2 {
        let scheme = if expected.tls.is_some() { "https" } else { "http" };
        return Ok(Request::get(format!("{scheme}://{host}{path}")).body(Empty::new())?);
    }
    let mut request = Request::get(path).header(header::HOST, host);
    if last {
        request = request.header(header::CONNECTION, "close");
    }
    Ok(request.body(Empty::new())?)
}

async fn check_http(
    response: Response<Incoming>,
    expected: &Expectation,
    nonce: &str,
) -> anyhow::Result<(String, bool)> {
    let status = response.status();
    let closes = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
    let body = response.into_body().collect().await?.to_bytes();
    let text = std::str::from_utf8(&body)?;
    ensure!(status == 200, "status {status}: {text}");
    let answers = Answer::parse_all(text)?;
    let [answer] = &answers[..] else { anyhow::bail!("{} answers in one", answers.len()) };
    ensure!(answer.name == expected.name, "answered by {}: {text}", answer.name);
    ensure!(text.contains(&format!("?nonce={nonce} ")), "the answer to another request: {text}");
    if let Some(peer) = expected.peer {
        ensure!(answer.client.ip() == peer, "the server saw {}", answer.client);
    }
    Ok((answer.hostname.clone(), closes))
}

async fn send_message(
    socket: &mut WebSocketStream<Stream>,
    expected: &Expectation,
    nonce: &str,
) -> anyhow::Result<String> {
    socket.send(Message::text(nonce)).await?;
    match socket.next().await {
        Some(Ok(Message::Text(text))) => echoed(&text, expected, nonce),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(_)) | None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}

async fn ask_line(
    stream: &mut BufReader<Stream>,
    expected: &Expectation,
    nonce: &str,
) -> anyhow::Result<String> {
    stream.get_mut().write_all(format!("{nonce}\n").as_bytes()).await?;
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        Err(io::Error::from(io::ErrorKind::UnexpectedEof))?;
    }
    echoed(&line, expected, nonce)
}

/// The server that has answered `nonce` by `line`.
fn echoed(line: &str, expected: &Expectation, nonce: &str) -> anyhow::Result<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [server, name, said] = words[..] else { anyhow::bail!("no answer of whoami: {line:?}") };
    ensure!(name == expected.name && said == nonce, "not the answer to {nonce}: {line:?}");
    Ok(server.to_owned())
}

/// In a word, what went wrong.
pub(super) fn kind_of_failure(error: &anyhow::Error) -> &'static str {
    for cause in error.chain() {
        if cause.is::<tokio::time::error::Elapsed>() {
            return "timeout";
        }
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return match cause.kind() {
                io::ErrorKind::ConnectionRefused => "refused",
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "reset",
                io::ErrorKind::UnexpectedEof => "closed",
                io::ErrorKind::TimedOut => "timeout",
                _ => "error",
            };
        }
    }
    if let Some(tungstenite::Error::ConnectionClosed | tungstenite::Error::Protocol(_)) =
        error.downcast_ref()
    {
        return "closed";
    }
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_canceled() || error.is_incomplete_message() => "closed",
        _ => "wrong answer",
    }
}
