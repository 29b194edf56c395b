//! The command line: every command and option, with the sentence that `--help` prints for it.
//!
//! Names, short forms and defaults are those of the docker CLI (`cli/command/...` in docker/cli). Nothing is decided here:
//! values are read into types, and [`crate::command`] acts on them.

mod backup;
mod daemon;
mod dashboard;
mod doctor;
mod document;
mod events;
mod network;
mod node;
mod output;
mod rebalance;
mod service;
mod simulate;
mod stack;
mod swarm;
mod switch;
mod task;
mod unsupported;
mod usage;
mod wording;

use std::ffi::OsString;

pub(crate) use backup::BackupArgs;
pub(crate) use backup::PassphraseFlag;
pub(crate) use backup::RestoreArgs;
use clap::Parser;
use clap::Subcommand;
use clap::error::ErrorKind;
pub(crate) use daemon::BackupFlags;
pub(crate) use daemon::DaemonArgs;
pub(crate) use dashboard::DashboardArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use document::ConfigCommand;
pub(crate) use document::ConfigCreateArgs;
pub(crate) use document::DocumentCreateFlags;
pub(crate) use document::DocumentInspectArgs;
pub(crate) use document::DocumentRemoveArgs;
pub(crate) use document::SecretCommand;
pub(crate) use document::SecretCreateArgs;
pub(crate) use events::EventsArgs;
pub(crate) use network::NetworkCommand;
pub(crate) use network::NetworkConnectArgs;
pub(crate) use network::NetworkCreateArgs;
pub(crate) use network::NetworkDisconnectArgs;
pub(crate) use network::NetworkInspectArgs;
pub(crate) use network::NetworkListArgs;
pub(crate) use network::NetworkPruneArgs;
pub(crate) use network::NetworkRemoveArgs;
pub(crate) use node::NodeAvailabilityArgs;
pub(crate) use node::NodeCommand;
pub(crate) use node::NodeDrainArgs;
pub(crate) use node::NodeInspectArgs;
pub(crate) use node::NodeListArgs;
pub(crate) use node::NodePsArgs;
pub(crate) use node::NodeRemoveArgs;
pub(crate) use node::NodeRoleArgs;
pub(crate) use node::NodeUpdateArgs;
pub(crate) use node::RoleChoice;
pub(crate) use output::ExplainFormat;
pub(crate) use output::InspectArgs;
pub(crate) use output::InspectFormat;
pub(crate) use output::ListArgs;
pub(crate) use output::TaskListArgs;
pub(crate) use output::VersionFormat;
pub(crate) use rebalance::RebalanceArgs;
pub(crate) use service::ContainerFlags;
pub(crate) use service::CreateLists;
pub(crate) use service::ExtensionFlags;
pub(crate) use service::HealthFlags;
pub(crate) use service::Mode;
pub(crate) use service::PlanFlag;
pub(crate) use service::ReadinessFlags;
pub(crate) use service::ResourceFlags;
pub(crate) use service::RestartFlags;
pub(crate) use service::RollbackFlags;
pub(crate) use service::ScalarFlags;
pub(crate) use service::ScaleTarget;
pub(crate) use service::ServiceCommand;
pub(crate) use service::ServiceCreateArgs;
pub(crate) use service::ServiceExplainArgs;
pub(crate) use service::ServiceInspectArgs;
pub(crate) use service::ServiceLogsArgs;
pub(crate) use service::ServicePsArgs;
pub(crate) use service::ServiceRemoveArgs;
pub(crate) use service::ServiceRollbackArgs;
pub(crate) use service::ServiceScaleArgs;
pub(crate) use service::ServiceUpdateArgs;
pub(crate) use service::TaskFlags;
pub(crate) use service::UpdateFlags;
pub(crate) use service::UpdateLists;
pub(crate) use service::WaitFlags;
pub(crate) use simulate::SimulateArgs;
pub(crate) use stack::ComposeFiles;
pub(crate) use stack::ResolveImage;
pub(crate) use stack::StackCommand;
pub(crate) use stack::StackConfigArgs;
pub(crate) use stack::StackDeployArgs;
pub(crate) use stack::StackListArgs;
pub(crate) use stack::StackPsArgs;
pub(crate) use stack::StackRemoveArgs;
pub(crate) use stack::StackServicesArgs;
pub(crate) use swarm::AvailabilityChoice;
pub(crate) use swarm::CaArgs;
pub(crate) use swarm::InitArgs;
pub(crate) use swarm::JoinArgs;
pub(crate) use swarm::JoinTokenArgs;
pub(crate) use swarm::JoinTokenRole;
pub(crate) use swarm::LeaveArgs;
pub(crate) use swarm::SwarmCommand;
pub(crate) use swarm::SwarmSettings;
pub(crate) use swarm::UnlockKeyArgs;
pub(crate) use task::TaskCommand;
pub(crate) use usage::exit_code;

