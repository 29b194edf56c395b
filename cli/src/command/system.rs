//! `version`, `info` and `completion`.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::Value;
use serde_json::json;

use crate::args::Cli;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::output::inspect;
use crate::output::pretty::Page;

/// Prints who speaks with whom, and how.
pub(crate) async fn version(
    format: Option<&str>,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let daemon = client.version_json().await?;
    let api_version = client.api_version().to_string();
    if format.is_some() {
        // As docker calls them.
        let own = json!({"Version": env!("CARGO_PKG_VERSION"), "ApiVersion": api_version,
            "Os": std::env::consts::OS, "Arch": std::env::consts::ARCH});
        let both = json!({"Client": own, "Server": daemon});
        return console.print(&inspect::render(&[both.to_string()], format)?);
    }
    console.print(&versions(&api_version, &daemon))
}

fn versions(api_version: &str, daemon: &Value) -> String {
    let text = |key: &str| daemon.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut page = Page::default();
    page.line("Client:");
    page.entry(" Version:\t", env!("CARGO_PKG_VERSION"));
    page.entry(" API version:\t", api_version);
    page.entry(" OS/Arch:\t", format_args!("{}/{}", std::env::consts::OS, std::env::consts::ARCH));
    page.line("\nServer:");
    page.entry(" Version:\t", text("Version"));
    let minimum = text("MinAPIVersion");
    page.entry(
        " API version:\t",
        format_args!("{} (minimum version {minimum})", text("ApiVersion")),
    );
    page.entry(" OS/Arch:\t", format_args!("{}/{}", text("Os"), text("Arch")));
    for component in daemon.get("Components").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| component.get(key).and_then(Value::as_str).unwrap_or_default();
        page.line(format_args!(" {}:\t{}", text("Name"), text("Version")));
    }
    page.aligned()
}

/// Prints what the daemon says about this node.
pub(crate) async fn info(
    format: Option<&str>,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    if format.is_some() {
        let info = client.info_text().await?;
        return console.print(&inspect::render(&[info], format)?);
    }
    let swarm = client.info().await?.swarm;
    let mut page = Page::default();
    page.entry("Swarm:\t", swarm.local_node_state.as_str());
    page.entry_unless_empty("NodeID:\t", &swarm.node_id);
    page.entry_unless_empty("Error:\t", &swarm.error);
    page.entry_unless_empty("Node Address:\t", &swarm.node_addr);
    if !swarm.node_id.is_empty() {
        page.entry("Is Manager:\t", swarm.control_available);
    }
    if let Some(cluster) = &swarm.cluster {
        page.entry("ClusterID:\t", &cluster.id);
        page.entry("Managers:\t", swarm.managers);
        page.entry("Nodes:\t", swarm.nodes);
        page.entry("Default Address Pool:\t", cluster.default_addr_pool.join(" "));
        page.entry("SubnetSize:\t", cluster.subnet_size);
        page.entry("Data Path Port:\t", cluster.data_path_port);
        let strategy = cluster.spec.orchestration.placement_strategy.as_deref();
        page.entry_unless_empty("Placement Strategy:\t", strategy.unwrap_or_default());
    }
    let mut managers: Vec<_> = swarm.remote_managers.iter().flatten().map(|it| &*it.addr).collect();
    managers.sort_unstable();
    page.entry_unless_empty("Manager Addresses:\t", &managers.join(" "));
    console.print(&page.aligned())?;
    for warning in &swarm.warnings {
        console.warn(warning)?;
    }
    Ok(())
}

/// Prints a completion script.
pub(crate) fn completion(shell: Shell, out: &mut impl Write) -> Result<()> {
    // The generator panics when it cannot write; memory always takes it.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "swarmlite", &mut script);
    Ok(out.write_all(&script)?)
}
