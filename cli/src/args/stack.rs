//! Commands about stacks, and their options.

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;

use super::ListArgs;
use super::PlanFlag;
use super::TaskListArgs;
use super::WaitFlags;

/// Commands about stacks.
#[derive(Debug, Subcommand)]
pub(crate) enum StackCommand {
    /// Deploy a new stack or update an existing stack.
    #[command(visible_alias = "up")]
    Deploy(StackDeployArgs),
    /// List stacks.
    #[command(visible_alias = "list")]
    Ls(StackListArgs),
    /// List the tasks in the stack.
    Ps(StackPsArgs),
    /// List the services in the stack.
    Services(StackServicesArgs),
    /// Remove one or more stacks.
    #[command(visible_aliases = ["remove", "down"])]
    Rm(StackRemoveArgs),
    /// Output the final Compose file, after merges and interpolations.
    Config(StackConfigArgs),
}

/// Which Compose files.
#[derive(Debug, Args)]
pub(crate) struct ComposeFiles {
    /// Path to a Compose file, or - to read from standard input. What a later file says goes before what an earlier one says.
    #[arg(short = 'c', long, value_name = "FILE", value_delimiter = ',', required = true)]
    pub(crate) compose_file: Vec<String>,

    /// Deploy services with this profile too, beside those with none and those in COMPOSE_PROFILES.
    #[arg(long)]
    pub(crate) profile: Vec<String>,
}

/// When a registry is asked what a tag stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResolveImage {
    /// Each time.
    Always,
    /// When the image in the Compose file is another one than before.
    Changed,
    /// Not at all.
    Never,
}

/// Options of `stack deploy`.
#[derive(Debug, Args)]
pub(crate) struct StackDeployArgs {
    /// Name of the stack [default: the name in the Compose files].
    pub(crate) stack: Option<String>,

    /// Which Compose files.
    #[command(flatten)]
    pub(crate) files: ComposeFiles,

    /// Prune services that are no longer in the files.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) prune: bool,

    /// Query the registry to resolve image digests: always, changed or never.
    #[arg(long, value_name = "WHEN", default_value = "always", hide_possible_values = true)]
    pub(crate) resolve_image: ResolveImage,

    /// Send the credentials that `docker login` has left for the registries, for nodes to pull the images with.
    #[arg(long)]
    pub(crate) with_registry_auth: bool,

    /// Whether anything is done at all.
    #[command(flatten)]
    pub(crate) plan: PlanFlag,

    /// Whether and how to wait.
    #[command(flatten)]
    pub(crate) wait: WaitFlags,
}

/// Options of `stack ls`.
#[derive(Debug, Args)]
pub(crate) struct StackListArgs {
    /// Print with a Go template: 'table {{.Name}}\t{{.Services}}', '{{.Name}}', or 'json'.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
}

/// Options of `stack ps`.
#[derive(Debug, Args)]
pub(crate) struct StackPsArgs {
    /// Name of the stack.
    pub(crate) stack: String,

    /// What lists of tasks have.
    #[command(flatten)]
    pub(crate) tasks: TaskListArgs,
}

/// Options of `stack services`.
#[derive(Debug, Args)]
pub(crate) struct StackServicesArgs {
    /// Name of the stack.
    pub(crate) stack: String,

    /// What lists have.
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `stack rm`.
#[derive(Debug, Args)]
pub(crate) struct StackRemoveArgs {
    /// Names of stacks.
    #[arg(required = true, value_name = "STACK")]
    pub(crate) stacks: Vec<String>,

    /// Do not wait for stack removal.
    #[arg(short, long)]
    pub(crate) detach: bool,
}

/// Options of `stack config`.
#[derive(Debug, Args)]
pub(crate) struct StackConfigArgs {
    /// Which Compose files.
    #[command(flatten)]
    pub(crate) files: ComposeFiles,

    /// Skip interpolation: leave variables as they are.
    #[arg(long)]
    pub(crate) skip_interpolation: bool,
}
