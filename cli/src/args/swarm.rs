//! Commands about the membership of this node, and their options.

mod acme;
mod http;

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use ipnet::Ipv4Net;
use swarmlite_proto::spec::DEFAULT_SUBNET_SIZE;
use swarmlite_proto::spec::ExternalCa;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::spec::MANAGER_PORT;
use swarmlite_proto::time::Nanoseconds;

use self::acme::AcmeFlags;
use self::http::HttpFlags;
use crate::value::count;
use crate::value::duration;
use crate::value::external_ca;
use crate::value::http::ports;
use crate::value::strategy;

/// Commands about the membership of this node.
#[derive(Debug, Subcommand)]
pub(crate) enum SwarmCommand {
    /// Initialize a swarm, with this node as its first manager.
    Init(InitArgs),
    /// Join a swarm as a worker or as a manager.
    Join(JoinArgs),
    /// Show the command that joins a node to the swarm, or rotate the token in it.
    JoinToken(JoinTokenArgs),
    /// Leave the swarm.
    Leave(LeaveArgs),
    /// Update the swarm. What is not given does not change.
    Update(SwarmSettings),
    /// Unlock the manager on this node after a restart; asks for the key, or reads it from standard input.
    Unlock,
    /// Show the key that unlocks managers, or rotate it.
    UnlockKey(UnlockKeyArgs),
    /// Display the certificate of the swarm's root CA, or rotate the CA.
    Ca(CaArgs),
}

/// Where a node is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "This node")]
pub(crate) struct PlaceFlags {
    /// Advertised address or interface, as IP or IP:PORT: where other nodes reach this one. Needed when the machine has several addresses.
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub(crate) advertise_addr: String,

    /// Listen address or interface, as IP or IP:PORT.
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, MANAGER_PORT)).to_string())]
    pub(crate) listen_addr: String,

    /// Address or interface to use for data path traffic, that between containers [default: the advertised address].
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub(crate) data_path_addr: String,
}

/// Where a node is reached, and whether it gets tasks.
#[derive(Debug, Args)]
#[command(next_help_heading = "This node")]
pub(crate) struct MemberFlags {
    /// Where it is reached.
    #[command(flatten)]
    pub(crate) place: PlaceFlags,

    /// Availability of the node: active, pause (keep the tasks it has) or drain (move them away) [default: active].
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

/// What a new swarm is like.
#[derive(Debug, Args)]
#[command(next_help_heading = "The swarm")]
pub(crate) struct SwarmFlags {
    /// UDP port to use for data path traffic, 1024 to 49151; 0 stands for 4789.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) data_path_port: u32,

    /// Default address pool, in CIDR form, that networks are cut from; may be repeated [default: 10.0.0.0/8].
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) default_addr_pool: Vec<Ipv4Net>,

    /// Subnet mask length of the networks cut from the pools.
    #[arg(long, value_name = "LENGTH", default_value_t = DEFAULT_SUBNET_SIZE.into())]
    pub(crate) default_addr_pool_mask_length: u32,

    /// Force a new swarm of one manager from the state this node has, after a majority was lost.
    #[arg(long)]
    pub(crate) force_new_cluster: bool,

    /// What can be changed later.
    #[command(flatten)]
    pub(crate) settings: SwarmSettings,
}

