//! Commands about networks, and their options.

use std::net::IpAddr;

use clap::Args;
use clap::Subcommand;
use ipnet::IpNet;

use super::ListArgs;
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

    /// Driver that hands out addresses.
    #[arg(long, default_value = "default", help_heading = "Addresses")]
    pub(crate) ipam_driver: String,

    /// Set an option of the driver that hands out addresses.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Addresses")]
    pub(crate) ipam_opt: Vec<Pair>,

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
