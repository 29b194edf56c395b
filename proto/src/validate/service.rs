//! A service.

use std::ops::RangeInclusive;

use super::affinity::Affinity;
use super::constraint::Constraint;
use super::container;
use super::endpoint;
use super::http;
use super::name;
use super::require;
use super::unsupported;
use crate::error::Error;
use crate::error::Result;
use crate::spec::Mount;
use crate::spec::MountType;
use crate::spec::Placement;
use crate::spec::Rebalance;
use crate::spec::ResourceRequirements;
use crate::spec::RestartPolicy;
use crate::spec::ServiceMode;
use crate::spec::ServiceSpec;
use crate::spec::Strategy;
use crate::spec::TaskSpec;
use crate::spec::UpdateConfig;
use crate::spec::Volumes;
use crate::value::generic_resource;

/// The least share of processors that can be asked for, in billionths of a core.
const MIN_NANO_CPUS: i64 = 1_000_000;

/// The least memory that can be asked for, in bytes: Docker's own minimum for a container.
const MIN_MEMORY_BYTES: i64 = 4 * 1024 * 1024;

/// What the kernel takes, and -1 for its own setting (moby `daemon/daemon_unix.go`).
const SWAPPINESS: RangeInclusive<i64> = -1..=100;

/// Checks a service. Its networks still have the names or ids that the user gave.
///
/// # Errors
///
/// One for each rule of swarmkit's `manager/controlapi/service.go`, in its words, and one for each setting that has no effect here.
pub fn service(mut spec: ServiceSpec) -> Result<ServiceSpec> {
    name::check(&spec.name)?;
    mode(&spec)?;
    if spec.task_template.networks.is_empty() {
        spec.task_template.networks.clone_from(&spec.networks);
    }
    if let Some(container) = &mut spec.task_template.container_spec {
        container::complete(container);
    }
    if let Some(placement) = &mut spec.task_template.placement {
        placement.drop_empty_extensions();
    }
    // What labels ask for is checked as well.
    let effective = spec.task()?;
    task(&effective)?;
    if let Some(placement) = &effective.placement {
        score(&spec.mode, placement)?;
    }
    for (config, path) in
        [(&spec.update_config, "UpdateConfig"), (&spec.rollback_config, "RollbackConfig")]
    {
        if let Some(config) = config {
            update_config(config, path)?;
        }
    }
    let options = spec.endpoint_options()?;
    let endpoint = spec.endpoint_spec.get_or_insert_default();
    endpoint::check(endpoint, options)?;
    // To ask for nothing is not to ask, which is what Docker's API has a form for.
    endpoint.drop_empty_extensions();
    http::complete(endpoint);
    http::check(&spec)?;
    Ok(spec)
}

fn mode(spec: &ServiceSpec) -> Result<()> {
    let negative = |count: u64| i64::try_from(count).is_err();
    match spec.mode {
        ServiceMode::Replicated { replicas } => {
            require(!negative(replicas), || "Number of replicas must be non-negative".to_owned())
        }
        ServiceMode::Global => Ok(()),
        ServiceMode::ReplicatedJob(job) if negative(job.max_concurrent) => {
            Err(Error::invalid("Maximum concurrent jobs must not be negative"))
        }
        ServiceMode::ReplicatedJob(job) if negative(job.total_completions) => {
            Err(Error::invalid("Total completed jobs must not be negative"))
        }
        ServiceMode::ReplicatedJob(_) | ServiceMode::GlobalJob if spec.update_config.is_some() => {
            Err(Error::invalid("Jobs may not have an update config"))
        }
        // Docker takes one, and never looks at it.
        ServiceMode::ReplicatedJob(_) | ServiceMode::GlobalJob
            if spec.rollback_config.is_some() =>
        {
            Err(Error::invalid("Jobs may not have a rollback config"))
        }
        ServiceMode::ReplicatedJob(_) | ServiceMode::GlobalJob => Ok(()),
    }
}

fn task(task: &TaskSpec) -> Result<()> {
    let container = task.container_spec.as_ref();
    container::check(
        container.ok_or_else(|| Error::invalid("TaskSpec: missing container specification"))?,
    )?;
    unsupported("TaskTemplate.Runtime", !matches!(task.runtime.as_str(), "" | "container"))?;
    if let Some(resources) = &task.resources {
        self::resources(resources)?;
    }
    if let Some(policy) = &task.restart_policy {
        restart_policy(policy)?;
    }
    if let Some(placement) = &task.placement {
        self::placement(placement)?;
        let mounts = container.into_iter().flat_map(|container| &container.mounts);
        volumes(placement, mounts)?;
    }
    for network in &task.networks {
        require(!network.target.is_empty(), || {
            "TaskTemplate: a network attachment needs a target".to_owned()
        })?;
    }
    Ok(())
}

