//! Commands about nodes, and their options.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use swarmlite_proto::time::Nanoseconds;

use super::InspectArgs;
use super::ListArgs;
use super::TaskListArgs;
use super::swarm::AvailabilityChoice;
use crate::value::duration;
use crate::value::pair::Pair;

/// Commands about nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List nodes in the swarm.
    #[command(visible_alias = "list")]
    Ls(NodeListArgs),
    /// Display detailed information on one or more nodes.
    Inspect(NodeInspectArgs),
    /// Update a node.
    Update(NodeUpdateArgs),
    /// Drain one or more nodes: move their tasks to other nodes, and give them no others.
    Drain(NodeDrainArgs),
    /// Activate one or more nodes, which then get tasks again.
    Activate(NodeAvailabilityArgs),
    /// Pause one or more nodes: they keep the tasks that they have, and get no others.
    Pause(NodeAvailabilityArgs),
    /// Promote one or more nodes to manager in the swarm.
    Promote(NodeRoleArgs),
    /// Demote one or more nodes from manager in the swarm.
    Demote(NodeRoleArgs),
    /// List tasks running on one or more nodes, defaults to this node.
    Ps(NodePsArgs),
    /// Remove one or more nodes from the swarm.
    #[command(visible_alias = "remove")]
    Rm(NodeRemoveArgs),
}

/// Options of `node ls`.
#[derive(Debug, Args)]
pub(crate) struct NodeListArgs {
    /// What lists have.
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `node inspect`.
#[derive(Debug, Args)]
pub(crate) struct NodeInspectArgs {
    /// Names or ids of nodes; 'self' is this one.
    #[arg(required = true, value_name = "NODE")]
    pub(crate) nodes: Vec<String>,

    /// What inspections have.
    #[command(flatten)]
    pub(crate) inspect: InspectArgs,
}

/// Options of `node update`.
#[derive(Debug, Args)]
pub(crate) struct NodeUpdateArgs {
    /// Name or id of the node; 'self' is this one.
    pub(crate) node: String,

    /// Availability of the node: active, pause (keep the tasks it has) or drain (move them away; node drain can wait for that).
    #[arg(long, value_name = "STATE", ignore_case = true, hide_possible_values = true)]
    pub(crate) availability: Option<AvailabilityChoice>,

    /// Role of the node: worker or manager.
    #[arg(long, value_name = "ROLE", ignore_case = true, hide_possible_values = true)]
    pub(crate) role: Option<RoleChoice>,

    /// Add or update a node label.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) label_add: Vec<Pair>,

    /// Remove a node label.
    #[arg(long, value_name = "KEY")]
    pub(crate) label_rm: Vec<String>,
}

/// Options of `node drain`.
#[derive(Debug, Args)]
pub(crate) struct NodeDrainArgs {
    /// Names or ids of nodes; 'self' is this one.
    #[arg(required = true, value_name = "NODE")]
    pub(crate) nodes: Vec<String>,

    /// Wait until all tasks of the nodes have ended and what replaces them on other nodes has traffic.
    #[arg(short, long)]
    pub(crate) wait: bool,

    /// Stop waiting, and fail with a list of what is left, after so long; 0 waits on. The drain goes on in either case.
    #[arg(long, value_name = "DURATION", requires = "wait", value_parser = deadline, default_value = "1h")]
    pub(crate) deadline: Duration,

    /// Suppress progress output.
    #[arg(short, long, requires = "wait")]
    pub(crate) quiet: bool,
}

fn deadline(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Nanoseconds(nanoseconds) if nanoseconds < 0 => {
            Err("duration cannot be negative".to_owned())
        }
        deadline => Ok(deadline.to_duration()),
    }
}

/// Options of `node activate` and `node pause`.
#[derive(Debug, Args)]
pub(crate) struct NodeAvailabilityArgs {
    /// Names or ids of nodes; 'self' is this one.
    #[arg(required = true, value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
}

/// The role of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleChoice {
    /// Runs tasks.
    Worker,
    /// Runs tasks and keeps the cluster state.
    Manager,
}

/// Options of `node promote` and `node demote`.
#[derive(Debug, Args)]
pub(crate) struct NodeRoleArgs {
    /// Names or ids of nodes.
    #[arg(required = true, value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
}

/// Options of `node ps`.
#[derive(Debug, Args)]
pub(crate) struct NodePsArgs {
    /// Names or ids of nodes; 'self' is this one.
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,

    /// What lists of tasks have.
    #[command(flatten)]
    pub(crate) tasks: TaskListArgs,
}

/// Options of `node rm`.
#[derive(Debug, Args)]
pub(crate) struct NodeRemoveArgs {
    /// Names or ids of nodes.
    #[arg(required = true, value_name = "NODE")]
    pub(crate) nodes: Vec<String>,

    /// Force remove a node from the swarm, even if it is not down.
    #[arg(short, long)]
    pub(crate) force: bool,
}