use crate::client::TlsFlags;
use crate::value::endpoint::Endpoint;

/// Docker Swarm mode on top of an unmodified Docker Engine.
#[derive(Debug, Parser)]
#[command(name = "swarmlite", version, arg_required_else_help = true, subcommand_required = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Daemon socket to connect to, as unix:///PATH or tcp://ADDRESS:PORT [default: DOCKER_HOST, or unix:///run/swarmlite/swarmlite.sock].
    #[arg(short = 'H', long, env = "SWARMLITE_HOST", value_name = "URL")]
    pub(crate) host: Option<Endpoint>,

    /// How to reach it over TCP.
    #[command(flatten)]
    pub(crate) tls: TlsFlags,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Initialize a swarm, with this node as its first manager.
    Init(InitArgs),
    /// Join a swarm as a worker or as a manager.
    Join(JoinArgs),
    /// Show the command that joins a node to the swarm, or rotate the token in it.
    JoinToken(JoinTokenArgs),
    /// Leave the swarm.
    Leave(LeaveArgs),
    /// Manage the swarm: its settings and its authority; and init, join, join-token and leave, as Docker calls them.
    #[command(subcommand)]
    Swarm(SwarmCommand),
    /// Manage nodes.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Manage services.
    #[command(subcommand)]
    Service(Box<ServiceCommand>),
    /// Manage tasks: what services consist of.
    #[command(subcommand)]
    Task(TaskCommand),
    /// Manage networks.
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Manage stacks: services, networks and more that Compose files describe.
    #[command(subcommand)]
    Stack(StackCommand),
    /// Manage secrets: files that services have in memory only.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Manage configs: files that services have.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Move tasks to nodes that have become better: start-first, so that no request is lost.
    Rebalance(RebalanceArgs),
    /// Say what would become of the swarm if nodes were lost or added. Nothing is changed.
    Simulate(SimulateArgs),
    /// Save all that the swarm knows to a file that a passphrase opens. Nothing stops meanwhile.
    Backup(BackupArgs),
    /// Restore a swarm from a file that 'swarmlite backup' wrote, with this node, which is in none, as its only manager.
    Restore(RestoreArgs),
    /// Check this node and, on a manager, the swarm, and say what to do about what is wrong.
    Doctor(DoctorArgs),
    /// Get real time events from this node and, on a manager, from the swarm.
    Events(EventsArgs),
    /// Serve a page that shows the swarm, to browsers on this machine, until it is interrupted.
    Dashboard(DashboardArgs),
    /// Show the versions of the client, of the daemon and of the API between them.
    Version(VersionFormat),
    /// Display information about this node and its swarm.
    Info(InspectFormat),
    /// Run the daemon of this node.
    Daemon(DaemonArgs),
    /// Generate a script that completes swarmlite commands in a shell.
    Completion {
        /// The shell: bash, zsh, fish, elvish or powershell.
        #[arg(hide_possible_values = true)]
        shell: clap_complete::Shell,
    },
}

/// Reads a command line.
///
/// # Errors
///
/// When it is written wrongly, or asks for help.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    match Cli::try_parse_from(arguments) {
        Err(error) if error.kind() == ErrorKind::TooManyValues => switch::parse(arguments),
        read => read,
    }
}

/// What to say about a command line that cannot be read, where the parser's own words are not the best.
pub(crate) fn explain(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    unsupported::explain(error, arguments).or_else(|| wording::explain(error))
}

#[cfg(test)]
mod tests;
