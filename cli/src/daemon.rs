//! The daemon of one node: composes an agent and, on managers, a manager.

use crate::args::DaemonArgs;

/// Runs the daemon until it is told to stop.
///
/// # Errors
///
/// Always, until the daemon is put together.
pub(crate) async fn run(args: DaemonArgs) -> anyhow::Result<()> {
    let DaemonArgs { state_dir, socket, docker, plugin_dir, dataplane, log, hostname } = args;
    tracing::debug!(?state_dir, ?docker, ?plugin_dir, ?dataplane, log, hostname, "options");
    std::future::ready(()).await;
    anyhow::bail!("the daemon is not built into this binary yet, nothing listens on {socket}")
}
