//! Options of `doctor`.

use clap::Args;

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 if no check has failed, 1 if one has.")]
pub(crate) struct DoctorArgs {
    /// Print with a Go template, such as '{{range .Checks}}{{.Name}} {{end}}', or as 'json'.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
}
