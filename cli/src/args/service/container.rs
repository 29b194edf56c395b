//! Options about the container of a task.

use clap::Args;
use swarmlite_proto::time::Nanoseconds;

use crate::value::duration;

/// The container of a task.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Container")]
pub(crate) struct ContainerFlags {
    /// Overwrite the entry point of the image, as one shell-quoted string.
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) entrypoint: Option<String>,

    /// Working directory in the container.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,

    /// User in the container, as NAME|UID[:GROUP|GID].
    #[arg(short, long)]
    pub(crate) user: Option<String>,

    /// Host name of the container; may be a template, such as '{{.Node.Hostname}}'.
    #[arg(long, value_name = "NAME")]
    pub(crate) hostname: Option<String>,

    /// Allocate a pseudo-TTY.
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) tty: Option<bool>,

    /// Mount the root file system of the container read-only.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) read_only: Option<bool>,

    /// Run an init process that forwards signals and reaps processes.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) init: Option<bool>,

    /// Isolation of the container: default, which is all that Linux has.
    #[arg(long, value_name = "NAME")]
    pub(crate) isolation: Option<String>,

    /// Signal to stop the container.
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) stop_signal: Option<String>,

    /// Time to wait before killing a container that is to stop [default: 10s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) stop_grace_period: Option<Nanoseconds>,

    /// Add a Linux capability.
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) cap_add: Vec<String>,

    /// Drop a Linux capability.
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) cap_drop: Vec<String>,

    /// Tune the kernel's preference to kill it when memory runs out, -1000 to 1000.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub(crate) oom_score_adj: Option<i64>,

    /// Logging driver [default: the engine's].
    #[arg(long, value_name = "DRIVER")]
    pub(crate) log_driver: Option<String>,

    /// Set an option of the logging driver.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) log_opt: Vec<crate::value::pair::Pair>,
}

/// How the health of a container is checked.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Health")]
pub(crate) struct HealthFlags {
    /// Command to run to check health, by a shell in the container.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) health_cmd: Option<String>,

    /// Time between two checks.
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub(crate) health_interval: Option<Nanoseconds>,

    /// Maximum time to allow one check to run.
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub(crate) health_timeout: Option<Nanoseconds>,

    /// Consecutive failures needed to report unhealthy.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub(crate) health_retries: Option<i64>,

    /// Start period in which failed checks do not count.
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub(crate) health_start_period: Option<Nanoseconds>,

    /// Time between two checks during the start period.
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub(crate) health_start_interval: Option<Nanoseconds>,

    /// Disable any health check, whatever the image says.
    #[arg(long)]
    pub(crate) no_healthcheck: bool,
}

pub(super) fn positive(text: &str) -> Result<Nanoseconds, String> {
    match duration::parse(text)? {
        Nanoseconds(nanoseconds) if nanoseconds < 0 => {
            Err("duration cannot be negative".to_owned())
        }
        duration => Ok(duration),
    }
}
