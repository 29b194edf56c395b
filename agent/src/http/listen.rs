//! Listens on the ports on which the cluster answers HTTP, on all addresses of the node, for as long as the managers say so.
//!
//! A port that somebody else has is tried again and again. Sockets are kept while the proxy behind them is replaced: nobody who connects meanwhile is
//! turned away.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::HttpAssignment;
use swarmlite_proto::error::chain;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::spec::HttpOptions;
use swarmlite_proto::value::http;
use swarmlite_proxy::AccessLog;
use swarmlite_proxy::CookieKey;
use swarmlite_proxy::Dial;
use swarmlite_proxy::Limits;
use swarmlite_proxy::Listeners;
use swarmlite_proxy::Proxy;
use swarmlite_proxy::Table;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;

use super::AccessFile;
use super::Observed;
use crate::standing::Known;

/// How long to wait before a port that somebody else has is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// For how long what is in flight may go on when the agent ends. Whoever restarts it waits meanwhile.
const LET_GO: Duration = Duration::from_secs(10);

/// Listens, and has the proxy answer.
#[derive(Debug)]
pub(crate) struct Listening {
    /// Says whether this node answers.
    pub(crate) known: watch::Receiver<Known>,
    /// What the proxy goes by.
    pub(crate) table: watch::Receiver<Arc<Table>>,
    /// How it reaches tasks.
    pub(crate) dial: Arc<dyn Dial>,
    /// Where requests are written to.
    pub(crate) access: AccessFile,
    /// Where others look.
    pub(crate) observed: Observed,
}

/// The sockets that are held, by their ports.
type Sockets = BTreeMap<u16, TcpListener>;

/// A proxy that answers.
struct Answering {
    by: HttpAssignment,
    /// The ports that it has.
    ports: Vec<u16>,
    /// Has it stop when it is dropped: it takes no more, and ends what it has.
    _stop: DropGuard,
}

impl Listening {
    /// Does so until the agent ends.
    pub(crate) async fn run(self) {
        let (observed, file) = (self.observed.clone(), self.access.clone());
        let _ended = observed.ended.drop_guard();
        tokio::select! {
            () = self.answer_until_the_end() => {}
            never = file.write_always(&observed.access) => match never {},
        }
        file.write_rest(&observed.access).await;
    }

    async fn answer_until_the_end(self) {
        let mut proxies = JoinSet::new();
        self.answer_all(&mut proxies).await;
        // None of them takes any more, and the sockets are closed: who connects now is told so at once, and asks another node.
        let all_ended = async { while proxies.join_next().await.is_some() {} };
        if timeout(LET_GO, all_ended).await.is_err() {
            tracing::info!("ends HTTP connections that have not ended in time");
        }
    }

    async fn answer_all(mut self, proxies: &mut JoinSet<()>) {
        let ending = self.observed.ending.clone();
        let mut sockets = Sockets::new();
        let mut answering: Option<Answering> = None;
        loop {
            let known = self.known.borrow_and_update().clone();
            let wanted = known.and_then(|known| known.http.clone());
            let is_complete = self.hold(wanted.as_ref(), &mut sockets);
            let ports: Vec<u16> = sockets.keys().copied().collect();
            let same = |now: &Answering| Some(&now.by) == wanted.as_ref() && now.ports == ports;
            if !answering.as_ref().is_some_and(same) {
                answering = wanted.and_then(|by| self.answer(by, &sockets, proxies));
                if answering.is_none() {
                    self.observed.proxy.send_replace(None);
                }
            }
            // All are cancel-safe.
            tokio::select! {
                changed = self.known.changed() => if changed.is_err() { return },
                () = sleep(RETRY), if !is_complete => {}
                Some(_ended) = proxies.join_next() => {}
                () = ending.cancelled() => return,
            }
        }
    }

    /// Opens the sockets that are wanted and closes all others. Whether all of them are open now.
    fn hold(&self, wanted: Option<&HttpAssignment>, sockets: &mut Sockets) -> bool {
        let wanted: Vec<u16> = wanted.iter().flat_map(|wanted| wanted.ports.ports()).collect();
        sockets.retain(|port, _| wanted.contains(port));
        let mut said = self.observed.ports.borrow().clone();
        said.retain(|port, _| wanted.contains(port));
        for port in wanted {
            if sockets.contains_key(&port) {
                continue;
            }
            let refusal = match listen(port) {
                Ok(socket) => {
                    sockets.insert(port, socket);
                    tracing::info!(port, "answers HTTP");
                    None
                }
                Err(error) => Some(chain(&error)),
            };
            if let Some(error) =
                refusal.as_ref().filter(|it| said.get(&port) != Some(&Some((*it).clone())))
            {
                tracing::error!(port, error, "cannot answer HTTP on this node, tries again");
            }
            said.insert(port, refusal);
        }
        let is_complete = said.values().all(Option::is_none);
        self.observed.ports.send_if_modified(|ports| {
            let changed = *ports != said;
            *ports = said;
            changed
        });
        is_complete
    }

