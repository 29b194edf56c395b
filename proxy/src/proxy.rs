//! What becomes of a request, from its head to its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use http_body_util::Either;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::Uri;
use hyper::Version;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::header;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use ipnet::IpNet;
use swarmlite_proto::id::TaskId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::access::AccessLog;
use crate::access::Entry;
use crate::answer::Answer;
use crate::answer::Refusal;
use crate::answer::own;
use crate::answer::redirect;
use crate::asked::Asked;
use crate::choice::Aside;
use crate::client::Client;
use crate::client_ca::Shown;
use crate::dial::Dial;
use crate::download::Download;
use crate::exchange::Errand;
use crate::exchange::Tasks;
use crate::guard::GoneOver;
use crate::headers;
use crate::limits::Limits;
use crate::origin::Origin;
use crate::origin::TrustedPeers;
use crate::pool::Pool;
use crate::rate;
use crate::rate::Rates;
use crate::sticky::CookieKey;
use crate::table::Found;
use crate::table::Rule;
use crate::table::Table;
use crate::tunnel::Tunnels;
use crate::upload::Upload;

/// The proxy of a node.
#[derive(Debug)]
pub struct Proxy {
    table: watch::Receiver<Arc<Table>>,
    tasks: Tasks,
    key: CookieKey,
    limits: Limits,
    unmatched: AtomicU64,
    access_log: Option<AccessLog>,
    trusted: TrustedPeers,
    proxy_protocol: bool,
    rates: Mutex<Rates>,
}

/// A connection that requests come over.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) client: Client,
    /// Where to come with TLS, if anywhere.
    pub(crate) tls_port: Option<u16>,
    pub(crate) tunnels: Arc<Tunnels>,
    pub(crate) gone_over: GoneOver,
    /// The certificate that the client has shown, if it was asked for one.
    pub(crate) shown: Option<Arc<Shown>>,
}

impl Proxy {
    /// A proxy that goes by the newest table, and signs its cookies with `key`.
    #[must_use]
    pub fn new(
        table: watch::Receiver<Arc<Table>>,
        dial: Arc<dyn Dial>,
        key: CookieKey,
        limits: Limits,
    ) -> Self {
        let pool = Arc::new(Pool::new(dial, table.clone(), limits));
        let tasks = Tasks { pool, limits, aside: Mutex::new(Aside::default()) };
        Self {
            table,
            tasks,
            key,
            limits,
            unmatched: AtomicU64::new(0),
            access_log: None,
            trusted: TrustedPeers::default(),
            proxy_protocol: false,
            rates: Mutex::default(),
        }
    }

    /// The same proxy, which writes each request to a log.
    #[must_use]
    pub fn with_access_log(self, log: AccessLog) -> Self {
        Self { access_log: Some(log), ..self }
    }

    /// The same proxy, which believes who connects from these networks about whom a request comes from.
    #[must_use]
    pub fn with_trusted_peers(self, networks: Vec<IpNet>) -> Self {
        Self { trusted: TrustedPeers::new(networks), ..self }
    }

    /// The same proxy, to which each trusted peer says for whom it connects, by the PROXY protocol, before anything else.
    #[must_use]
    pub fn with_proxy_protocol(self) -> Self {
        Self { proxy_protocol: true, ..self }
    }

    /// Whether whoever connects from `address` begins with the PROXY protocol.
    pub(crate) fn expects_proxy_protocol(&self, address: SocketAddr) -> bool {
        self.proxy_protocol && self.trusted.has(address.ip().to_canonical())
    }

    /// What the proxy goes by now. Its rules have counted what they have taken.
    #[must_use]
    pub fn current(&self) -> Arc<Table> {
        Arc::clone(&self.table.borrow())
    }

    /// The requests that no rule has taken.
    #[must_use]
    pub fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    /// The log that requests are written to, if any.
    #[must_use]
    pub const fn access_log(&self) -> Option<&AccessLog> {
        self.access_log.as_ref()
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) const fn table(&self) -> &watch::Receiver<Arc<Table>> {
        &self.table
    }

