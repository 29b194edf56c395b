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
    /// Make a network that spans the swarm.
    Create(NetworkCreateArgs),
    /// List networks.
    #[command(visible_alias = "list")]
    Ls(NetworkListArgs),
    /// Print all about one or more networks.
    Inspect(NetworkInspectArgs),
    /// Put a container of this node on a network.
    Connect(NetworkConnectArgs),
    /// Take a container of this node off a network.
    Disconnect(NetworkDisconnectArgs),
    /// Remove all networks that nothing uses.
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

    /// Let containers that are not of a service join.
    #[arg(long)]
    pub(crate) attachable: bool,

    /// Let containers on it reach nothing outside through it.
    #[arg(long)]
    pub(crate) internal: bool,

    /// Make it the network of the routing mesh.
    #[arg(long)]
    pub(crate) ingress: bool,

    /// Set a label.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) label: Vec<Pair>,

    /// Set an option of the driver.
    #[arg(short, long = "opt", value_name = "KEY=VALUE")]
    pub(crate) opt: Vec<Pair>,

    /// Make a template of networks, on the engine of this node. For drivers of the engine.
    #[arg(long)]
    pub(crate) config_only: bool,

    /// Template to make it from. For drivers of the engine.
    #[arg(long, value_name = "NETWORK", default_value = "", hide_default_value = true)]
    pub(crate) config_from: String,

    /// How far the network reaches: swarm or local.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) scope: String,

    /// Subnet of the network, in CIDR form [default: from the pools of the swarm].
    #[arg(long, value_name = "CIDR", help_heading = "Addresses")]
    pub(crate) subnet: Vec<IpNet>,

    /// Part of the subnet that addresses are taken from.
    #[arg(long, value_name = "CIDR", help_heading = "Addresses")]
    pub(crate) ip_range: Vec<IpNet>,

    /// Address of the gateway in the subnet.
    #[arg(long, value_name = "ADDRESS", help_heading = "Addresses")]
    pub(crate) gateway: Vec<IpAddr>,

    /// Address in the subnet that something else has and no container gets.
    #[arg(long, value_name = "NAME=ADDRESS", help_heading = "Addresses")]
    pub(crate) aux_address: Vec<Pair>,

    /// Driver that hands out addresses.
    #[arg(long, default_value = "default", help_heading = "Addresses")]
    pub(crate) ipam_driver: String,

    /// Set an option of the driver that hands out addresses.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Addresses")]
    pub(crate) ipam_opt: Vec<Pair>,

    /// Whether the network has IPv4 addresses.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Addresses")]
    pub(crate) ipv4: Option<bool>,

    /// Whether the network has IPv6 addresses.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Addresses")]
    pub(crate) ipv6: Option<bool>,
}

/// Options of `network ls`.
#[derive(Debug, Args)]
pub(crate) struct NetworkListArgs {
    /// What lists have.
    #[command(flatten)]
    pub(crate) list: ListArgs,

    /// Do not shorten ids.
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

    /// Ask for the services on the network too.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Options of `network rm`.
#[derive(Debug, Args)]
pub(crate) struct NetworkRemoveArgs {
    /// Names or ids of networks.
    #[arg(required = true, value_name = "NETWORK")]
    pub(crate) networks: Vec<String>,

    /// Do not fail when a network is not there.
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

    /// Let it be reached under this name too.
    #[arg(long, value_name = "NAME")]
    pub(crate) alias: Vec<String>,

    /// Give it this IPv4 address [default: one that is free].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Option<Ipv4Addr>,

    /// Give it this IPv6 address, on a network of the engine that has such.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip6: Option<Ipv6Addr>,

    /// Let it reach another container under a name of its own, on a network of the engine.
    #[arg(long, value_name = "CONTAINER[:NAME]")]
    pub(crate) link: Vec<String>,

    /// Give it a link-local address too, on a network of the engine.
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

    /// Do it even if the engine has lost the container.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `network prune`.
#[derive(Debug, Args)]
pub(crate) struct NetworkPruneArgs {
    /// Only those with a label (label=KEY or label=KEY=VALUE), without one (label!=...), or made before a time (until=TIME).
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter: Vec<Filter>,

    /// Do not ask.
    #[arg(short, long)]
    pub(crate) force: bool,
}