    /// Has a proxy answer on `sockets`. The one before, if there is one, goes on with what it has. `None` if there is nothing to answer on.
    fn answer(
        &self,
        by: HttpAssignment,
        sockets: &Sockets,
        proxies: &mut JoinSet<()>,
    ) -> Option<Answering> {
        let listeners = match listeners(&by, sockets) {
            Ok(listeners) if listeners.plain.is_none() && listeners.tls.is_none() => return None,
            Ok(listeners) => listeners,
            Err(error) => {
                tracing::error!(error = chain(&error), "cannot answer HTTP");
                return None;
            }
        };
        let key = CookieKey::new(&by.cookie_key);
        let (table, dial) = (self.table.clone(), Arc::clone(&self.dial));
        let proxy = Proxy::new(table, dial, key, Limits::default());
        let proxy = Arc::new(self.configured(proxy, &by.options));
        self.observed.proxy.send_replace(Some(Arc::clone(&proxy)));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        proxies.spawn(async move {
            if let Err(error) = proxy.serve(listeners, stopped).await {
                tracing::error!(error = chain(&error), "HTTP is not answered any more");
            }
        });
        let ports = sockets.keys().copied().collect();
        Some(Answering { by, ports, _stop: stop.drop_guard() })
    }

    /// The proxy with what holds for all services.
    fn configured(&self, proxy: Proxy, options: &HttpOptions) -> Proxy {
        let trusted = options.trusted_peers.iter();
        // What is no network has been refused before.
        let trusted = trusted.filter_map(|text| http::peer(text).ok()).collect();
        let mut proxy = proxy.with_trusted_peers(trusted);
        if options.proxy_protocol {
            proxy = proxy.with_proxy_protocol();
        }
        match options.access_log {
            AccessLogFormat::Off => proxy,
            format => {
                let lines = Arc::clone(&self.observed.access);
                proxy.with_access_log(AccessLog { format, lines })
            }
        }
    }
}

