//! Options about what happens when tasks end and when services change.

use clap::Args;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::time::Nanoseconds;

use crate::value::count;
use crate::value::duration;

/// What happens when a task ends.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Restarts")]
pub(crate) struct RestartFlags {
    /// Restart when a condition is met: none, on-failure or any [default: any].
    #[arg(long, value_name = "CONDITION", value_parser = condition)]
    pub(crate) restart_condition: Option<RestartCondition>,

    /// Delay between restart attempts [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) restart_delay: Option<Nanoseconds>,

    /// Maximum number of restarts before giving up; 0 stands for any number.
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) restart_max_attempts: Option<u64>,

    /// Window used to evaluate the restart policy.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) restart_window: Option<Nanoseconds>,
}

/// How changes are rolled out.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Updates")]
pub(crate) struct UpdateFlags {
    /// Maximum number of tasks updated simultaneously; 0 stands for all at once [default: 1].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) update_parallelism: Option<u64>,

    /// Delay between updates [default: 0s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) update_delay: Option<Nanoseconds>,

    /// Duration after each task update to monitor for failure [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) update_monitor: Option<Nanoseconds>,

    /// Action on update failure: pause, continue or rollback [default: pause].
    #[arg(long, value_name = "ACTION", value_parser = update_action)]
    pub(crate) update_failure_action: Option<FailureAction>,

    /// Failure rate to tolerate during an update, 0 to 1 [default: 0].
    #[arg(long, value_name = "RATIO")]
    pub(crate) update_max_failure_ratio: Option<f64>,

    /// Update order: stop-first or start-first [default: stop-first].
    #[arg(long, value_name = "ORDER", value_parser = order)]
    pub(crate) update_order: Option<UpdateOrder>,
}

/// How going back to the spec before is rolled out.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rollbacks")]
pub(crate) struct RollbackFlags {
    /// Maximum number of tasks rolled back simultaneously; 0 stands for all at once [default: 1].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) rollback_parallelism: Option<u64>,

    /// Delay between task rollbacks [default: 0s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) rollback_delay: Option<Nanoseconds>,

    /// Duration after each task rollback to monitor for failure [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) rollback_monitor: Option<Nanoseconds>,

    /// Action on rollback failure: pause or continue [default: pause].
    #[arg(long, value_name = "ACTION", value_parser = rollback_action)]
    pub(crate) rollback_failure_action: Option<FailureAction>,

    /// Failure rate to tolerate during a rollback, 0 to 1 [default: 0].
    #[arg(long, value_name = "RATIO")]
    pub(crate) rollback_max_failure_ratio: Option<f64>,

    /// Rollback order: stop-first or start-first [default: stop-first].
    #[arg(long, value_name = "ORDER", value_parser = order)]
    pub(crate) rollback_order: Option<UpdateOrder>,
}

fn condition(text: &str) -> Result<RestartCondition, String> {
    match text {
        "none" => Ok(RestartCondition::None),
        "on-failure" => Ok(RestartCondition::OnFailure),
        "any" => Ok(RestartCondition::Any),
        _ => Err("must be none, on-failure or any".to_owned()),
    }
}

fn update_action(text: &str) -> Result<FailureAction, String> {
    match text {
        "rollback" => Ok(FailureAction::Rollback),
        _ => rollback_action(text).map_err(|_| "must be pause, continue or rollback".to_owned()),
    }
}

fn rollback_action(text: &str) -> Result<FailureAction, String> {
    match text {
        "pause" => Ok(FailureAction::Pause),
        "continue" => Ok(FailureAction::Continue),
        _ => Err("must be pause or continue".to_owned()),
    }
}

fn order(text: &str) -> Result<UpdateOrder, String> {
    match text {
        "stop-first" => Ok(UpdateOrder::StopFirst),
        "start-first" => Ok(UpdateOrder::StartFirst),
        _ => Err("must be stop-first or start-first".to_owned()),
    }
}
