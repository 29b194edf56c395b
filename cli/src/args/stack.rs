//! Commands about stacks, and their options.

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;

use super::ListArgs;
use super::TaskListArgs;
use super::WaitFlags;

/// Commands about stacks.
#[derive(Debug, Subcommand)]
pub(crate) enum StackCommand {
    /// Make or change a stack, as Compose files say.
    #[command(visible_alias = "up")]
    Deploy(StackDeployArgs),
    /// List stacks.
    #[command(visible_alias = "list")]
    Ls(StackListArgs),
    /// List the tasks of a stack.
    Ps(StackPsArgs),
    /// List the services of a stack.
    Services(StackServicesArgs),
    /// Remove one or more stacks.
    #[command(visible_aliases = ["remove", "down"])]
    Rm(StackRemoveArgs),
    /// Print Compose files as one, with all values filled in.
    Config(StackConfigArgs),
}

/// Which Compose files.
#[derive(Debug, Args)]
pub(crate) struct ComposeFiles {
    /// Path of a Compose file, or - for standard input. What a later file says goes before what an earlier one says.
    #[arg(short = 'c', long, value_name = "FILE", value_delimiter = ',', required = true)]
    pub(crate) compose_file: Vec<String>,

    /// Take services with this profile in, beside those with none and those in COMPOSE_PROFILES.
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

    /// Remove services of the stack that are not in the files.
    #[arg(long)]
    pub(crate) prune: bool,

    /// When to ask the registry what a tag stands for: always, changed or never.
    #[arg(long, value_name = "WHEN", default_value = "always", hide_possible_values = true)]
    pub(crate) resolve_image: ResolveImage,

    /// Have nodes fetch the images with the credentials that `docker login` has left for their registries.
    #[arg(long)]
    pub(crate) with_registry_auth: bool,

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

    /// Return at once instead of waiting until the tasks have ended.
    #[arg(short, long)]
    pub(crate) detach: bool,
}

/// Options of `stack config`.
#[derive(Debug, Args)]
pub(crate) struct StackConfigArgs {
    /// Which Compose files.
    #[command(flatten)]
    pub(crate) files: ComposeFiles,

    /// Leave variables as they are.
    #[arg(long)]
    pub(crate) skip_interpolation: bool,
}