/// A socket on all addresses of the node, of both families if it has both.
fn listen(port: u16) -> io::Result<TcpListener> {
    let any = |addr: SocketAddr| TcpListener::bind(addr);
    let socket = match any((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            any((Ipv4Addr::UNSPECIFIED, port).into())?
        }
        bound => bound?,
    };
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The sockets as the proxy gets them: the same ones once more.
fn listeners(by: &HttpAssignment, sockets: &Sockets) -> io::Result<Listeners> {
    let of = |port: u16| {
        let socket = sockets.get(&port).map(TcpListener::try_clone).transpose()?;
        socket.map(tokio::net::TcpListener::from_std).transpose()
    };
    Ok(Listeners { plain: of(by.ports.port)?, tls: of(by.ports.tls_port)? })
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::path::Path;

    use async_trait::async_trait;
    use swarmlite_proto::spec::HttpConfig;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::Notify;

    use super::*;
    use crate::assignment::Assignments;
    use crate::http::Ports;

    #[derive(Debug)]
    struct Nowhere;

    #[async_trait]
    impl Dial for Nowhere {
        async fn dial(&self, _: SocketAddr) -> io::Result<tokio::net::TcpStream> {
            Err(io::ErrorKind::ConnectionRefused.into())
        }
    }

    /// A port that nobody has.
    fn free() -> u16 {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there are some");
        socket.local_addr().expect("has one").port()
    }

    fn answers(port: u16) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    }

    fn on(port: u16, key: u8) -> Known {
        let ports = HttpConfig { port, tls_port: 0 };
        let options = HttpOptions::default();
        let http = Some(HttpAssignment { ports, options, cookie_key: [key; 32] });
        Some(Arc::new(Assignments { http, ..Assignments::default() }))
    }

    #[tokio::test]
    async fn a_port_is_answered_on_as_soon_as_it_can_be_and_as_long_as_it_is_to_be() {
        let port = free();
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("is free");
        let (known, observed) = (watch::Sender::new(on(port, 1)), Observed::default());
        let listening = Listening {
            known: known.subscribe(),
            table: watch::Sender::<Arc<Table>>::default().subscribe(),
            dial: Arc::new(Nowhere),
            access: AccessFile::below(Path::new("/nonexistent")),
            observed: observed.clone(),
        };
        let running = tokio::spawn(listening.run());
        let mut ports = observed.ports.subscribe();
        let is_taken = |ports: &Ports| ports.get(&port).is_some_and(Option::is_some);
        ports.wait_for(is_taken).await.expect("says so");
        drop(taken);
        let is_open = |ports: &Ports| ports.get(&port) == Some(&None);
        ports.wait_for(is_open).await.expect("says so");
        assert!(answers(port));
        let mut proxy = observed.proxy.subscribe();
        let first = proxy.wait_for(Option::is_some).await.expect("there is one").clone();
        known.send_replace(on(port, 2));
        let other = |now: &Option<Arc<Proxy>>| {
            now.as_ref().zip(first.as_ref()).is_some_and(|(now, first)| !Arc::ptr_eq(now, first))
        };
        proxy.wait_for(other).await.expect("another key is another proxy");
        assert!(answers(port));
        known.send_replace(None);
        ports.wait_for(Ports::is_empty).await.expect("says so");
        proxy.wait_for(Option::is_none).await.expect("there is none");
        running.abort();
    }

    /// A server that answers once it is told to.
    async fn slow() -> (SocketAddr, Arc<Notify>, Arc<Notify>) {
        let server = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = server.local_addr().expect("has one");
        let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (was_asked, may_answer) = (Arc::clone(&asked), Arc::clone(&answer));
        tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.expect("a connection");
            let _head = stream.read(&mut [0; 4096]).await.expect("a request");
            was_asked.notify_one();
            may_answer.notified().await;
            let said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
            stream.write_all(said).await.expect("takes it");
        });
        (address, asked, answer)
    }

    #[derive(Debug)]
    struct There(SocketAddr);

    #[async_trait]
    impl Dial for There {
        async fn dial(&self, _: SocketAddr) -> io::Result<tokio::net::TcpStream> {
            tokio::net::TcpStream::connect(self.0).await
        }
    }

    #[tokio::test]
    async fn what_is_in_flight_when_the_agent_ends_gets_its_answer() {
        let (address, asked, answer) = slow().await;
        let id = |letter: &str| letter.repeat(25);
        let task = swarmlite_proxy::Task {
            id: id("t").parse().expect("an id"),
            address: Ipv4Addr::LOCALHOST,
            serving: true,
            lost: false,
        };
        let service = swarmlite_proxy::Service {
            id: id("s").parse().expect("an id"),
            name: "shop".to_owned(),
            routes: vec![http::parse("/,port=80").expect("a rule")],
            tasks: vec![task],
        };
        let table = watch::Sender::new(Arc::new(Table::new(vec![service], BTreeMap::new())));
        let port = free();
        let folder = tempfile::tempdir().expect("a folder");
        let mut logged = Assignments::clone(on(port, 1).as_deref().expect("is there"));
        let http = logged.http.as_mut().expect("answers");
        http.options.access_log = AccessLogFormat::Combined;
        let known = watch::Sender::new(Some(Arc::new(logged)));
        let observed = Observed::default();
        let listening = Listening {
            known: known.subscribe(),
            table: table.subscribe(),
            dial: Arc::new(There(address)),
            access: AccessFile::below(folder.path()),
            observed: observed.clone(),
        };
        tokio::spawn(listening.run());
        let mut proxy = observed.proxy.subscribe();
        proxy.wait_for(Option::is_some).await.expect("there is one");
        let mut client =
            tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("is open");
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("takes it");
        asked.notified().await;
        let ended = observed.end();
        tokio::pin!(ended);
        assert!(futures_util::poll!(&mut ended).is_pending(), "somebody waits for an answer");
        while answers(port) {
            tokio::task::yield_now().await;
        }
        answer.notify_one();
        let mut said = String::new();
        client.read_to_string(&mut said).await.expect("ends properly");
        assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with("hi"), "{said}");
        assert!(said.to_ascii_lowercase().contains("connection: close"), "{said}");
        ended.await;
        let file = folder.path().join("http-access.log");
        let written = std::fs::read_to_string(file).expect("the last line is not lost");
        assert!(written.contains("\"GET / HTTP/1.1\" 200 2 "), "{written}");
    }
}
