//! Takes connections, and reads requests from them until the proxy stops.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::server::graceful::Watcher;
use swarmlite_proto::error::chain;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::interval;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio::time::timeout_at;

use crate::access::Logged;
use crate::alive;
use crate::challenge;
use crate::client::Client;
use crate::gather::Gather;
use crate::guard::GoneOver;
use crate::guard::Guard;
use crate::limits::MAX_HEAD;
use crate::preface;
use crate::proxy::Proxy;
use crate::proxy::Way;
use crate::timer::Timer;
use crate::tls::Acceptor;
use crate::tunnel::Tunnels;

/// Connections at a time on one port; further ones wait to be accepted. Few enough that strangers cannot take all memory.
const MAX_CONNECTIONS: usize = 16 * 1024;

/// Requests that a client may have open at a time on a connection of HTTP/2. RFC 9113, 6.5.2 advises at least 100.
const MAX_STREAMS: u32 = 256;

/// How often a connection of HTTP/2 is asked whether the other side is there.
const PING: Duration = Duration::from_secs(20);

/// How often connections to tasks are looked at.
const CLEAN: Duration = Duration::from_secs(1);

/// How long to wait after a failed accept: out of file descriptors, most likely, and without a pause the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where requests come in.
#[derive(Debug)]
pub struct Listeners {
    /// Without TLS.
    pub plain: Option<TcpListener>,
    /// With TLS.
    pub tls: Option<TcpListener>,
}

impl Proxy {
    /// Answers requests until `stop` ends. Then takes no more, and waits for what is in flight, for as long as its limits say. Dropping the future
    /// ends every connection at once.
    ///
    /// # Errors
    ///
    /// When the listeners cannot be used at all.
    pub async fn serve(
        self: Arc<Self>,
        listeners: Listeners,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let Listeners { plain, tls } = listeners;
        let tls_port = tls.as_ref().map(TcpListener::local_addr).transpose()?.map(|at| at.port());
        let acceptor = Acceptor::new(self.table().clone()).map_err(io::Error::other)?;
        let tunnels = Arc::new(Tunnels::new());
        let door = |acceptor| Door { tls_port, acceptor, tunnels: Arc::clone(&tunnels) };
        let (halt, halted) = watch::channel(());
        let doors = async {
            tokio::join!(
                self.open(plain, door(None), halted.clone()),
                self.open(tls, door(Some(acceptor)), halted.clone()),
            );
        };
        let stopped = async {
            stop.await;
            drop(halt);
            Instant::now()
        };
        // The doors are open until `stopped` has closed them.
        let ((), stopped_at) = tokio::select! {
            ended = async { tokio::join!(doors, stopped) } => ended,
            never = self.clean_always() => match never {},
        };
        let deadline = stopped_at + self.limits().grace;
        if timeout_at(deadline, tunnels.ended()).await.is_err() {
            tracing::info!("the proxy closes connections that have not ended in time");
        }
        Ok(())
    }

    /// Cleans up once in a while, and whenever the table changes.
    async fn clean_always(&self) -> Infallible {
        let mut table = self.table().clone();
        let mut ticks = interval(CLEAN);
        loop {
            tokio::select! {
                _tick = ticks.tick() => {}
                // Without anybody who could change it, the table stays as it is.
                Ok(()) = table.changed() => {}
            }
            self.clean();
        }
    }

    /// Takes connections until `halted` closes, and waits for those that are in use then.
    async fn open(
        self: &Arc<Self>,
        listener: Option<TcpListener>,
        door: Door,
        mut halted: watch::Receiver<()>,
    ) {
        let Some(listener) = listener else { return };
        if let Err(error) = alive::probe(&listener) {
            tracing::warn!(
                error = chain(&error),
                "clients that are gone without a word are not noticed"
            );
        }
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, address)) => {
                        let proxy = Arc::clone(self);
                        let watcher = graceful.watcher();
                        connections.spawn(proxy.take(stream, address, door.clone(), watcher));
                    }
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_ended) = connections.join_next() => {}
                _halted = halted.changed() => break,
            }
        }
        drop(listener);
        let _in_time = timeout(self.limits().grace, graceful.shutdown()).await;
    }

    async fn take(
        self: Arc<Self>,
        mut stream: TcpStream,
        peer: SocketAddr,
        door: Door,
        watcher: Watcher,
    ) {
        let Some(address) = self.client_of(&mut stream, peer).await else { return };
        let Door { tls_port, acceptor, tunnels } = door;
        let client = Client::new(address, acceptor.is_some());
        let gone_over = GoneOver::default();
        let mut way = Way { client, tls_port, tunnels, gone_over, shown: None };
        // What is to be sent at once is written at once.
        let _best_effort = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else {
            return self.converse(Gather(stream), way, watcher).await;
        };
        match timeout(self.limits().head, acceptor.accept(stream)).await {
            // Whoever asked has seen the certificate, and nothing is said over such a connection (RFC 8737, 3).
            Ok(Ok((stream, _)))
                if stream.get_ref().1.alpn_protocol() == Some(challenge::PROTOCOL) => {}
            Ok(Ok((stream, shown))) => {
                way.shown = shown.map(Arc::new);
                self.converse(stream, way, watcher).await;
            }
            Ok(Err(error)) => tracing::debug!(%address, error = chain(&error), "no TLS"),
            Err(_elapsed) => tracing::debug!(%address, "no TLS handshake in time"),
        }
    }

    /// For whom `peer` connects. `None` if it should say so, and does not.
    async fn client_of(&self, stream: &mut TcpStream, peer: SocketAddr) -> Option<SocketAddr> {
        if !self.expects_proxy_protocol(peer) {
            return Some(peer);
        }
        match timeout(self.limits().head, preface::read(stream)).await {
            Ok(Ok(client)) => Some(client.unwrap_or(peer)),
            Ok(Err(error)) => {
                tracing::debug!(%peer, error = chain(&error), "a peer does not say for whom it connects");
                None
            }
            Err(_elapsed) => None,
        }
    }

    /// Answers the requests of one connection.
    async fn converse<S>(self: Arc<Self>, stream: S, way: Way, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = way.client.address;
        let limits = *self.limits();
        let stream = TokioIo::new(Guard::new(stream, limits, way.gone_over.clone()));
        let way = Arc::new(way);
        let service = service_fn(move |request: Request<Incoming>| {
            let proxy = Arc::clone(&self);
            let way = Arc::clone(&way);
            async move {
                let log = proxy.access_log();
                let mut entry = log.map(|log| Box::new(log.begin(&request, &way.client)));
                let answer = proxy.answer(request, &way, entry.as_deref_mut()).await;
                Ok::<_, Infallible>(Logged::new(answer, entry))
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(Timer::new()).header_read_timeout(limits.idle).max_buf_size(MAX_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
        let connection = builder.serve_connection_with_upgrades(stream, service);
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(%address, error = chain(&*error), "a connection ended");
        }
    }
}

/// What the connections of one listener have in common.
#[derive(Clone)]
struct Door {
    tls_port: Option<u16>,
    acceptor: Option<Acceptor>,
    tunnels: Arc<Tunnels>,
}
