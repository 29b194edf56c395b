//! Options about what is printed, shared by all commands that list or inspect.

use clap::Args;

use crate::value::filter::Filter;

/// Options of a list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Filter output based on conditions, such as name=web. Values of one key are alternatives.
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(crate) filter: Vec<Filter>,

    /// Print with a Go template: 'table {{.ID}}\t{{.Name}}', '{{.Name}}', or 'json'.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,

    /// Only display ids.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Options of a list of tasks.
#[derive(Debug, Args)]
#[command(
    after_help = "{{.Routing}} in --format says whether the nodes send a task traffic: unrouted, routed, draining or drained."
)]
pub(crate) struct TaskListArgs {
    /// What lists have.
    #[command(flatten)]
    pub(crate) list: ListArgs,

    /// Do not map ids to names in output.
    #[arg(long)]
    pub(crate) no_resolve: bool,

    /// Do not truncate output.
    #[arg(long)]
    pub(crate) no_trunc: bool,
}

/// Options of an inspection.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Print with a Go template, such as '{{.Spec.Name}}', or as 'json'.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,

    /// Print the information in a human friendly format.
    #[arg(long, conflicts_with = "format")]
    pub(crate) pretty: bool,
}

/// How versions are printed.
#[derive(Debug, Args)]
pub(crate) struct VersionFormat {
    /// Print with a Go template, such as '{{.Server.Version}}', or as 'json'.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
}

/// How an explanation is printed.
#[derive(Debug, Args)]
pub(crate) struct ExplainFormat {
    /// Print with a Go template, such as '{{.Hint}}', or as 'json'.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
}

/// How one object is printed.
#[derive(Debug, Args)]
pub(crate) struct InspectFormat {
    /// Print with a Go template, such as '{{.Swarm.NodeID}}', or as 'json'.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
}