    /// Forgets what has no use any more: connections, tasks set aside, clients that have not asked for long.
    pub(crate) fn clean(&self) {
        self.tasks.pool.clean();
        self.tasks.aside().clean(Instant::now());
        self.rates().clean(Instant::now());
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request.
    pub(crate) async fn answer(
        &self,
        mut request: Request<Incoming>,
        way: &Way,
        mut entry: Option<&mut Entry>,
    ) -> Answer {
        let upgrade = headers::upgrade(request.version(), request.headers());
        let upgrade = upgrade.map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
        let (head, body) = request.into_parts();
        let origin = Origin::of(&way.client, &head.headers, &self.trusted);
        if let Some(entry) = &mut entry {
            entry.comes_from(&origin);
        }
        let asked = match Asked::read(&head) {
            Ok(asked) => asked,
            Err(refusal) => return refusal.answer(),
        };
        let table = self.current();
        if let Some(text) = table.challenges().answer(&asked.host, asked.path()) {
            return own(StatusCode::OK, text.to_owned());
        }
        let found = table.find(&asked.host, asked.path(), head.method.as_str(), &head.headers);
        let Some(found) = found else {
            self.unmatched.fetch_add(1, Ordering::Relaxed);
            return Refusal::NoRule.answer();
        };
        let Some((rule, preferred)) = self.rule(found, &head.headers) else {
            return Refusal::NoTask.answer();
        };
        if let Some(entry) = &mut entry {
            entry.taken(&rule.service);
        }
        let call = Call { proxy: self, table: &table, rule, way, asked: &asked, origin: &origin };
        let (protocol, client) = upgrade.unzip();
        let errand = match (rule.route.https_only && !origin.tls, way.tls_port) {
            (true, Some(port)) => Err(redirect(&asked.with_tls(port))),
            (true, None) => Err(Refusal::NoTls.answer()),
            (false, _) => call.begin((head, body), protocol, preferred).map_err(Refusal::answer),
        };
        let mut answer = match errand {
            Ok(errand) => {
                let answered = self.tasks.ask(rule, errand).await;
                let answered = answered.and_then(|answered| call.end(answered, client, entry));
                answered.unwrap_or_else(Refusal::answer)
            }
            Err(answer) => answer,
        };
        if let Some(hsts) = rule.route.hsts.filter(|_| origin.tls) {
            let value = format!("max-age={}", hsts.to_duration().as_secs());
            let value = HeaderValue::from_str(&value).ok();
            let named = value.map(|value| (header::STRICT_TRANSPORT_SECURITY, value));
            answer.headers_mut().extend(named);
        }
        rule.counters.answered(answer.status());
        answer
    }

    /// The rule that takes a request, and the task that its client comes back to.
    fn rule<'a>(
        &self,
        found: &'a Found,
        headers: &HeaderMap,
    ) -> Option<(&'a Rule, Option<TaskId>)> {
        let task = |rule: &'a Rule| {
            let task = self.key.task(rule, headers)?;
            rule.serving().any(|one| one.id == task).then_some((rule, Some(task)))
        };
        let back = found.rules().iter().find_map(task);
        let next = || {
            let draw = match found.rules() {
                [_] => 0,
                [first, ..] => first.counters.next_draw(),
                [] => return None,
            };
            found.pick(draw).map(|rule| (rule, None))
        };
        back.or_else(next)
    }
}

/// A request that a rule has taken.
struct Call<'a> {
    proxy: &'a Proxy,
    table: &'a Table,
    rule: &'a Rule,
    way: &'a Way,
    asked: &'a Asked,
    origin: &'a Origin,
}