fn resources(resources: &ResourceRequirements) -> Result<()> {
    let limits = resources.limits.map(|limits| (limits.nano_cpus, limits.memory_bytes));
    let reserved = resources.reservations.as_ref();
    let reservations = reserved.map(|reserved| (reserved.nano_cpus, reserved.memory_bytes));
    for (nano_cpus, memory_bytes) in [limits, reservations].into_iter().flatten() {
        require(nano_cpus == 0 || nano_cpus >= MIN_NANO_CPUS, || {
            let cpus = nano_cpus as f64 / 1e9;
            format!("invalid cpu value {cpus}: Must be at least 0.001")
        })?;
        require(memory_bytes == 0 || memory_bytes >= MIN_MEMORY_BYTES, || {
            format!("invalid memory value {memory_bytes}: Must be at least 4MiB")
        })?;
    }
    for resource in reserved.into_iter().flat_map(|reserved| &reserved.generic_resources) {
        let kind = generic_resource::kind(resource);
        let least = resource.discrete_resource_spec.as_ref().map_or(0, |counted| counted.value);
        require(!kind.is_empty() && least >= 0, || {
            format!("invalid argument for resource {kind}")
        })?;
    }
    let memory_limit = resources.limits.map_or(0, |limits| limits.memory_bytes);
    if let Some(swap) = resources.swap_bytes {
        require(swap >= -1, || format!("invalid swap value {swap}: Must be -1 or more"))?;
        require(memory_limit > 0, || {
            "invalid swap value: SwapBytes needs a limit of memory".to_owned()
        })?;
    }
    if let Some(swappiness) = resources.memory_swappiness {
        require(SWAPPINESS.contains(&swappiness), || {
            format!("Invalid value: {swappiness}, valid memory swappiness range is 0-100")
        })?;
    }
    let pids = resources.limits.map_or(0, |limits| limits.pids);
    require(pids >= 0, || format!("invalid pids limit {pids}: cannot be negative"))
}

fn restart_policy(policy: &RestartPolicy) -> Result<()> {
    for (name, duration) in [("delay", policy.delay), ("window", policy.window)] {
        require(duration.is_none_or(|duration| duration.0 >= 0), || {
            format!("TaskSpec: restart-{name} cannot be negative")
        })?;
    }
    Ok(())
}

fn placement(placement: &Placement) -> Result<()> {
    placement.constraints.iter().try_for_each(|text| Constraint::parse(text).map(|_| ()))?;
    for preference in &placement.preferences {
        let descriptor = preference.spread.as_ref().map(|spread| spread.spread_descriptor.as_str());
        require(descriptor.is_some_and(|descriptor| !descriptor.is_empty()), || {
            "TaskTemplate: a placement preference needs a spread descriptor".to_owned()
        })?;
    }
    for rules in [&placement.affinity, &placement.anti_affinity] {
        rules.iter().flatten().try_for_each(|text| Affinity::parse(text).map(|_| ()))?;
    }
    rebalance(placement.rebalance.as_deref())?;
    strategy(placement.strategy.as_deref())
}

/// Checks when tasks are to be moved. None, or an empty text, stands for never.
fn rebalance(name: Option<&str>) -> Result<()> {
    let parsed = name.filter(|name| !name.is_empty()).map(str::parse::<Rebalance>).transpose();
    parsed.map(|_| ()).map_err(|unknown| Error::invalid(unknown.to_string()))
}

/// A score compares nodes, and so has to be what does. What it says is for managers to read.
fn score(mode: &ServiceMode, placement: &Placement) -> Result<()> {
    let Some(_) = &placement.score else { return Ok(()) };
    require(!mode.is_global(), || {
        "a placement score is not for global services, which have a task on each node".to_owned()
    })?;
    let strategy = placement.strategy.as_deref().filter(|name| !name.is_empty());
    let other = strategy.filter(|name| name.parse() != Ok(Strategy::default()));
    other.map_or(Ok(()), |name| {
        Err(Error::invalid(format!(
            "a placement score and placement strategy {name:?} cannot both choose the node"
        )))
    })
}

/// A task that is to stay with its volumes has to have some.
fn volumes<'a>(placement: &Placement, mut mounts: impl Iterator<Item = &'a Mount>) -> Result<()> {
    let Some(name) = placement.volumes.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    name.parse::<Volumes>().map_err(|unknown| Error::invalid(unknown.to_string()))?;
    let stays = |mount: &Mount| {
        matches!(mount.kind, MountType::Volume | MountType::Bind) && !mount.source.is_empty()
    };
    require(mounts.any(stays), || {
        format!("placement option volumes is {name}, but no volume or path of the node is mounted")
    })
}

/// Checks the name of a placement strategy. None, or an empty one, stands for the default.
pub(super) fn strategy(name: Option<&str>) -> Result<()> {
    let name = name.filter(|name| !name.is_empty());
    let parsed = name.map(str::parse::<Strategy>).transpose();
    parsed.map(|_| ()).map_err(|unknown| Error::invalid(unknown.to_string()))
}

fn update_config(config: &UpdateConfig, path: &str) -> Result<()> {
    for (name, duration) in [("delay", config.delay), ("monitor", config.monitor)] {
        require(duration.0 >= 0, || format!("TaskSpec: update-{name} cannot be negative"))?;
    }
    require((0.0..=1.0).contains(&config.max_failure_ratio), || {
        "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1".to_owned()
    })?;
    let rolls_back = config.failure_action == crate::spec::FailureAction::Rollback;
    require(!(rolls_back && path == "RollbackConfig"), || {
        "invalid RollbackConfig.FailureAction: \"rollback\"".to_owned()
    })
}
