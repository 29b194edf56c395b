//! Takes connections and hands each request on, together with who sent it. Decides nothing about who may call what.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::Response;
use hyper::body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::header::HeaderName;
use hyper::header::HeaderValue;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use swarmlite_proto::error::chain;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::protocol::HEADER;
use swarmlite_proto::protocol::Range;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::connection::CONNECT_TIMEOUT;
use crate::connection::KEEP_ALIVE_INTERVAL;
use crate::connection::KEEP_ALIVE_TIMEOUT;
use crate::connection::spoken;
use crate::strangers::Limits;
use crate::strangers::Strangers;
use crate::strangers::TooMany;
use crate::strangers::Visit;
use crate::stream::BoxError;
use crate::tls;

/// Streams one caller may have open at a time. Calls are short and there is one session per agent; a manager's raft calls are the busiest.
const MAX_STREAMS: u32 = 1024;

/// The same for a caller without a certificate, who asks for the certificate of the authority, and then to join.
const MAX_STRANGER_STREAMS: u32 = 8;

/// How long somebody without a certificate may stay connected. Joining takes at most a call; then the node comes back with its certificate.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(60);

/// Connections at a time; further ones wait to be accepted. Enough for an agent and a client on each of thousands of nodes, and few
/// enough that strangers cannot take all memory.
const MAX_CONNECTIONS: usize = 16 * 1024;

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where the connection comes from.
    pub addr: SocketAddr,
    /// Who the certificate says it is; `None` without one.
    pub peer: Option<Peer>,
    /// Which protocols it says it speaks.
    pub protocol: Range,
}

/// Takes connections on `listener` for ever and passes each request to `handler`. New connections use the newest TLS settings; dropping the future
/// ends every connection. Of callers without a certificate, those of one address get what `limits` allow.
pub async fn serve<H, F, B>(
    listener: TcpListener,
    tls: watch::Receiver<Arc<ServerConfig>>,
    limits: Limits,
    handler: H,
) where
    H: Fn(Request<Incoming>, Caller) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let strangers = Strangers::new(limits);
    let mut connections = JoinSet::new();
    loop {
        // Cancel-safe: accepting and joining lose nothing when dropped.
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((tcp, addr)) => match strangers.admit(addr.ip(), Instant::now()) {
                    Ok(visit) => {
                        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
                        connections.spawn(connection(tcp, addr, acceptor, visit, handler.clone()));
                    }
                    Err(TooMany { first: true }) => tracing::warn!(addr = %addr.ip(), "too many connections without a certificate"),
                    Err(TooMany { first: false }) => {}
                },
                Err(error) => {
                    // Out of file descriptors, most likely: without a pause the loop would spin.
                    tracing::warn!(error = chain(&error), "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// How long to wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn connection<H, F, B>(
    tcp: TcpStream,
    addr: SocketAddr,
    acceptor: TlsAcceptor,
    visit: Visit,
    handler: H,
) where
    H: Fn(Request<Incoming>, Caller) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let handshaking = async {
        sleep(visit.turn(Instant::now())).await;
        handshake(tcp, acceptor).await
    };
    let stream = match timeout(CONNECT_TIMEOUT, handshaking).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return tracing::info!(%addr, error = chain(&error), "TLS handshake failed");
        }
        Err(_elapsed) => return tracing::info!(%addr, "no TLS handshake in time"),
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = match certificate.map(|certificate| tls::peer_of(certificate)).transpose() {
        Ok(peer) => peer,
        Err(error) => {
            return tracing::warn!(%addr, error = chain(&error), "certificate is not of a node");
        }
    };
    if peer.is_some() {
        visit.recognize();
        return requests(stream, addr, MAX_STREAMS, move |request| {
            let protocol = spoken(request.headers());
            handler(request, Caller { addr, peer: peer.clone(), protocol })
        })
        .await;
    }
    let visit = Arc::new(visit);
    let answering = requests(stream, addr, MAX_STRANGER_STREAMS, move |request| {
        let turn = visit.turn(Instant::now());
        let (visit, handler) = (Arc::clone(&visit), handler.clone());
        async move {
            let _stays = visit;
            sleep(turn).await;
            let protocol = spoken(request.headers());
            handler(request, Caller { addr, peer: None, protocol }).await
        }
    });
    if timeout(STRANGER_TIMEOUT, answering).await.is_err() {
        tracing::info!(%addr, "connected for too long without a certificate");
    }
}

/// Answers the requests of one connection from `addr`, `streams` at a time.
async fn requests<A, F, B>(stream: TlsStream<TcpStream>, addr: SocketAddr, streams: u32, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let own = HeaderValue::from_str(&Range::own().to_string()).ok();
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(request);
        let own = own.clone();
        async move {
            let mut answer = answer.await;
            answer.headers_mut().extend(own.map(|own| (HeaderName::from_static(HEADER), own)));
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .max_concurrent_streams(streams)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%addr, error = chain(&error), "connection ended");
    }
}

async fn handshake(mut tcp: TcpStream, acceptor: TlsAcceptor) -> io::Result<TlsStream<TcpStream>> {
    tcp.set_nodelay(true)?;
    let mut first = [0];
    tcp.peek(&mut first).await?;
    // A TLS handshake starts with 22 (RFC 8446, 5.1), and plain HTTP with a method.
    if first[0].is_ascii_uppercase() {
        answer_plain_http(&mut tcp).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP, without TLS"));
    }
    acceptor.accept(tcp).await
}

/// Tells somebody who has come with a browser or curl what is wrong, as a TLS alert would tell them nothing.
async fn answer_plain_http(tcp: &mut TcpStream) -> io::Result<()> {
    const TEXT: &str = "this port speaks TLS, with certificates of the swarm\n";
    // What was sent has to be read, or closing resets the connection and the answer is lost.
    let mut request = [0; 4096];
    let _read = tcp.read(&mut request).await?;
    let length = TEXT.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{TEXT}"
    );
    tcp.write_all(answer.as_bytes()).await?;
    tcp.shutdown().await
}
