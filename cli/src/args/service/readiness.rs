//! Options about readiness, which Docker does not have.

use clap::Args;
use swarmlite_proto::time::Nanoseconds;

use super::container::positive;

/// How it is found out whether a running task is to get requests.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Readiness")]
pub(crate) struct ReadinessFlags {
    /// Command to run to check readiness, by a shell in the container: it ends with 0 when a task is ready to get requests. A task that is not ready is not
    /// restarted.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["readiness_http", "readiness_tcp"])]
    pub(crate) readiness_cmd: Option<String>,

    /// Port and path of the container that answer with a status from 200 to 399 when a task is ready to get requests.
    #[arg(long, value_name = "PORT/PATH", conflicts_with = "readiness_tcp")]
    pub(crate) readiness_http: Option<String>,

    /// Port of the container that takes connections when a task is ready to get requests.
    #[arg(long, value_name = "PORT")]
    pub(crate) readiness_tcp: Option<String>,

    /// Time between two checks [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub(crate) readiness_interval: Option<Nanoseconds>,

    /// Maximum time to allow one check to run [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub(crate) readiness_timeout: Option<Nanoseconds>,

    /// Consecutive failures needed to make a ready task not ready [default: 3].
    #[arg(long, value_name = "COUNT")]
    pub(crate) readiness_retries: Option<i64>,

    /// Start period in which failed checks do not count.
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub(crate) readiness_start_period: Option<Nanoseconds>,

    /// Disable any readiness check: a task gets requests as soon as it runs.
    #[arg(long)]
    pub(crate) no_readiness: bool,
}
