//! Hands requests to the node's own Docker Engine and its answers back, as they are: streams, and connections that stop being HTTP.
//!
//! Nothing is read, changed or kept of what goes through. What concerns the cluster never comes here.

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::http::header::EXPECT;
use axum::http::header::TRANSFER_ENCODING;
use axum::http::header::UPGRADE;
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use tokio::io::copy_bidirectional;

use crate::engine::Engine;
use crate::version::AsWritten;

/// Has `engine` answer `request`. A connection that both sides agree to use for something else (attach, exec, build sessions) is joined
/// with one to the engine, until both directions are closed.
///
/// # Errors
///
/// When the engine cannot be reached.
pub(super) async fn pass(engine: &Engine, mut request: Request) -> Result<Response> {
    let client = hyper::upgrade::on(&mut request);
    // The engine is to see the version that the client speaks.
    if let Some(AsWritten(uri)) = request.extensions_mut().remove() {
        *request.uri_mut() = uri;
    }
    let upgrades = request.headers().contains_key(UPGRADE);
    let headers = request.headers_mut();
    // This server has told the client already that it wants the body.
    headers.remove(EXPECT);
    strip_framing(headers, upgrades);
    let mut response = engine.exchange(request).await?;
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    strip_framing(response.headers_mut(), switches);
    if switches {
        tokio::spawn(join(client, hyper::upgrade::on(&mut response)));
    }
    Ok(response.map(Body::new))
}

/// Takes off what concerns one connection only (RFC 9110, section 7.6.1), but for what asks for another protocol.
fn strip_framing(headers: &mut HeaderMap, upgrades: bool) {
    headers.remove(TRANSFER_ENCODING);
    if !upgrades {
        headers.remove(CONNECTION);
        headers.remove(UPGRADE);
    }
}

/// Copies both ways. The end of one direction is passed on, as `docker run -i` with a file as its input needs it, and the other goes on.
async fn join(client: OnUpgrade, engine: OnUpgrade) {
    let (client, engine) = match tokio::try_join!(client, engine) {
        Ok(both) => both,
        Err(error) => {
            return tracing::debug!(error = chain(&error), "a connection was not handed over");
        }
    };
    let (mut client, mut engine) = (TokioIo::new(client), TokioIo::new(engine));
    // Whoever hangs up, hangs up: there is nobody left to tell.
    if let Err(error) = copy_bidirectional(&mut client, &mut engine).await {
        tracing::debug!(error = chain(&error), "a connection to the engine has ended early");
    }
}