impl Call<'_> {
    /// What a task is asked, if it may be.
    fn begin(
        &self,
        (head, body): (Parts, Incoming),
        protocol: Option<HeaderValue>,
        preferred: Option<TaskId>,
    ) -> Result<Errand, Refusal> {
        let shown = self.way.shown.as_deref();
        let hosts = (&*self.asked.host, &*self.rule.route.host);
        let certificate = self.table.client_cas().admit(hosts, self.way.client.tls, shown)?;
        self.admit()?;
        let limit = self.rule.route.max_body;
        if limit.is_some_and(|limit| body.size_hint().lower() > limit) {
            return Err(Refusal::TooLarge);
        }
        let mut errand = self.errand(head, Upload::new(body, limit), protocol, preferred)?;
        headers::of_client(errand.request.headers_mut(), certificate);
        Ok(errand)
    }

    /// What the client gets of the answer of a task. `client` is its side of the connection, if it wants to go over to another protocol.
    fn end(
        &self,
        (task, answer): (TaskId, Response<Download>),
        client: Option<OnUpgrade>,
        entry: Option<&mut Entry>,
    ) -> Result<Answer, Refusal> {
        if let Some(entry) = entry {
            entry.answered(&task);
        }
        let mut answer = match (answer.status(), client) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(client)) => self.go_over(answer, client),
            (StatusCode::SWITCHING_PROTOCOLS, None) => return Err(Refusal::Broken),
            _ => pass_on(answer),
        };
        let cookie = self.proxy.key.cookie(self.rule, &task, self.origin.tls);
        if let Some(cookie) = cookie {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(answer)
    }

    /// Refuses a client that makes too many requests.
    fn admit(&self) -> Result<(), Refusal> {
        let Some(allowed) = self.rule.route.rate else { return Ok(()) };
        let (number, now) = (rate::number(self.rule), Instant::now());
        let taken = self.proxy.rates().take(number, self.origin.ip, allowed, now);
        taken.inspect_err(|_| self.rule.counters.limited()).map_err(Refusal::TooMany)
    }

    /// The request that a task gets.
    fn errand(
        &self,
        mut head: Parts,
        body: Upload,
        protocol: Option<HeaderValue>,
        preferred: Option<TaskId>,
    ) -> Result<Errand, Refusal> {
        let http2 = headers::is_grpc(head.version, &head.headers);
        let Asked { authority, path_and_query, .. } = self.asked;
        headers::to_task(&mut head.headers, &self.way.client, self.origin, authority);
        let path = match &self.rule.route.rewrite {
            Some(rewrite) => {
                headers::rewritten(path_and_query.as_str(), &self.rule.route.path, rewrite)
                    .parse()
                    .map_err(|_invalid| Refusal::Malformed)?
            }
            None => path_and_query.clone(),
        };
        let has_length = body.size_hint().exact().is_some();
        let connection = protocol.map(|protocol| (header::UPGRADE, protocol));
        let set = &mut head.headers;
        head.uri = if http2 {
            set.remove(header::HOST);
            set.insert(header::TE, HeaderValue::from_static("trailers"));
            let target = Uri::builder().scheme("http").authority(authority.as_bytes());
            let target = target.path_and_query(path).build();
            target.map_err(|_invalid| Refusal::Malformed)?
        } else {
            if connection.is_some() {
                set.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            }
            if !has_length {
                // Said, as hyper takes GET to have no body otherwise.
                set.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                set.remove(header::CONTENT_LENGTH);
            }
            set.extend(connection);
            Uri::from(path)
        };
        head.version = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        head.extensions.clear();
        let request = Box::new(Request::from_parts(head, body));
        Ok(Errand { request, http2, preferred })
    }

    /// Connects client and task, which both go over to another protocol.
    fn go_over(&self, mut answer: Response<Download>, client: OnUpgrade) -> Answer {
        self.way.gone_over.set();
        self.way.tunnels.open(client, hyper::upgrade::on(&mut answer));
        let protocol = answer.headers().get(header::UPGRADE).cloned();
        let mut answer = pass_on(answer).map(|_none| Either::Left(Full::default()));
        let connection = HeaderValue::from_static("upgrade");
        answer.headers_mut().insert(header::CONNECTION, connection);
        answer.headers_mut().extend(protocol.map(|protocol| (header::UPGRADE, protocol)));
        answer
    }
}

/// What the client gets of a task's answer.
fn pass_on(answer: Response<Download>) -> Answer {
    let mut answer = answer.map(Either::Right);
    headers::remove_hop_by_hop(answer.headers_mut());
    *answer.version_mut() = Version::HTTP_11;
    answer
}
