//! What managers answer to other nodes on TCP 2377, and who may ask.
//!
//! Routes are declared with who may call them ([`Access`]); nothing gets past [`Gate`] otherwise. Connections, TLS and certificates
//! are [`swarmlite_rpc`]'s part, what the calls do that of the modules whose routes are served here.

mod gate;
mod message;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::response::Response;
use hyper::body::Incoming;
use rustls::ServerConfig;
use swarmlite_proto::error::Error;
use swarmlite_proto::frame::MAX_FRAME;
use swarmlite_rpc::Caller;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

pub use self::gate::Access;
pub use self::gate::Gate;
pub use self::message::Packed;
pub use self::message::Refusal;

/// The longest body of a call by somebody who has not shown a certificate, in bytes. A signing request takes about 500.
const PUBLIC_BODY_LIMIT: usize = 64 * 1024;

/// The routes of a manager.
#[derive(Clone, Debug)]
pub struct Routes {
    gate: Gate,
    router: Router,
}

impl Routes {
    /// No routes yet: everything is answered with "not found".
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self { gate, router: Router::new().fallback(unknown_call) }
    }

    /// Adds `routes`, for those who have `access`.
    #[must_use]
    pub fn with(self, access: Access, routes: Router) -> Self {
        let limit = match access {
            Access::Anyone => PUBLIC_BODY_LIMIT,
            Access::Member | Access::Manager => MAX_FRAME,
        };
        let guarded = self.gate.guard(access, routes).layer(DefaultBodyLimit::max(limit));
        Self { router: self.router.merge(guarded), ..self }
    }

    /// Answers calls on `listener` for ever. New connections use the newest TLS settings; dropping the future ends every call.
    pub async fn serve(self, listener: TcpListener, tls: watch::Receiver<Arc<ServerConfig>>) {
        let router = self.router;
        let handler = move |request, caller| answer(router.clone(), request, caller);
        swarmlite_rpc::serve(listener, tls, handler).await;
    }
}

async fn answer(router: Router, request: hyper::Request<Incoming>, caller: Caller) -> Response {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(caller);
    let answer: Result<Response, Infallible> = router.oneshot(request).await;
    answer.unwrap_or_else(|never| match never {})
}

async fn unknown_call(request: Request) -> Response {
    let path = request.uri().path();
    Refusal(Error::not_implemented(format!("this manager has no call {path}"))).into_response()
}

#[cfg(test)]
mod tests;
