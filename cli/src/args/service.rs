//! Commands about services, and their options.

mod container;
mod extension;
mod lists;
mod policy;
mod readiness;
mod registry;
mod task;

use std::str::FromStr;

use clap::Args;
use clap::Subcommand;
pub(crate) use container::ContainerFlags;
pub(crate) use container::HealthFlags;
pub(crate) use extension::ExtensionFlags;
pub(crate) use lists::CreateLists;
pub(crate) use lists::UpdateLists;
pub(crate) use policy::RestartFlags;
pub(crate) use policy::RollbackFlags;
pub(crate) use policy::UpdateFlags;
pub(crate) use readiness::ReadinessFlags;
pub(crate) use registry::RegistryFlags;
pub(crate) use task::Mode;
pub(crate) use task::ResourceFlags;
pub(crate) use task::TaskFlags;

use super::ExplainFormat;
use super::InspectArgs;
use super::ListArgs;
use super::TaskListArgs;
use crate::value::count;

/// Commands about services.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Create a service.
    Create(Box<ServiceCreateArgs>),
    /// List services.
    #[command(visible_alias = "list")]
    Ls(ListArgs),
    /// List the tasks of one or more services.
    Ps(ServicePsArgs),
    /// Display detailed information on one or more services.
    Inspect(ServiceInspectArgs),
    /// Explain why tasks of a service wait, or where one more would go: what each node has to say, and what would help.
    Explain(ServiceExplainArgs),
    /// Fetch the logs of a service or task.
    Logs(ServiceLogsArgs),
    /// Scale one or more replicated services.
    Scale(ServiceScaleArgs),
    /// Update a service.
    Update(Box<ServiceUpdateArgs>),
    /// Roll a service back to the spec before its last update.
    Rollback(ServiceRollbackArgs),
    /// Remove one or more services.
    #[command(visible_alias = "remove")]
    Rm(ServiceRemoveArgs),
}

/// Whether and how to wait.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WaitFlags {
    /// Exit immediately instead of waiting for the service to converge.
    #[arg(short, long)]
    pub(crate) detach: bool,

    /// Suppress progress output.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Stop waiting, and fail, when the tasks of one replica have failed so many times; 0 waits on, as docker does.
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true, default_value = "3")]
    pub(crate) max_failures: u64,
}

/// Whether anything is done at all.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PlanFlag {
    /// Print where the tasks would go, and why not, and change nothing.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// Options of `service create`.
#[derive(Debug, Args)]
#[command(override_usage = "swarmlite service create [OPTIONS] IMAGE [COMMAND] [ARG...]")]
pub(crate) struct ServiceCreateArgs {
    /// Image, and the command with its arguments that replaces the image's own.
    #[arg(required = true, trailing_var_arg = true, value_name = "IMAGE")]
    pub(crate) image: Vec<String>,

    /// Whether and how to wait.
    #[command(flatten)]
    pub(crate) wait: WaitFlags,

    /// Whether anything is done at all.
    #[command(flatten)]
    pub(crate) plan: PlanFlag,

    /// Name of the service, unique in the swarm [default: a random one].
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Service mode: replicated (so many tasks), global (one on each node), or the same run once: replicated-job, global-job.
    #[arg(long, hide_possible_values = true, default_value = "replicated")]
    pub(crate) mode: Mode,

    /// Options that take several values.
    #[command(flatten)]
    pub(crate) lists: CreateLists,

    /// Options that `service update` has too.
    #[command(flatten)]
    pub(crate) scalars: ScalarFlags,
}

/// The options of `service update` that change the spec, by themselves and as groups.
const CHANGES: [&str; 14] = [
    "image",
    "args",
    "force",
    "UpdateLists",
    "TaskFlags",
    "ContainerFlags",
    "ExtensionFlags",
    "HealthFlags",
    "ReadinessFlags",
    "ResourceFlags",
    "RestartFlags",
    "UpdateFlags",
    "RollbackFlags",
    "RegistryFlags",
];

/// Options of `service update`.
#[derive(Debug, Args)]
pub(crate) struct ServiceUpdateArgs {
    /// Name or id of the service.
    pub(crate) service: String,

    /// Whether and how to wait.
    #[command(flatten)]
    pub(crate) wait: WaitFlags,

    /// Whether anything is done at all.
    #[command(flatten)]
    pub(crate) plan: PlanFlag,

    /// Set the image.
    #[arg(long)]
    pub(crate) image: Option<String>,

    /// Set the arguments of the command, as one shell-quoted string.
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) args: Option<String>,

    /// Force an update even if no changes require it.
    #[arg(long)]
    pub(crate) force: bool,

    /// Roll back to the spec before the last update, and change nothing else.
    #[arg(long, conflicts_with_all = CHANGES, conflicts_with = "plan")]
    pub(crate) rollback: bool,

    /// Options that add and remove single values.
    #[command(flatten)]
    pub(crate) lists: UpdateLists,

    /// Options that `service create` has too.
    #[command(flatten)]
    pub(crate) scalars: ScalarFlags,
}

