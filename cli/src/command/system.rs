//! `version`, `info` and `completion`.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::Value;

use crate::args::Cli;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::output::inspect;
use crate::output::pretty::Page;

/// Prints who speaks with whom, and how.
pub(crate) async fn version(client: &Client, console: &mut Console<'_>) -> Result<()> {
    let daemon = client.version_json().await?;
    console.print(&versions(&client.api_version().to_string(), &daemon))
}

fn versions(api_version: &str, daemon: &Value) -> String {
    let text = |key: &str| daemon.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut page = Page::default();
    page.section("Client");
    page.entry("Version", env!("CARGO_PKG_VERSION"));
    page.entry("API version", api_version);
    page.entry("OS/Arch", &format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH));
    page.section("Server");
    page.entry("Version", text("Version"));
    page.entry(
        "API version",
        &format!("{} (minimum version {})", text("ApiVersion"), text("MinAPIVersion")),
    );
    page.entry("OS/Arch", &format!("{}/{}", text("Os"), text("Arch")));
    for component in daemon.get("Components").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| component.get(key).and_then(Value::as_str).unwrap_or_default();
        page.entry(text("Name"), text("Version"));
    }
    page.finish()
}

/// Prints what the daemon says about this node.
pub(crate) async fn info(
    format: Option<&str>,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    if format.is_some() {
        let info = client.info_json().await?;
        return console.print(&inspect::render(&[info], format)?);
    }
    let swarm = client.info().await?.swarm;
    let mut page = Page::default();
    page.entry("Swarm", swarm.local_node_state.as_str());
    page.entry_unless_empty("NodeID", &swarm.node_id);
    page.entry_unless_empty("Error", &swarm.error);
    page.entry_unless_empty("Node Address", &swarm.node_addr);
    if !swarm.node_id.is_empty() {
        page.entry("Is Manager", &swarm.control_available.to_string());
    }
    if let Some(cluster) = &swarm.cluster {
        page.entry("ClusterID", cluster.id.as_str());
        page.entry("Managers", &swarm.managers.to_string());
        page.entry("Nodes", &swarm.nodes.to_string());
        page.entry("Default Address Pool", &cluster.default_addr_pool.join(" "));
        page.entry("SubnetSize", &cluster.subnet_size.to_string());
        page.entry("Data Path Port", &cluster.data_path_port.to_string());
    }
    let mut managers: Vec<_> = swarm.remote_managers.iter().flatten().map(|it| &*it.addr).collect();
    managers.sort_unstable();
    page.entry_unless_empty("Manager Addresses", &managers.join(" "));
    console.print(&page.finish())?;
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
