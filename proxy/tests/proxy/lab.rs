//! A proxy with tasks that are servers in this process. Tasks have addresses that nobody has; dialling them leads to where they listen.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proxy::Certificate;
use swarmlite_proxy::Challenge;
use swarmlite_proxy::ClientCa;
use swarmlite_proxy::CookieKey;
use swarmlite_proxy::Counters;
use swarmlite_proxy::Dial;
use swarmlite_proxy::Limits;
use swarmlite_proxy::Listeners;
use swarmlite_proxy::Proxy;
use swarmlite_proxy::Service;
use swarmlite_proxy::Table;
use swarmlite_proxy::Task;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The port of every task.
pub(crate) const PORT: u16 = 8080;

/// The body of an answer of a task.
pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// Where tasks listen, by their addresses.
#[derive(Debug, Default)]
struct Addresses {
    known: Mutex<HashMap<SocketAddr, SocketAddr>>,
    dialled: Mutex<HashMap<SocketAddr, usize>>,
    hanging: Mutex<Vec<SocketAddr>>,
}

#[async_trait]
impl Dial for Addresses {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        *self.dialled.lock().unwrap().entry(address).or_default() += 1;
        let known = self.known.lock().unwrap().get(&address).copied();
        let hangs = self.hanging.lock().unwrap().contains(&address);
        if hangs {
            std::future::pending::<()>().await;
        }
        match known {
            Some(real) => TcpStream::connect(real).await,
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

/// A proxy.
pub(crate) struct Lab {
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    table: watch::Sender<Arc<Table>>,
    addresses: Arc<Addresses>,
    certificates: BTreeMap<String, Certificate>,
    client_cas: BTreeMap<String, ClientCa>,
    challenges: Vec<Challenge>,
    services: Vec<Service>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<io::Result<()>>,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::made(limits, |proxy| proxy).await
    }

    /// With a proxy that `change` makes of an ordinary one.
    pub(crate) async fn made(limits: Limits, change: impl FnOnce(Proxy) -> Proxy) -> Self {
        let (table, receiver) = watch::channel(Arc::new(Table::default()));
        let addresses = Arc::new(Addresses::default());
        let dial = Arc::clone(&addresses);
        let key = CookieKey::new(&[7; 32]);
        let proxy = Arc::new(change(Proxy::new(receiver, dial, key, limits)));
        let (plain, tls) = (listener().await, listener().await);
        let at = |listener: &TcpListener| listener.local_addr().unwrap();
        let (plain_at, tls_at) = (at(&plain), at(&tls));
        let (stop, stopped) = oneshot::channel::<()>();
        let listeners = Listeners { plain: Some(plain), tls: Some(tls) };
        let served = Arc::clone(&proxy).serve(listeners, async {
            let _stopped = stopped.await;
        });
        let served = tokio::spawn(served);
        let (certificates, client_cas, challenges, services) = Default::default();
        let stop = Some(stop);
        let (plain, tls) = (plain_at, tls_at);
        Self {
            proxy,
            plain,
            tls,
            table,
            addresses,
            certificates,
            client_cas,
            challenges,
            services,
            stop,
            served,
        }
    }

    /// Adds a service that answers by `routes`, with tasks that listen where it says.
    pub(crate) fn service(&mut self, name: &str, routes: Vec<HttpRoute>, tasks: &[SocketAddr]) {
        let number = self.services.len();
        let id = format!("{number:0>25}").parse().unwrap();
        let tasks = tasks.iter().zip(1..).map(|(real, position)| {
            let address = Ipv4Addr::new(10, 0, u8::try_from(number).unwrap(), position);
            self.addresses.known.lock().unwrap().insert((address, PORT).into(), *real);
            Task { id: task_id(number, position), address, serving: true, lost: false }
        });
        let tasks = tasks.collect();
        self.services.push(Service { id, name: name.to_owned(), routes, tasks });
        self.publish();
    }

    /// Says whether a task, by its service and its position from one on, gets requests.
    pub(crate) fn set_serving(&mut self, service: usize, position: u8, serving: bool) {
        self.services[service].tasks[usize::from(position) - 1].serving = serving;
        self.publish();
    }

    /// The node of a task, by its service and its position from one on, does not answer any more.
    pub(crate) fn set_lost(&self, service: usize, position: u8) {
        let mut services = self.services.clone();
        let task = &mut services[service].tasks[usize::from(position) - 1];
        (task.serving, task.lost) = (false, true);
        self.table.send_replace(Arc::new(Table::new(services, self.certificates.clone())));
    }

    pub(crate) fn routes(&mut self, service: usize) -> &mut Vec<HttpRoute> {
        &mut self.services[service].routes
    }

    pub(crate) fn set_certificate(&mut self, host: &str, certificate: Certificate) {
        self.certificates.insert(host.to_owned(), certificate);
        self.publish();
    }

    pub(crate) fn set_client_ca(&mut self, host: &str, ca: ClientCa) {
        self.client_cas.insert(host.to_owned(), ca);
        self.publish();
    }

    pub(crate) fn set_challenges(&mut self, challenges: Vec<Challenge>) {
        self.challenges = challenges;
        self.publish();
    }

    pub(crate) fn publish(&self) {
        let before = self.proxy.current();
        let table = Table::after(&before, self.services.clone(), self.certificates.clone());
        let table = table.with_client_cas(self.client_cas.clone());
        let table = table.with_challenges(self.challenges.clone());
        self.table.send_replace(Arc::new(table));
    }

    /// What has become of the requests that the rule with this path has taken.
    pub(crate) fn counters(&self, path: &str) -> Arc<Counters> {
        let table = self.proxy.current();
        let rule = table.rules().find(|rule| rule.route.path == path).unwrap();
        Arc::clone(&rule.counters)
    }

    /// How often a task was dialled.
    pub(crate) fn dialled(&self, service: u8, position: u8) -> usize {
        let address = (Ipv4Addr::new(10, 0, service, position), PORT).into();
        self.addresses.dialled.lock().unwrap().get(&address).copied().unwrap_or_default()
    }

    /// From now on nobody listens at a task's address, or somebody else.
    pub(crate) fn move_task(&self, service: u8, position: u8, real: Option<SocketAddr>) {
        let address = (Ipv4Addr::new(10, 0, service, position), PORT).into();
        let mut known = self.addresses.known.lock().unwrap();
        known.remove(&address);
        known.extend(real.map(|real| (address, real)));
    }

    /// From now on connections to a task are neither taken nor refused.
    pub(crate) fn hang(&self, service: u8, position: u8) {
        let address = (Ipv4Addr::new(10, 0, service, position), PORT).into();
        self.addresses.hanging.lock().unwrap().push(address);
    }

    /// Tells the proxy to stop. What it does meanwhile is up to the caller.
    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    pub(crate) async fn stopped(self) {
        self.served.await.unwrap().unwrap();
    }

    /// The whole of what comes back for `request`, on a connection of its own. `{close}` in it becomes the header that asks to end it.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.plain).await.unwrap();
        stream
            .write_all(request.replace("{close}", "Connection: close\r\n").as_bytes())
            .await
            .unwrap();
        read_all(&mut stream).await
    }

