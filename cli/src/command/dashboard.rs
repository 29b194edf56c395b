//! `swarmlite dashboard`.

use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

use crate::args::DashboardArgs;
use crate::client::Client;
use crate::dashboard;
use crate::dashboard::Token;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Serves the page until it is interrupted.
pub(super) async fn dashboard(
    args: &DashboardArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let refused = |error| {
        Error::refused(format!(
            "cannot listen on {}: {error} - specify another address with --listen",
            args.listen
        ))
    };
    let listener = TcpListener::bind(args.listen).await.map_err(refused)?;
    let address = listener.local_addr()?;
    let token = Token::new(rand::random());
    console.line(&format!("http://{address}/?token={token}"))?;
    console.warn("Open this address in a browser on this machine. Ctrl-C ends it.")?;
    let router = dashboard::router(client.clone(), token, address.port());
    tokio::select! {
        served = axum::serve(listener, router) => Ok(served?),
        interrupted = ctrl_c() => Ok(interrupted?),
    }
}