/// Settings of a swarm. What is not given has its default in a new swarm, and does not change in one that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct SwarmSettings {
    /// Enable manager autolocking: a manager that restarts has to be unlocked [default: false].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) autolock: Option<bool>,

    /// Validity period of the certificates of nodes, from the next renewal of each on [default: 2160h0m0s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) cert_expiry: Option<Nanoseconds>,

    /// Server of an external certificate authority, for one whose key the swarm does not have: protocol=cfssl,url=https://HOST/api/v1/cfssl/sign[,cacert=FILE]; may be
    /// repeated. Not for a new swarm, which begins with an authority of its own.
    #[arg(long, value_name = "SPEC", value_parser = external_ca::parse)]
    pub(crate) external_ca: Vec<ExternalCa>,

    /// Dispatcher heartbeat period [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) dispatcher_heartbeat: Option<Nanoseconds>,

    /// Task history retention limit, for each slot [default: 5].
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub(crate) task_history_limit: Option<i64>,

    /// Number of log entries between Raft snapshots [default: 10000].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) snapshot_interval: Option<u64>,

    /// Number of additional Raft snapshots to retain [default: 0].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) max_snapshots: Option<u64>,

    /// Placement strategy of services that ask for none: spread, binpack, random or usage; an empty one stands for the default [default: spread].
    #[arg(long, value_name = "STRATEGY", value_parser = strategy::parse)]
    pub(crate) placement_strategy: Option<String>,

    /// Answer HTTP on every node, for the services that have rules for it: the ports without and with TLS, of which 0 stands for none; off ends it
    /// [default: off].
    #[arg(long, value_name = "PORT,TLSPORT|off", num_args = 0..=1, require_equals = true, default_missing_value = "80,443", value_parser = ports)]
    pub(crate) http: Option<HttpConfig>,

    /// What becomes of HTTP requests.
    #[command(flatten)]
    pub(crate) http_options: HttpFlags,

    /// Certificates by ACME.
    #[command(flatten)]
    pub(crate) acme: AcmeFlags,
}

/// Options of `join`.
#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// Manager of the swarm.
    #[arg(value_name = "HOST:PORT")]
    pub(crate) remote: String,

    /// Token for entry into the swarm; `swarmlite join-token` prints it on a manager.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) token: String,

    /// Join as a witness, with the token of managers: the node votes, so that two other managers and it survive the loss of any one of the
    /// three, and it needs no Docker Engine, as it runs no tasks and leads nothing.
    #[arg(long, conflicts_with = "availability")]
    pub(crate) witness: bool,

    /// This node.
    #[command(flatten)]
    pub(crate) member: MemberFlags,
}

/// Options of `join-token`.
#[derive(Debug, Args)]
pub(crate) struct JoinTokenArgs {
    /// Role that the token gives: worker or manager.
    #[arg(hide_possible_values = true)]
    pub(crate) role: JoinTokenRole,

    /// Only display the token.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Rotate the join token; the old one lets nobody in any more.
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
    /// Force this node to leave even if it is a manager; the swarm may lose its majority, and with the last manager all its state.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `swarm unlock-key`.
#[derive(Debug, Args)]
pub(crate) struct UnlockKeyArgs {
    /// Only display the key.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Rotate the unlock key. A manager that is away needs the old one once more.
    #[arg(long)]
    pub(crate) rotate: bool,
}

/// Options of `swarm ca`.
#[derive(Debug, Args)]
pub(crate) struct CaArgs {
    /// Rotate the swarm CA: all nodes get new certificates, and the join tokens change.
    #[arg(long)]
    pub(crate) rotate: bool,

    /// Path to the PEM-formatted root CA certificate to use; without it, a new one is generated.
    #[arg(long, value_name = "FILE", requires = "rotate")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Path to the PEM-formatted root CA key to use.
    #[arg(long, value_name = "FILE", requires = "rotate", requires = "ca_cert")]
    pub(crate) ca_key: Option<PathBuf>,

    /// Server that signs for the root CA in --ca-cert, whose key the swarm does not get: protocol=cfssl,url=https://HOST/api/v1/cfssl/sign; may be repeated.
    #[arg(long, value_name = "SPEC", value_parser = external_ca::parse, requires = "rotate")]
    pub(crate) external_ca: Vec<ExternalCa>,

    /// Validity period of the certificates of nodes.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "rotate")]
    pub(crate) cert_expiry: Option<Nanoseconds>,

    /// Exit immediately instead of waiting for the root rotation to converge.
    #[arg(short, long, requires = "rotate")]
    pub(crate) detach: bool,

    /// Suppress progress output.
    #[arg(short, long, requires = "rotate")]
    pub(crate) quiet: bool,
}
