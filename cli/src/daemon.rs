//! The daemon of one node: composes an agent and, on managers, a manager, and serves the API.
//!
//! - [`node`]: the node's life: joining, being a member, changing its role, leaving.
//! - [`address`], [`interfaces`]: by which addresses others reach it.
//! - [`managing`]: the manager on it, if it is one; [`locking`]: the lock on what that keeps.
//! - [`backups`]: what that writes to a folder on a schedule.
//! - [`membership`]: what it remembers of that.
//! - [`request`]: what users ask of it.
//! - [`examination`]: what it measures of itself for its checks.
//! - [`tcp`]: who is served over TCP; [`metrics`]: what Prometheus is told, and where.
//!
//! Ending the daemon leaves containers and the kernel's tables as they are: they serve on, and the next start goes on with them.

mod address;
mod backups;
mod examination;
mod interfaces;
mod locking;
mod managing;
mod membership;
mod metrics;
mod node;
mod request;
mod tcp;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use swarmlite_agent::pick;
use swarmlite_api::ApiState;
use swarmlite_api::Audit;
use swarmlite_api::Engine;
use swarmlite_api::NodeControl;
use swarmlite_proto::value::generic_resource;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use self::membership::StateDir;
use self::node::Node;
use self::node::Options;
use crate::args::DaemonArgs;

/// Runs the daemon until it is told to stop, by SIGTERM or SIGINT.
///
/// # Errors
///
/// When the node cannot start: the state directory, the Docker Engine or the socket cannot be used.
pub(crate) async fn run(args: DaemonArgs) -> anyhow::Result<()> {
    start_logging(&args.log)?;
    let dataplane = pick(args.dataplane.into())
        .with_context(|| format!("cannot use --dataplane {}", args.dataplane.name()))?;
    tracing::info!(
        dataplane = %dataplane.balancer,
        reason = dataplane.reason,
        "picked what balances connections on this node"
    );
    let generic_resources = generic_resource::of_node(&args.node_generic_resource)
        .map_err(anyhow::Error::msg)
        .context("cannot use --node-generic-resource")?;
    let backups = backups::schedule(&args.backup)?;
    let audit = audit(args.audit_log.as_deref())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let dir = StateDir::open(&args.state_dir)
        .with_context(|| format!("cannot use the state directory {}", args.state_dir.display()))?;
    // First, so that a second daemon on the same socket ends before it touches anything.
    let listener = swarmlite_api::bind(args.socket.path()).await?;
    let over_tcp = tcp::bind(&args).await.context("cannot serve the API over TCP")?;
    let for_metrics = metrics::bind(args.metrics_addr).await.context("cannot serve metrics")?;
    let node = Arc::new(Node::new(
        dir,
        Options {
            run_dir: args.run_dir,
            docker: args.docker.path().to_owned(),
            plugin_dir: args.plugin_dir,
            dataplane,
            hostname: args.hostname,
            procfs: args.procfs,
            generic_resources,
            routing_patience: Duration::from_secs(args.routing_patience),
            backups,
        },
    )?);
    let engine = Arc::new(Engine::new(args.docker.path()));
    let control: Arc<dyn NodeControl> = Arc::clone(&node) as _;
    let numbers = swarmlite_api::metrics_router(Arc::clone(&control));
    let router = swarmlite_api::router(ApiState { node: control, engine, audit });
    let on_socket = swarmlite_api::with_page(router.clone());
    let on_tcp = tcp::router(router, args.api_plain, args.api_ui);
    tracing::info!(socket = %args.socket, "serving the API");
    tokio::select! {
        served = swarmlite_api::serve(listener, on_socket) => served.context("cannot serve the API")?,
        served = tcp::serve(over_tcp, on_tcp) => served.context("cannot serve the API over TCP")?,
        served = metrics::serve(for_metrics, numbers) => served.context("cannot serve metrics")?,
        ended = node.resume_and_follow() => ended.context("cannot go on as a member of the cluster")?,
        _ = terminate.recv() => tracing::info!("told to stop"),
        _ = interrupt.recv() => tracing::info!("told to stop"),
    }
    node.shutdown().await;
    Ok(())
}

fn audit(path: Option<&Path>) -> anyhow::Result<Audit> {
    let Some(path) = path else { return Ok(Audit::default()) };
    Audit::to_file(path).with_context(|| format!("cannot write --audit-log {}", path.display()))
}

fn start_logging(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives(filter))
        .with_context(|| format!("cannot read --log '{filter}'"))?;
    let stderr = std::io::stderr;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr)
        .init();
    Ok(())
}

/// A bare level is meant for this program. Its libraries then log what is wrong with them; raft not even that, as it reports each
/// call to a manager that is down, and what follows from that is logged here.
fn directives(filter: &str) -> String {
    match filter.parse::<LevelFilter>() {
        Ok(level) => format!("warn,openraft=error,swarmlite={level}"),
        Err(_) => filter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_for_this_program() {
        assert_eq!(directives("debug"), "warn,openraft=error,swarmlite=debug");
        assert_eq!(directives("info,h2=trace"), "info,h2=trace");
    }
}