/// Options with one value, which `service create` and `service update` share. Absent means unchanged.
#[derive(Debug, Default, Args)]
pub(crate) struct ScalarFlags {
    /// The task.
    #[command(flatten)]
    pub(crate) task: TaskFlags,
    /// Its container.
    #[command(flatten)]
    pub(crate) container: ContainerFlags,
    /// What it gets of its node.
    #[command(flatten)]
    pub(crate) extension: ExtensionFlags,
    /// Its health.
    #[command(flatten)]
    pub(crate) health: HealthFlags,
    /// Whether it is to get requests.
    #[command(flatten)]
    pub(crate) readiness: ReadinessFlags,
    /// What it may use.
    #[command(flatten)]
    pub(crate) resources: ResourceFlags,
    /// What happens when it ends.
    #[command(flatten)]
    pub(crate) restart: RestartFlags,
    /// How changes go.
    #[command(flatten)]
    pub(crate) update: UpdateFlags,
    /// How going back goes.
    #[command(flatten)]
    pub(crate) rollback: RollbackFlags,
    /// Where the image comes from.
    #[command(flatten)]
    pub(crate) registry: RegistryFlags,
}

/// Options of `service ps`.
#[derive(Debug, Args)]
pub(crate) struct ServicePsArgs {
    /// Names or ids of services.
    #[arg(required = true, value_name = "SERVICE")]
    pub(crate) services: Vec<String>,

    /// What lists of tasks have.
    #[command(flatten)]
    pub(crate) tasks: TaskListArgs,
}

/// Options of `service explain`.
#[derive(Debug, Args)]
pub(crate) struct ServiceExplainArgs {
    /// Name or id of the service.
    pub(crate) service: String,

    /// How it is printed.
    #[command(flatten)]
    pub(crate) output: ExplainFormat,
}

/// Options of `service logs`.
#[derive(Debug, Args)]
pub(crate) struct ServiceLogsArgs {
    /// Name or id of a service, or id of a task.
    #[arg(value_name = "SERVICE|TASK")]
    pub(crate) target: String,

    /// Show extra details that the log driver adds.
    #[arg(long)]
    pub(crate) details: bool,

    /// Follow log output, of new tasks too.
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Do not map ids to names in output.
    #[arg(long)]
    pub(crate) no_resolve: bool,

    /// Do not include task ids in output.
    #[arg(long)]
    pub(crate) no_task_ids: bool,

    /// Do not truncate ids.
    #[arg(long)]
    pub(crate) no_trunc: bool,

    /// Print lines as they were written, without the task they come from.
    #[arg(long)]
    pub(crate) raw: bool,

    /// Show logs since a timestamp (2024-05-01T12:00:00Z) or a relative time (42m).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Number of lines to show from the end of the logs, of all tasks together [default: all]. With a terminal: of each task.
    #[arg(short = 'n', long, value_name = "LINES")]
    pub(crate) tail: Option<String>,

    /// Show timestamps.
    #[arg(short, long)]
    pub(crate) timestamps: bool,
}

/// Options of `service inspect`.
#[derive(Debug, Args)]
pub(crate) struct ServiceInspectArgs {
    /// Names or ids of services.
    #[arg(required = true, value_name = "SERVICE")]
    pub(crate) services: Vec<String>,

    /// What inspections have.
    #[command(flatten)]
    pub(crate) inspect: InspectArgs,
}

/// Options of `service scale`.
#[derive(Debug, Args)]
pub(crate) struct ServiceScaleArgs {
    /// Services, and the number of tasks of each.
    #[arg(required = true, value_name = "SERVICE=REPLICAS")]
    pub(crate) targets: Vec<ScaleTarget>,

    /// Whether and how to wait.
    #[command(flatten)]
    pub(crate) wait: WaitFlags,
}

/// A service, and how many tasks it shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScaleTarget {
    /// Name or id of the service.
    pub(crate) service: String,
    /// How many tasks.
    pub(crate) replicas: u64,
}

impl FromStr for ScaleTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, replicas) = text
            .split_once('=')
            .filter(|(service, replicas)| !service.is_empty() && !replicas.is_empty())
            .ok_or_else(|| format!("invalid scale specifier '{text}'"))?;
        let replicas = replicas
            .parse()
            .map_err(|_| format!("{service}: invalid replicas value {replicas}"))?;
        Ok(Self { service: service.to_owned(), replicas })
    }
}

/// Options of `service rollback`.
#[derive(Debug, Args)]
pub(crate) struct ServiceRollbackArgs {
    /// Name or id of the service.
    pub(crate) service: String,

    /// Whether and how to wait.
    #[command(flatten)]
    pub(crate) wait: WaitFlags,
}

/// Options of `service rm`.
#[derive(Debug, Args)]
pub(crate) struct ServiceRemoveArgs {
    /// Names or ids of services.
    #[arg(required = true, value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}
