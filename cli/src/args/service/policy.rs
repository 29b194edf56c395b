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
    /// After which endings a task is replaced: none, on-failure or any [default: any].
    #[arg(long, value_name = "CONDITION", value_parser = condition)]
    pub(crate) restart_condition: Option<RestartCondition>,

    /// Time between the end of a task and the start of the next [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) restart_delay: Option<Nanoseconds>,

    /// How often a task is replaced before giving up; 0 stands for always.
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) restart_max_attempts: Option<u64>,

    /// Time within which attempts count.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) restart_window: Option<Nanoseconds>,
}

/// How changes are rolled out.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Updates")]
pub(crate) struct UpdateFlags {
    /// How many tasks are replaced at the same time; 0 stands for all [default: 1].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) update_parallelism: Option<u64>,

    /// Pause after each task [default: 0s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) update_delay: Option<Nanoseconds>,

    /// How long a new task is watched for failure [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) update_monitor: Option<Nanoseconds>,

    /// What to do when too many tasks fail: pause, continue or rollback [default: pause].
    #[arg(long, value_name = "ACTION", value_parser = update_action)]
    pub(crate) update_failure_action: Option<FailureAction>,

    /// Share of failed tasks, 0 to 1, up to which the update goes on [default: 0].
    #[arg(long, value_name = "RATIO")]
    pub(crate) update_max_failure_ratio: Option<f64>,

    /// Whether the old task stops first or the new one starts first [default: stop-first].
    #[arg(long, value_name = "ORDER", value_parser = order)]
    pub(crate) update_order: Option<UpdateOrder>,
}

/// How going back to the spec before is rolled out.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rollbacks")]
pub(crate) struct RollbackFlags {
    /// How many tasks are rolled back at the same time; 0 stands for all [default: 1].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) rollback_parallelism: Option<u64>,

    /// Pause after each task [default: 0s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) rollback_delay: Option<Nanoseconds>,

    /// How long a task is watched for failure [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) rollback_monitor: Option<Nanoseconds>,

    /// What to do when too many tasks fail: pause or continue [default: pause].
    #[arg(long, value_name = "ACTION", value_parser = rollback_action)]
    pub(crate) rollback_failure_action: Option<FailureAction>,

    /// Share of failed tasks, 0 to 1, up to which the rollback goes on [default: 0].
    #[arg(long, value_name = "RATIO")]
    pub(crate) rollback_max_failure_ratio: Option<f64>,

    /// Whether the old task stops first or the new one starts first [default: stop-first].
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
