//! What managers answer to other nodes on TCP 2377, and who may ask.
//!
//! Routes are declared with who may call them ([`Access`]); nothing gets past [`Gate`] otherwise. Connections, TLS and certificates
//! are [`swarmlite_rpc`]'s part, what the calls do that of the modules whose routes are served here.

mod gate;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use rustls::ServerConfig;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::frame::MAX_FRAME;
use swarmlite_proto::identity::Identity;
use swarmlite_rpc::Caller;
use swarmlite_rpc::Limits;
use swarmlite_rpc::server_config;
use swarmlite_rpc::tls::TlsError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;

pub(crate) use self::gate::Access;
pub(crate) use self::gate::Gate;
use crate::message::Refusal;

/// The longest body of a call by somebody who has not shown a certificate, in bytes. A signing request takes about 500.
const PUBLIC_BODY_LIMIT: usize = 64 * 1024;

/// The routes of a manager.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    gate: Gate,
    router: Router,
}

impl Routes {
    /// No routes yet: every call is refused as one that is not known.
    #[must_use]
    pub(crate) fn new(gate: Gate) -> Self {
        Self { gate, router: Router::new().fallback(unknown_call) }
    }

    /// Adds `routes`, for those who have `access`.
    #[must_use]
    pub(crate) fn with(self, access: Access, routes: Router) -> Self {
        let limit = match access {
            Access::Anyone => PUBLIC_BODY_LIMIT,
            Access::Member | Access::Manager => MAX_FRAME,
        };
        let guarded = self.gate.guard(access, routes).layer(DefaultBodyLimit::max(limit));
        Self { router: self.router.merge(guarded), ..self }
    }
}

/// A listener that answers calls. Stops when dropped, with every call under way.
#[derive(Debug)]
pub(crate) struct Server {
    addr: SocketAddr,
    tls: watch::Sender<Arc<ServerConfig>>,
    router: watch::Sender<Router>,
    _task: AbortOnDropHandle<()>,
}

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The node's certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Server {
    /// Listens on `addr` as `identity`. Until there are routes, whoever calls is told that the manager is starting.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub(crate) async fn start(addr: SocketAddr, identity: &Identity) -> Result<Self, ServerError> {
        let tls = watch::Sender::new(Arc::new(server_config(identity)?));
        let bind_error = |source| ServerError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(bind_error)?;
        let addr = listener.local_addr().map_err(bind_error)?;
        let router = watch::Sender::new(Router::new().fallback(starting));
        let routers = router.subscribe();
        let handler = move |request, caller| answer(routers.borrow().clone(), request, caller);
        let serving = swarmlite_rpc::serve(listener, tls.subscribe(), Limits::DEFAULT, handler);
        let task = AbortOnDropHandle::new(tokio::spawn(serving));
        Ok(Self { addr, tls, router, _task: task })
    }

    /// Where it listens.
    #[must_use]
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers calls by `routes` from now on.
    pub(crate) fn set_routes(&self, routes: Routes) {
        drop(self.router.send_replace(routes.router));
    }

    /// Presents `identity` on new connections. Those there are go on.
    ///
    /// # Errors
    ///
    /// When a part of `identity` is not valid; the old one is then kept.
    pub(crate) fn set_identity(&self, identity: &Identity) -> Result<(), TlsError> {
        self.tls.send_replace(Arc::new(server_config(identity)?));
        Ok(())
    }
}

async fn answer(router: Router, request: hyper::Request<Incoming>, caller: Caller) -> Response {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(caller);
    let answer: Result<Response, Infallible> = router.oneshot(request).await;
    answer.unwrap_or_else(|never| match never {})
}

/// Only a matter of time: callers ask again, or somebody else.
async fn starting() -> Refusal {
    Refusal(Error::unavailable("the manager is starting").because(Reason::Starting))
}

async fn unknown_call(request: Request) -> Refusal {
    tracing::info!(path = request.uri().path(), "a call that this version does not know");
    let message = "the manager does not know this call: it runs another version of swarmlite";
    Refusal(Error::not_implemented(message))
}

#[cfg(test)]
mod tests;
