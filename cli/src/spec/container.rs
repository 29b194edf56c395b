//! Options about the container of a task, its health and what it may use.

use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::HealthConfig;
use swarmlite_proto::spec::Limits;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;

use super::capability;
use crate::args::ContainerFlags;
use crate::args::HealthFlags;
use crate::args::ResourceFlags;
use crate::error::Error;
use crate::error::Result;
use crate::value::pair;

/// Changes a container.
pub(super) fn change(container: &mut ContainerSpec, flags: &ContainerFlags) -> Result<()> {
    if let Some(entrypoint) = &flags.entrypoint {
        container.command = shell_words("entrypoint", entrypoint)?;
    }
    set(&mut container.dir, flags.workdir.as_ref());
    set(&mut container.user, flags.user.as_ref());
    set(&mut container.hostname, flags.hostname.as_ref());
    set(&mut container.tty, flags.tty.as_ref());
    set(&mut container.read_only, flags.read_only.as_ref());
    container.init = flags.init.or(container.init);
    set(&mut container.stop_signal, flags.stop_signal.as_ref());
    container.stop_grace_period = flags.stop_grace_period.or(container.stop_grace_period);
    set(&mut container.isolation, flags.isolation.as_ref());
    set(&mut container.oom_score_adj, flags.oom_score_adj.as_ref());
    let ContainerSpec { capability_add, capability_drop, .. } = container;
    capability::change(capability_add, capability_drop, &flags.cap_add, &flags.cap_drop)
}

/// Splits as a shell does.
pub(super) fn shell_words(option: &str, text: &str) -> Result<Vec<String>> {
    shlex::split(text)
        .ok_or_else(|| Error::refused(format!("invalid --{option}: unbalanced quotes in {text}")))
}

/// Changes where output goes. Options replace all former ones, and need the driver to be named.
pub(super) fn log_driver(driver: &mut Option<Driver>, flags: &ContainerFlags) -> Result<()> {
    match &flags.log_driver {
        Some(name) => {
            *driver = Some(Driver { name: name.clone(), options: pair::labels(&flags.log_opt) });
            Ok(())
        }
        None if flags.log_opt.is_empty() => Ok(()),
        None => Err(Error::refused("--log-opt needs --log-driver")),
    }
}

/// Changes how health is checked.
pub(super) fn health(config: &mut Option<HealthConfig>, flags: &HealthFlags) -> Result<()> {
    let given = flags.health_cmd.is_some()
        || flags.health_interval.is_some()
        || flags.health_timeout.is_some()
        || flags.health_retries.is_some()
        || flags.health_start_period.is_some()
        || flags.health_start_interval.is_some();
    if flags.no_healthcheck {
        if given {
            return Err(Error::refused("--no-healthcheck conflicts with --health-* options"));
        }
        *config = Some(HealthConfig { test: vec!["NONE".to_owned()], ..HealthConfig::default() });
    } else if given {
        let config = config.get_or_insert_with(HealthConfig::default);
        if config.test.first().is_some_and(|first| first == "NONE") {
            config.test.clear();
        }
        match flags.health_cmd.as_deref() {
            Some("") => config.test.clear(),
            Some(command) => config.test = vec!["CMD-SHELL".to_owned(), command.to_owned()],
            None => {}
        }
        set(&mut config.interval, flags.health_interval.as_ref());
        set(&mut config.timeout, flags.health_timeout.as_ref());
        set(&mut config.retries, flags.health_retries.as_ref());
        set(&mut config.start_period, flags.health_start_period.as_ref());
        set(&mut config.start_interval, flags.health_start_interval.as_ref());
    }
    Ok(())
}

/// Changes what a task may use, and what is set aside for it.
pub(super) fn resources(resources: &mut Option<ResourceRequirements>, flags: &ResourceFlags) {
    if flags.limit_cpu.is_some() || flags.limit_memory.is_some() || flags.limit_pids.is_some() {
        let resources = resources.get_or_insert_with(ResourceRequirements::default);
        let limits = resources.limits.get_or_insert_with(Limits::default);
        set(&mut limits.nano_cpus, flags.limit_cpu.as_ref());
        set(&mut limits.memory_bytes, flags.limit_memory.as_ref());
        set(&mut limits.pids, flags.limit_pids.as_ref());
    }
    if flags.reserve_cpu.is_some() || flags.reserve_memory.is_some() {
        let resources = resources.get_or_insert_with(ResourceRequirements::default);
        let reservations = resources.reservations.get_or_insert_with(Reservations::default);
        set(&mut reservations.nano_cpus, flags.reserve_cpu.as_ref());
        set(&mut reservations.memory_bytes, flags.reserve_memory.as_ref());
    }
    if flags.memory_swap.is_some() || flags.memory_swappiness.is_some() {
        let resources = resources.get_or_insert_with(ResourceRequirements::default);
        resources.swap_bytes = flags.memory_swap.or(resources.swap_bytes);
        resources.memory_swappiness = flags.memory_swappiness.or(resources.memory_swappiness);
    }
}

/// Replaces a value if a new one is given.
pub(super) fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_command_ends_no_healthcheck() {
        let mut config = None;
        health(&mut config, &HealthFlags { no_healthcheck: true, ..HealthFlags::default() })
            .expect("changes");
        assert_eq!(config.as_ref().expect("some").test, ["NONE"]);
        let command = HealthFlags { health_cmd: Some("true".to_owned()), ..HealthFlags::default() };
        health(&mut config, &command).expect("changes");
        assert_eq!(config.as_ref().expect("some").test, ["CMD-SHELL", "true"]);
        let both = HealthFlags { no_healthcheck: true, ..command };
        health(&mut config, &both).expect_err("a conflict");
    }

    #[test]
    fn log_options_need_a_driver() {
        let mut driver = None;
        let options = ContainerFlags {
            log_opt: vec!["a=b".parse().expect("a pair")],
            ..ContainerFlags::default()
        };
        log_driver(&mut driver, &options).expect_err("no driver");
        let named = ContainerFlags { log_driver: Some("local".to_owned()), ..options };
        log_driver(&mut driver, &named).expect("changes");
        assert_eq!(driver.expect("some").options.get("a").map(String::as_str), Some("b"));
    }

    #[test]
    fn limits_and_reservations_stay_apart() {
        let mut requirements = None;
        resources(&mut requirements, &ResourceFlags::default());
        assert_eq!(requirements, None);
        resources(
            &mut requirements,
            &ResourceFlags { limit_cpu: Some(5), ..ResourceFlags::default() },
        );
        let requirements = requirements.expect("some");
        assert_eq!(requirements.limits.expect("some").nano_cpus, 5);
        assert_eq!(requirements.reservations, None);
    }
}
