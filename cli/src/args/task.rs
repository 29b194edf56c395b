//! Commands about tasks, and their options.

use clap::Args;
use clap::Subcommand;

use super::ExplainFormat;

/// Commands about tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Explain why a task waits, or where it would be if it were placed now: what each node has to say.
    Explain(TaskExplainArgs),
}

/// Options of `task explain`.
#[derive(Debug, Args)]
pub(crate) struct TaskExplainArgs {
    /// Id of the task, or the beginning of it.
    pub(crate) task: String,

    /// How it is printed.
    #[command(flatten)]
    pub(crate) output: ExplainFormat,
}
