//! Options of `events`.

use clap::Args;

use crate::value::filter::Filter;

/// Options of `events`.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Filter output based on conditions: a type (type=service), an action (event=create), an object (service=NAME), ...
    #[arg(short, long, value_name = "FILTER")]
    pub(crate) filter: Vec<Filter>,

    /// Show all events created since a timestamp: a relative time (10m), a date, or seconds since 1970.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Stream events until this timestamp.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// Print with a Go template, such as '{{.Type}} {{.Action}}', or as 'json'.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
}
