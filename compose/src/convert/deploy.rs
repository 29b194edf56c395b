//! The section `deploy`: how many tasks, where, and what happens to them; with those older options of a service that say the same.

use swarmlite_proto::spec::DeviceRequest;
use swarmlite_proto::spec::DiscreteResource;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::Limits;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::SpreadOver;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::value::cpus;

use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;
use super::extension;

/// The modes, before it is known how many tasks there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Replicated,
    Global,
    ReplicatedJob,
    GlobalJob,
}

/// How many tasks there are.
pub(super) fn mode(service: &mut Section<'_>, deploy: &mut Section<'_>) -> Result<ServiceMode> {
    let mode = deploy.read("mode", |node| {
        node.one_of(&[
            ("replicated", Mode::Replicated),
            ("global", Mode::Global),
            ("replicated-job", Mode::ReplicatedJob),
            ("global-job", Mode::GlobalJob),
        ])
    })?;
    let mode = mode.unwrap_or(Mode::Replicated);
    let scale = service.read("scale", Node::integer::<u64>)?;
    let replicas = deploy.read("replicas", Node::integer::<u64>)?;
    let replicas = one_of_two(replicas, "deploy.replicas", scale, "scale")?;
    let count = replicas.unwrap_or(ServiceMode::DEFAULT_REPLICAS);
    match (mode, replicas) {
        (Mode::Replicated, _) => Ok(ServiceMode::Replicated { replicas: count }),
        (Mode::ReplicatedJob, _) => Ok(ServiceMode::ReplicatedJob(ReplicatedJob {
            max_concurrent: count,
            total_completions: count,
        })),
        (Mode::Global, None) => Ok(ServiceMode::Global),
        (Mode::GlobalJob, None) => Ok(ServiceMode::GlobalJob),
        (Mode::Global | Mode::GlobalJob, Some(_)) => Err(ComposeError::Refused(
            "replicas can only be used with replicated or replicated-job mode".to_owned(),
        )),
    }
}

/// What two options say that mean the same. They must not contradict each other.
fn one_of_two<T: PartialEq>(
    one: Option<T>,
    name: &str,
    other: Option<T>,
    other_name: &str,
) -> Result<Option<T>> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(ComposeError::Refused(format!(
            "{name} and {other_name} say different things; only use {name}"
        ))),
        (one, other) => Ok(one.or(other)),
    }
}

/// What the name of a service stands for.
pub(super) fn endpoint_mode(deploy: &mut Section<'_>) -> Result<EndpointMode> {
    deploy.get("endpoint_mode", |node| match node.string()?.to_lowercase().as_str() {
        "" | "vip" => Ok(EndpointMode::Vip),
        "dnsrr" => Ok(EndpointMode::DnsRr),
        other => Err(node.invalid(format!("must be one of vip, dnsrr, not {other:?}"))),
    })
}

/// How an update or a rollback goes.
pub(super) fn update_config(node: &Node<'_>) -> Result<UpdateConfig> {
    let mut section = node.section()?;
    let config = UpdateConfig {
        parallelism: section
            .read("parallelism", Node::integer)?
            .unwrap_or(UpdateConfig::DEFAULT_PARALLELISM),
        delay: section.get("delay", Node::duration)?,
        failure_action: section.get("failure_action", |node| {
            node.one_of(&[
                ("pause", FailureAction::Pause),
                ("continue", FailureAction::Continue),
                ("rollback", FailureAction::Rollback),
            ])
        })?,
        monitor: section.get("monitor", Node::duration)?,
        max_failure_ratio: section.get("max_failure_ratio", Node::float)?,
        order: section.get("order", |node| {
            node.one_of(&[
                ("stop-first", UpdateOrder::StopFirst),
                ("start-first", UpdateOrder::StartFirst),
            ])
        })?,
    };
    section.finish()?;
    Ok(config)
}

/// What tasks may use, what is set aside for them, and which devices of the node they get.
pub(super) fn resources(
    service: &mut Section<'_>,
    deploy: &mut Section<'_>,
) -> Result<(ResourceRequirements, Vec<DeviceRequest>)> {
    let mut section = deploy.section("resources")?;
    let limits = section.read("limits", limits)?;
    let reserved = section.read("reservations", reservations)?;
    section.finish()?;
    let (reservations, devices) = reserved.unzip();
    let resources = ResourceRequirements {
        limits: with_older_limits(limits, service)?,
        reservations: with_older_reservation(reservations, service)?,
        ..ResourceRequirements::default()
    };
    Ok((resources, devices.unwrap_or_default()))
}

/// The limits, with those that files for single containers have instead.
fn with_older_limits(limits: Option<Limits>, service: &mut Section<'_>) -> Result<Option<Limits>> {
    let cpus = service.read("cpus", cpus)?;
    let memory = service.read("mem_limit", Node::bytes)?;
    let pids = service.read("pids_limit", Node::integer)?;
    if limits.is_none() && cpus.is_none() && memory.is_none() && pids.is_none() {
        return Ok(None);
    }
    let mut limits = limits.unwrap_or_default();
    unite(&mut limits.nano_cpus, "limits.cpus", cpus, "cpus")?;
    unite(&mut limits.memory_bytes, "limits.memory", memory, "mem_limit")?;
    unite(&mut limits.pids, "limits.pids", pids, "pids_limit")?;
    Ok(Some(limits))
}

/// The same for what is set aside.
fn with_older_reservation(
    reservations: Option<Reservations>,
    service: &mut Section<'_>,
) -> Result<Option<Reservations>> {
    let memory = service.read("mem_reservation", Node::bytes)?;
    if reservations.is_none() && memory.is_none() {
        return Ok(None);
    }
    let mut reservations = reservations.unwrap_or_default();
    let place = "reservations.memory";
    unite(&mut reservations.memory_bytes, place, memory, "mem_reservation")?;
    Ok(Some(reservations))
}

