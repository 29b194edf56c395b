//! Commands about the membership of this node, and their options.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use ipnet::Ipv4Net;
use swarmlite_proto::time::Nanoseconds;

use crate::value::count;
use crate::value::duration;

/// Commands about the membership of this node.
#[derive(Debug, Subcommand)]
pub(crate) enum SwarmCommand {
    /// Make a new swarm, with this node as its first manager.
    Init(InitArgs),
    /// Join this node to a swarm, as a worker or as a manager.
    Join(JoinArgs),
    /// Print the command that joins a node, or replace the token in it.
    JoinToken(JoinTokenArgs),
    /// Take this node out of its swarm.
    Leave(LeaveArgs),
    /// Change settings of the swarm.
    Update(SwarmUpdateArgs),
    /// Unlock the manager on this node after a restart; asks for the key, or reads it from standard input.
    Unlock,
    /// Print the key that unlocks managers, or replace it.
    UnlockKey(UnlockKeyArgs),
    /// Print the certificate of the swarm's authority, or replace the authority.
    Ca(CaArgs),
}

/// Where a node is reached, and whether it gets tasks.
#[derive(Debug, Args)]
#[command(next_help_heading = "This node")]
pub(crate) struct MemberFlags {
    /// Address or interface that other nodes reach this one at, as IP or IP:PORT. Needed when the machine has several addresses.
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub(crate) advertise_addr: String,

    /// Address or interface to listen on for other nodes, as IP or IP:PORT.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:2377")]
    pub(crate) listen_addr: String,

    /// Address or interface for the traffic between containers [default: the advertised address].
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub(crate) data_path_addr: String,

    /// Whether this node gets tasks: active, pause (keep those it has) or drain (move them away) [default: active].
    #[arg(long, value_name = "STATE", ignore_case = true, hide_possible_values = true)]
    pub(crate) availability: Option<AvailabilityChoice>,
}

/// Whether a node gets tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AvailabilityChoice {
    /// It gets tasks.
    Active,
    /// It keeps those it has and gets no new ones.
    Pause,
    /// Its tasks move elsewhere.
    Drain,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// This node.
    #[command(flatten)]
    pub(crate) member: MemberFlags,

    /// The swarm.
    #[command(flatten)]
    pub(crate) swarm: SwarmFlags,
}

/// Settings of a new swarm.
#[derive(Debug, Args)]
#[command(next_help_heading = "The swarm")]
pub(crate) struct SwarmFlags {
    /// UDP port of the traffic between containers, 1024 to 49151; 0 stands for 4789.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) data_path_port: u32,

    /// Addresses that networks are cut from, in CIDR form; may be repeated [default: 10.0.0.0/8].
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) default_addr_pool: Vec<Ipv4Net>,

    /// Prefix length of the networks cut from the pools.
    #[arg(long, value_name = "LENGTH", default_value_t = 24)]
    pub(crate) default_addr_pool_mask_length: u32,

    /// Make a new swarm of one manager from the state this node has, after a majority was lost.
    #[arg(long)]
    pub(crate) force_new_cluster: bool,

    /// Keep the keys of managers off their disks: a manager that restarts has to be unlocked.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) autolock: Option<bool>,

    /// How long the certificates of nodes are valid [default: 2160h].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) cert_expiry: Option<Nanoseconds>,

    /// Time between two heartbeats of a node [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) dispatcher_heartbeat: Option<Nanoseconds>,

    /// How many ended tasks are kept for each slot [default: 5].
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub(crate) task_history_limit: Option<i64>,

    /// How many raft log entries lie between two snapshots [default: 10000].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) snapshot_interval: Option<u64>,

    /// How many older snapshots are kept [default: 0].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) max_snapshots: Option<u64>,
}

/// Options of `join`.
#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// A manager of the swarm.
    #[arg(value_name = "HOST:PORT")]
    pub(crate) remote: String,

    /// Token that lets this node in; `swarmlite join-token` prints it on a manager.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) token: String,

    /// This node.
    #[command(flatten)]
    pub(crate) member: MemberFlags,
}

/// Options of `join-token`.
#[derive(Debug, Args)]
pub(crate) struct JoinTokenArgs {
    /// The role that the token gives: worker or manager.
    #[arg(hide_possible_values = true)]
    pub(crate) role: JoinTokenRole,

    /// Print the token only.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Replace the token first; the old one lets nobody in any more.
    #[arg(long)]
    pub(crate) rotate: bool,
}

/// The role that a token gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JoinTokenRole {
    /// Runs tasks.
    Worker,
    /// Runs tasks and keeps the cluster state.
    Manager,
}

/// Options of `leave`.
#[derive(Debug, Args)]
pub(crate) struct LeaveArgs {
    /// Leave even if this node is a manager; the swarm may lose its majority, and with the last manager all its state.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `swarm update`. What is not given does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct SwarmUpdateArgs {
    /// Keep the keys of managers off their disks, so that a manager that restarts has to be unlocked, or keep them there.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) autolock: Option<bool>,

    /// How long the certificates of nodes are valid. Counts from the next renewal of each on.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) cert_expiry: Option<Nanoseconds>,

    /// Time between two heartbeats of a node.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) dispatcher_heartbeat: Option<Nanoseconds>,

    /// How many ended tasks are kept for each slot.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub(crate) task_history_limit: Option<i64>,

    /// How many raft log entries lie between two snapshots.
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) snapshot_interval: Option<u64>,

    /// How many older snapshots are kept.
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) max_snapshots: Option<u64>,
}

/// Options of `swarm unlock-key`.
#[derive(Debug, Args)]
pub(crate) struct UnlockKeyArgs {
    /// Print the key only.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Replace the key first. A manager that is away needs the old one once more.
    #[arg(long)]
    pub(crate) rotate: bool,
}

/// Options of `swarm ca`.
#[derive(Debug, Args)]
pub(crate) struct CaArgs {
    /// Replace the authority: all nodes get new certificates, and the join tokens change.
    #[arg(long)]
    pub(crate) rotate: bool,

    /// File with the certificate of the new authority, PEM; without it, a new one is made.
    #[arg(long, value_name = "FILE", requires = "rotate", requires = "ca_key")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// File with its key, PEM.
    #[arg(long, value_name = "FILE", requires = "rotate", requires = "ca_cert")]
    pub(crate) ca_key: Option<PathBuf>,

    /// How long the certificates of nodes are valid.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "rotate")]
    pub(crate) cert_expiry: Option<Nanoseconds>,

    /// Do not wait until all nodes have their new certificates.
    #[arg(short, long, requires = "rotate")]
    pub(crate) detach: bool,

    /// Print nothing.
    #[arg(short, long, requires = "rotate")]
    pub(crate) quiet: bool,
}
