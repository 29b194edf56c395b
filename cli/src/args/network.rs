//! Commands about networks, and their options.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use clap::Args;
use clap::Subcommand;
use ipnet::IpNet;

use super::ListArgs;
use crate::value::filter::Filter;
use crate::value::pair::Pair;

/// Commands about networks.
#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Create a network that spans the swarm.
    Create(NetworkCreateArgs),
    /// List networks.
    #[command(visible_alias = "list")]
    Ls(NetworkListArgs),
    /// Display detailed information on one or more networks.
    Inspect(NetworkInspectArgs),
    /// Connect a container of this node to a network.
    Connect(NetworkConnectArgs),
    /// Disconnect a container of this node from a network.
    Disconnect(NetworkDisconnectArgs),
    /// Remove all unused networks.
    Prune(NetworkPruneArgs),
    /// Remove one or more networks.
    #[command(visible_alias = "remove")]
    Rm(NetworkRemoveArgs),
}

/// Options of `network create`.
#[derive(Debug, Args)]
pub(crate) struct NetworkCreateArgs {
    /// Name of the network.
    #[arg(value_name = "NETWORK")]
    pub(crate) name: String,

    /// Driver of the network. Unlike Docker, swarmlite makes overlay networks when nothing is said.
    #[arg(short, long, default_value = "overlay")]
    pub(crate) driver: String,

    /// Enable standalone containers to attach.
    #[arg(long)]
    pub(crate) attachable: bool,

    /// Restrict external access to the network.
    #[arg(long)]
    pub(crate) internal: bool,

    /// Create the network of the routing mesh.
    #[arg(long)]
    pub(crate) ingress: bool,

    /// Set a label.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) label: Vec<Pair>,

    /// Set an option of the driver.
    #[arg(short, long = "opt", value_name = "KEY=VALUE")]
    pub(crate) opt: Vec<Pair>,

    /// Create a configuration only network, on the engine of this node. For drivers of the engine.
    #[arg(long)]
    pub(crate) config_only: bool,

    /// Network to copy the configuration from. For drivers of the engine.
    #[arg(long, value_name = "NETWORK", default_value = "", hide_default_value = true)]
    pub(crate) config_from: String,

    /// Scope of the network: swarm or local.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) scope: String,

    /// Subnet of the network, in CIDR form [default: from the pools of the swarm].
    #[arg(long, value_name = "CIDR", help_heading = "Addresses")]
    pub(crate) subnet: Vec<IpNet>,

    /// Allocate addresses from a range of the subnet.
    #[arg(long, value_name = "CIDR", help_heading = "Addresses")]
    pub(crate) ip_range: Vec<IpNet>,

    /// Address of the gateway in the subnet.
    #[arg(long, value_name = "ADDRESS", help_heading = "Addresses")]
    pub(crate) gateway: Vec<IpAddr>,

    /// Auxiliary address in the subnet, which something else has and no container gets.
    #[arg(long, value_name = "NAME=ADDRESS", help_heading = "Addresses")]
    pub(crate) aux_address: Vec<Pair>,

    /// IP address management driver.
    #[arg(long, default_value = "default", help_heading = "Addresses")]
    pub(crate) ipam_driver: String,

    /// Set an option of the IP address management driver.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Addresses")]
    pub(crate) ipam_opt: Vec<Pair>,

    /// Enable or disable IPv4 address assignment.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Addresses")]
    pub(crate) ipv4: Option<bool>,

    /// Enable or disable IPv6 address assignment.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Addresses")]
    pub(crate) ipv6: Option<bool>,
}

/// Options of `network ls`.
#[derive(Debug, Args)]
pub(crate) struct NetworkListArgs {
    /// What lists have.
    #[command(flatten)]
    pub(crate) list: ListArgs,

    /// Do not truncate ids.
    #[arg(long)]
    pub(crate) no_trunc: bool,
}

/// Options of `network inspect`.
#[derive(Debug, Args)]
pub(crate) struct NetworkInspectArgs {
    /// Names or ids of networks.
    #[arg(required = true, value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,

    /// Print with a Go template, such as '{{.Id}}', or as 'json'.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,

    /// Show the services on the network too.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Options of `network rm`.
#[derive(Debug, Args)]
pub(crate) struct NetworkRemoveArgs {
    /// Names or ids of networks.
    #[arg(required = true, value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,

    /// Do not error if a network does not exist.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `network connect`.
#[derive(Debug, Args)]
pub(crate) struct NetworkConnectArgs {
    /// Name or id of the network.
    pub(crate) network: String,

    /// Name or id of the container.
    pub(crate) container: String,

    /// Add a network-scoped alias for the container.
    #[arg(long, value_name = "NAME")]
    pub(crate) alias: Vec<String>,

    /// IPv4 address of the container [default: one that is free].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Option<Ipv4Addr>,

    /// IPv6 address of the container, on a network of the engine that has such.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip6: Option<Ipv6Addr>,

    /// Add a link to another container, on a network of the engine.
    #[arg(long, value_name = "CONTAINER[:NAME]")]
    pub(crate) link: Vec<String>,

    /// Add a link-local address for the container, on a network of the engine.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) link_local_ip: Vec<IpAddr>,

    /// Set an option of the driver.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) driver_opt: Vec<Pair>,
}

/// Options of `network disconnect`.
#[derive(Debug, Args)]
pub(crate) struct NetworkDisconnectArgs {
    /// Name or id of the network.
    pub(crate) network: String,

    /// Name or id of the container.
    pub(crate) container: String,

    /// Force the container to disconnect, even if the engine has lost it.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `network prune`.
#[derive(Debug, Args)]
pub(crate) struct NetworkPruneArgs {
    /// Remove only those with a label (label=KEY or label=KEY=VALUE), without one (label!=...), or created before a time (until=TIME).
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter: Vec<Filter>,

    /// Do not prompt for confirmation.
    #[arg(short, long)]
    pub(crate) force: bool,
}
