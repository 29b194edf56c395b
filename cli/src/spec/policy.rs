//! Restarts, updates and rollbacks. A policy that is not there yet starts from the defaults as soon as one of its options is given,
//! and is then sent whole, as docker does.

use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::time::Nanoseconds;

use crate::args::RestartFlags;
use crate::args::RollbackFlags;
use crate::args::UpdateFlags;

/// The options of an update or of a rollback.
struct Rollout {
    parallelism: Option<u64>,
    delay: Option<Nanoseconds>,
    monitor: Option<Nanoseconds>,
    failure_action: Option<FailureAction>,
    max_failure_ratio: Option<f64>,
    order: Option<UpdateOrder>,
}

/// Changes how updates go.
pub(super) fn update(config: &mut Option<UpdateConfig>, flags: &UpdateFlags) {
    Rollout {
        parallelism: flags.update_parallelism,
        delay: flags.update_delay,
        monitor: flags.update_monitor,
        failure_action: flags.update_failure_action,
        max_failure_ratio: flags.update_max_failure_ratio,
        order: flags.update_order,
    }
    .apply(config);
}

/// Changes how rollbacks go.
pub(super) fn rollback(config: &mut Option<UpdateConfig>, flags: &RollbackFlags) {
    Rollout {
        parallelism: flags.rollback_parallelism,
        delay: flags.rollback_delay,
        monitor: flags.rollback_monitor,
        failure_action: flags.rollback_failure_action,
        max_failure_ratio: flags.rollback_max_failure_ratio,
        order: flags.rollback_order,
    }
    .apply(config);
}

impl Rollout {
    fn apply(self, config: &mut Option<UpdateConfig>) {
        let given = self.parallelism.is_some()
            || self.delay.is_some()
            || self.monitor.is_some()
            || self.failure_action.is_some()
            || self.max_failure_ratio.is_some()
            || self.order.is_some();
        if !given {
            return;
        }
        let config = config.get_or_insert_with(UpdateConfig::defaults);
        set(&mut config.parallelism, self.parallelism);
        set(&mut config.delay, self.delay);
        set(&mut config.monitor, self.monitor);
        set(&mut config.failure_action, self.failure_action);
        set(&mut config.max_failure_ratio, self.max_failure_ratio);
        set(&mut config.order, self.order);
    }
}

/// Changes what happens when a task ends.
pub(super) fn restart(policy: &mut Option<RestartPolicy>, flags: &RestartFlags) {
    let given = flags.restart_condition.is_some()
        || flags.restart_delay.is_some()
        || flags.restart_max_attempts.is_some()
        || flags.restart_window.is_some();
    if !given {
        return;
    }
    let policy = policy.get_or_insert_with(RestartPolicy::defaults);
    set(&mut policy.condition, flags.restart_condition);
    policy.delay = flags.restart_delay.or(policy.delay);
    policy.max_attempts = flags.restart_max_attempts.or(policy.max_attempts);
    policy.window = flags.restart_window.or(policy.window);
}

/// Replaces a value if a new one is given.
fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_option_sends_the_whole_policy_with_defaults() {
        let mut config = None;
        update(&mut config, &UpdateFlags::default());
        assert_eq!(config, None);
        update(
            &mut config,
            &UpdateFlags { update_order: Some(UpdateOrder::StartFirst), ..UpdateFlags::default() },
        );
        let expected = UpdateConfig { order: UpdateOrder::StartFirst, ..UpdateConfig::defaults() };
        assert_eq!(config, Some(expected));
    }

    #[test]
    fn other_values_of_a_policy_stay() {
        let mut policy = Some(RestartPolicy { max_attempts: Some(7), ..RestartPolicy::default() });
        let delay = Some(Nanoseconds::from_secs(1));
        restart(&mut policy, &RestartFlags { restart_delay: delay, ..RestartFlags::default() });
        assert_eq!(
            policy,
            Some(RestartPolicy { max_attempts: Some(7), delay, ..RestartPolicy::default() })
        );
    }
}
