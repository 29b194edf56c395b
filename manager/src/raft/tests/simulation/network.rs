//! A network on which calls take their time, are lost, and come twice.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::StatusCode;
use http_body_util::BodyExt;
use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::messagepack;
use swarmlite_proto::rpc;
use swarmlite_rpc::CALL_TIMEOUT;
use swarmlite_rpc::CallError;
use swarmlite_rpc::TransportError;
use tokio::time::sleep;
use tower::ServiceExt;

use super::super::addr;
use super::super::network::read_answer;
use crate::raft::Transport;

/// The whole network. Clones are the same.
#[derive(Clone)]
pub(super) struct Net {
    shared: Arc<Mutex<Switch>>,
}

struct Switch {
    rng: StdRng,
    /// Who runs, and since which start.
    running: BTreeMap<SocketAddr, u64>,
    /// Who answers.
    routers: BTreeMap<SocketAddr, Router>,
    /// From whom nothing comes through to whom.
    blocked: BTreeSet<(SocketAddr, SocketAddr)>,
    /// How many messages of a hundred are lost.
    loss: u32,
}

/// The network, as one manager sees it since it was started last.
#[derive(Clone)]
pub(super) struct Wire {
    net: Net,
    own: SocketAddr,
    boot: u64,
}

impl Net {
    pub(super) fn new(rng: StdRng) -> Self {
        let (running, routers, blocked) = Default::default();
        let switch = Switch { rng, running, routers, blocked, loss: 0 };
        Self { shared: Arc::new(Mutex::new(switch)) }
    }

    /// Manager `number` starts, and can call.
    pub(super) fn plug_in(&self, number: u16, boot: u64) -> Wire {
        self.lock().running.insert(addr(number), boot);
        Wire { net: self.clone(), own: addr(number), boot }
    }

    /// From now on it answers.
    pub(super) fn connect(&self, number: u16, router: Router) {
        self.lock().routers.insert(addr(number), router);
    }

    /// It is gone. What is left of it in memory reaches nobody.
    pub(super) fn unplug(&self, number: u16) {
        let mut shared = self.lock();
        shared.running.remove(&addr(number));
        shared.routers.remove(&addr(number));
    }

    /// Nothing comes from one to the other any more.
    pub(super) fn block(&self, from: u16, to: u16) {
        self.lock().blocked.insert((addr(from), addr(to)));
    }

    /// Everything comes through again.
    pub(super) fn heal(&self) {
        let mut shared = self.lock();
        shared.blocked.clear();
        shared.loss = 0;
    }

    /// So many of a hundred messages are lost.
    pub(super) fn lose(&self, loss: u32) {
        self.lock().loss = loss;
    }

    fn lock(&self) -> MutexGuard<'_, Switch> {
        self.shared.lock().expect("sound")
    }
}

impl Switch {
    /// How long a message is on its way; `None` if it is lost. Few are slow, so that messages overtake each other.
    fn travel(&mut self, from: SocketAddr, to: SocketAddr) -> Option<Duration> {
        let lost = self.rng.random_range(0..100) < self.loss;
        let most = if self.rng.random_range(0..20) == 0 { 400_000 } else { 3_000 };
        let time = Duration::from_micros(self.rng.random_range(100..most));
        (!lost && !self.blocked.contains(&(from, to))).then_some(time)
    }

    /// After what time a message comes once more, if it does. Only what raft can take twice: all else is in a connection, where nothing does.
    fn echo(&mut self, path: &str) -> Option<Duration> {
        let twice = [rpc::RAFT_APPEND, rpc::RAFT_VOTE].contains(&path);
        let time = Duration::from_micros(self.rng.random_range(100..2_000_000));
        (twice && self.rng.random_range(0..20) == 0).then_some(time)
    }
}

/// Has whoever is there answer. It does so even if nobody waits for that any more.
async fn deliver(router: Router, path: &'static str, body: Bytes) -> (StatusCode, Bytes) {
    let answer = tokio::spawn(async move {
        let request = Request::post(path).body(Body::from(body)).expect("a request");
        let answer = router.oneshot(request).await.expect("never fails");
        let status = answer.status();
        (status, answer.into_body().collect().await.expect("a body").to_bytes())
    });
    answer.await.expect("no panic")
}

impl Wire {
    /// Who is there, unless whoever calls is not any more.
    fn other(&self, to: SocketAddr) -> Option<Router> {
        let shared = self.net.lock();
        let runs = shared.running.get(&self.own) == Some(&self.boot);
        shared.routers.get(&to).filter(|_| runs).cloned()
    }

    async fn travel(&self, from: SocketAddr, to: SocketAddr) -> Result<(), CallError> {
        let time = self.net.lock().travel(from, to);
        sleep(time.unwrap_or(CALL_TIMEOUT)).await;
        let late = CallError::Unreachable { addr: to, source: TransportError::CallTimeout };
        time.map(drop).ok_or(late)
    }
}

impl Transport for Wire {
    async fn call<Q, A>(&self, to: SocketAddr, path: &'static str, body: &Q) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let body = Bytes::from(messagepack::encode(body).expect("encodes"));
        let echo = self.net.lock().echo(path);
        self.travel(self.own, to).await?;
        let router = self.other(to).ok_or_else(|| {
            let source = TransportError::Connect(io::ErrorKind::ConnectionRefused.into());
            CallError::Unreachable { addr: to, source }
        })?;
        if let Some(time) = echo {
            let (wire, body) = (self.clone(), body.clone());
            tokio::spawn(async move {
                sleep(time).await;
                if let Some(router) = wire.other(to) {
                    deliver(router, path, body).await;
                }
            });
        }
        let (status, body) = deliver(router, path, body).await;
        self.travel(to, self.own).await?;
        read_answer(status, &body)
    }
}