    /// The status and the body for `GET path`.
    pub(crate) async fn get(&self, host: &str, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{{close}}\r\n");
        parse(&self.raw(&request).await)
    }
}

/// The id of a task.
pub(crate) fn task_id(service: usize, position: u8) -> TaskId {
    format!("{:0>25}", service * 100 + usize::from(position)).parse().unwrap()
}

/// The status and the body of an answer with a known length.
pub(crate) fn parse(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    (status.parse().unwrap_or_default(), body.to_owned())
}

/// All that comes until the other side ends the connection, properly or not.
pub(crate) async fn read_all(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        all.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

pub(crate) fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

/// A server that answers as `handler` says, in HTTP/1.1 and in HTTP/2.
pub(crate) async fn server<F, A>(handler: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    raw_server(move |stream| {
        let handler = handler.clone();
        async move {
            let service = service_fn(move |request| {
                let answer = handler(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let builder = auto::Builder::new(TokioExecutor::new());
            let connection =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
            let _ended = connection.await;
        }
    })
    .await
}

/// A server that does with each connection what `handler` says.
pub(crate) async fn raw_server<F, A>(handler: F) -> SocketAddr
where
    F: Fn(TcpStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handler(stream));
        }
    });
    address
}

/// A server that answers with its name.
pub(crate) async fn named(name: &'static str) -> SocketAddr {
    server(move |_| async move { Response::new(text(name)) }).await
}

/// A server that answers with the request as it has come: its first line and its headers, a line each, and after an empty line its body.
pub(crate) async fn mirror() -> SocketAddr {
    server(|request| async move {
        let (head, body) = request.into_parts();
        let mut lines = format!("{} {} {:?}\n", head.method, head.uri, head.version);
        for (name, value) in &head.headers {
            writeln!(lines, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
        let body = body.collect().await.unwrap().to_bytes();
        let body = format!("{lines}\n{}", String::from_utf8_lossy(&body));
        Response::new(text(body))
    })
    .await
}

/// A rule for a host and a path.
pub(crate) fn route(host: &str, path: &str) -> HttpRoute {
    let (host, path) = (host.to_owned(), path.to_owned());
    HttpRoute { host, path, target_port: PORT, ..HttpRoute::default() }
}

/// Waits for a condition. The limit is only there so that a test that fails ends.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.expect("it never happened");
}

/// Waits until a count has stopped: it does not change while everybody else has their turn many times.
pub(crate) async fn at_rest(count: impl Fn() -> usize) -> usize {
    let (mut last, mut rounds) = (count(), 0);
    while rounds < 1000 || last == 0 {
        tokio::task::yield_now().await;
        rounds = if count() == last { rounds + 1 } else { 0 };
        last = count();
    }
    last
}