/// Puts an older option in the place of a value that is not said.
fn unite(value: &mut i64, place: &str, older: Option<i64>, older_name: &str) -> Result<()> {
    let said = (*value != 0).then_some(*value);
    let place = format!("deploy.resources.{place}");
    *value = one_of_two(said, &place, older, older_name)?.unwrap_or_default();
    Ok(())
}

fn cpus(node: &Node<'_>) -> Result<i64> {
    cpus::parse(&node.string()?).map_err(|why| node.invalid(why))
}

fn limits(node: &Node<'_>) -> Result<Limits> {
    let mut section = node.section()?;
    let limits = Limits {
        nano_cpus: section.get("cpus", cpus)?,
        memory_bytes: section.get("memory", Node::bytes)?,
        pids: section.get("pids", Node::integer)?,
    };
    section.finish()?;
    Ok(limits)
}

fn reservations(node: &Node<'_>) -> Result<(Reservations, Vec<DeviceRequest>)> {
    let mut section = node.section()?;
    let mut generic_resources = Vec::new();
    for node in section.get("generic_resources", Node::items)? {
        let mut resource = node.section()?;
        generic_resources.push(GenericResource {
            named_resource_spec: None,
            discrete_resource_spec: resource.read("discrete_resource_spec", discrete)?,
        });
        resource.finish()?;
    }
    let reservations = Reservations {
        nano_cpus: section.get("cpus", cpus)?,
        memory_bytes: section.get("memory", Node::bytes)?,
        generic_resources,
    };
    let devices = section.get("devices", |node| {
        node.items()?.iter().map(extension::request).collect::<Result<Vec<_>>>()
    })?;
    section.finish()?;
    Ok((reservations, devices))
}

fn discrete(node: &Node<'_>) -> Result<DiscreteResource> {
    let mut section = node.section()?;
    let resource = DiscreteResource {
        kind: section.get("kind", Node::string)?,
        value: section.get("value", Node::integer)?,
    };
    section.finish()?;
    Ok(resource)
}

/// What happens when a task ends. The section goes before the older option.
pub(super) fn restart_policy(
    service: &mut Section<'_>,
    deploy: &mut Section<'_>,
) -> Result<Option<RestartPolicy>> {
    let restart = service.take("restart");
    if let Some(policy) = deploy.read("restart_policy", policy)? {
        return Ok(Some(policy));
    }
    let Some(node) = restart else { return Ok(None) };
    let text = node.string()?;
    let (name, attempts) = text.split_once(':').map_or((&*text, None), |(n, a)| (n, Some(a)));
    let attempts = attempts.map(|count| {
        let invalid =
            |_| node.invalid("invalid restart policy: maximum retry count must be an integer");
        count.parse::<u64>().map_err(invalid)
    });
    let attempts = attempts.transpose()?;
    let condition = match name {
        // Docker takes this for nothing said, which restarts always.
        "no" => RestartCondition::None,
        "always" | "unless-stopped" => RestartCondition::Any,
        "on-failure" => RestartCondition::OnFailure,
        _ => {
            return Err(node.invalid(format!(
                "invalid restart policy: unknown policy '{name}' (must be one of 'no', 'always', 'on-failure', or 'unless-stopped')"
            )));
        }
    };
    if attempts.is_some() && condition != RestartCondition::OnFailure {
        return Err(node.invalid(
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ));
    }
    let max_attempts = attempts.filter(|count| *count > 0);
    Ok(Some(RestartPolicy { condition, max_attempts, ..RestartPolicy::default() }))
}

fn policy(node: &Node<'_>) -> Result<RestartPolicy> {
    let mut section = node.section()?;
    let policy = RestartPolicy {
        condition: section.get("condition", |node| {
            node.one_of(&[
                ("none", RestartCondition::None),
                ("on-failure", RestartCondition::OnFailure),
                ("any", RestartCondition::Any),
            ])
        })?,
        delay: section.read("delay", Node::duration)?,
        max_attempts: section.read("max_attempts", Node::integer)?,
        window: section.read("window", Node::duration)?,
    };
    section.finish()?;
    Ok(policy)
}

/// On which nodes tasks may run.
pub(super) fn placement(service: &mut Section<'_>, deploy: &mut Section<'_>) -> Result<Placement> {
    let mut section = deploy.section("placement")?;
    let preference = |node: &Node<'_>| {
        let mut section = node.section()?;
        let spread_descriptor = section.get("spread", Node::string)?;
        section.finish()?;
        Ok(PlacementPreference { spread: Some(SpreadOver { spread_descriptor }) })
    };
    let preferences = section.get("preferences", Node::items)?;
    let placement = Placement {
        constraints: section.get("constraints", Node::strings)?,
        preferences: preferences.iter().map(preference).collect::<Result<_>>()?,
        max_replicas: section.get("max_replicas_per_node", Node::integer)?,
        platforms: service.read("platform", platform)?.into_iter().collect(),
        ..Placement::default()
    };
    section.finish()?;
    Ok(placement)
}

/// `linux/amd64`.
fn platform(node: &Node<'_>) -> Result<Platform> {
    let text = node.string()?;
    match text.split('/').collect::<Vec<_>>()[..] {
        [os] => Ok(Platform { os: os.to_owned(), ..Platform::default() }),
        // Variants, as in arm64/v8, are not what nodes tell of themselves.
        [os, architecture] | [os, architecture, _] => {
            Ok(Platform { os: os.to_owned(), architecture: architecture.to_owned() })
        }
        _ => Err(node.invalid(format!("is not of the form os/architecture: {text:?}"))),
    }
}
