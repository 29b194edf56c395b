//! A network in memory. Calls go through the real handlers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::Request;
use axum::http::StatusCode;
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::error::Error;
use swarmlite_proto::frame::MAX_FRAME;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::messagepack;
use swarmlite_proto::protocol::Range;
use swarmlite_proto::rpc::NotLeader;
use swarmlite_proto::spec::NodeRole;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Caller;
use swarmlite_rpc::TransportError;
use tower::ServiceExt;

use super::addr;
use super::node_id;
use super::rng;
use crate::raft::Transport;

/// The whole network.
#[derive(Clone, Default)]
pub(super) struct Lines {
    shared: Arc<Mutex<Switch>>,
}

#[derive(Default)]
struct Switch {
    routers: BTreeMap<SocketAddr, Router>,
    cut: BTreeSet<SocketAddr>,
    /// How long the answers of a manager are on their way.
    slow: BTreeMap<SocketAddr, Duration>,
}

/// The network, as one manager sees it.
#[derive(Clone)]
pub(super) struct Wire {
    lines: Lines,
    number: u16,
}

impl Lines {
    pub(super) fn wire(&self, number: u16) -> Wire {
        Wire { lines: self.clone(), number }
    }

    /// From now on manager `number` answers.
    pub(super) fn connect(&self, number: u16, router: Router) {
        let router = router.layer(DefaultBodyLimit::max(MAX_FRAME));
        self.shared().routers.insert(addr(number), router);
    }

    /// Manager `number` does not answer any more: its process is gone.
    pub(super) fn disconnect(&self, number: u16) {
        self.shared().routers.remove(&addr(number));
    }

    /// Nothing reaches manager `number`, and it reaches nobody.
    pub(super) fn cut(&self, number: u16) {
        self.shared().cut.insert(addr(number));
    }

    /// From now on the answers of manager `number` take so long.
    pub(super) fn slow_down(&self, number: u16, by: Duration) {
        self.shared().slow.insert(addr(number), by);
    }

    fn delay(&self, from: SocketAddr) -> Duration {
        self.shared().slow.get(&from).copied().unwrap_or_default()
    }

    pub(super) fn heal(&self, number: u16) {
        self.shared().cut.remove(&addr(number));
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Switch> {
        self.shared.lock().expect("sound")
    }

    fn way(&self, from: SocketAddr, to: SocketAddr) -> Option<Router> {
        let shared = self.shared();
        let whole = !shared.cut.contains(&from) && !shared.cut.contains(&to);
        whole.then(|| shared.routers.get(&to).cloned()).flatten()
    }
}

impl Wire {
    fn caller(&self) -> Peer {
        Peer {
            node_id: node_id(self.number),
            cluster_id: ClusterId::random(&mut rng(99)),
            role: NodeRole::Manager,
        }
    }

    fn lost(&self, to: SocketAddr) -> CallError {
        let source = TransportError::Connect(io::ErrorKind::ConnectionRefused.into());
        CallError::Unreachable { addr: to, source }
    }
}

impl Transport for Wire {
    async fn call<Q, A>(&self, to: SocketAddr, path: &'static str, body: &Q) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let from = addr(self.number);
        let router = self.lines.way(from, to).ok_or_else(|| self.lost(to))?;
        let body = messagepack::encode(body).expect("encodes");
        let mut request = Request::post(path).body(Body::from(body)).expect("a request");
        request.extensions_mut().insert(self.caller());
        let peer = Some(self.caller());
        request.extensions_mut().insert(Caller { addr: from, peer, protocol: Range::own() });
        let answer = router.oneshot(request).await.expect("never fails");
        tokio::time::sleep(self.lines.delay(to)).await;
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        // What was cut meanwhile does not bring an answer back.
        if self.lines.way(from, to).is_none() {
            return Err(self.lost(to));
        }
        read_answer(status, &body)
    }
}

/// What an answer says to whoever called.
pub(super) fn read_answer<A: DeserializeOwned>(
    status: StatusCode,
    body: &[u8],
) -> Result<A, CallError> {
    match status {
        StatusCode::OK => Ok(messagepack::decode(body).expect("decodes")),
        StatusCode::MISDIRECTED_REQUEST => {
            let answer: NotLeader = messagepack::decode(body).expect("decodes");
            Err(CallError::NotLeader(answer.leader))
        }
        status => Err(CallError::Refused(
            serde_json::from_slice(body)
                .unwrap_or_else(|_| Error::unknown(format!("status {status}"))),
        )),
    }
}
