//! A service, for people.

use std::collections::BTreeMap;

use swarmlite_proto::api::Service;
use swarmlite_proto::api::UpdateState;
use swarmlite_proto::api::UpdateStatus;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::MountType;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;

use crate::output::pretty::Page;
use crate::output::pretty::bytes;
use crate::value::duration;

/// What `service inspect --pretty` prints. `networks` has the names of networks by their ids.
pub(super) fn service(service: &Service, networks: &BTreeMap<String, String>) -> String {
    let spec = &service.spec;
    let mut page = Page::default();
    page.entry("ID", service.id.as_str());
    page.entry("Name", &spec.name);
    page.labels("Labels", &spec.labels);
    mode(spec.mode, &mut page);
    if let Some(status) = &service.update_status {
        update_status(status, &mut page);
    }
    if let Some(it) = &spec.task_template.placement {
        placement(it, &mut page);
    }
    for (title, config) in
        [("UpdateConfig", &spec.update_config), ("RollbackConfig", &spec.rollback_config)]
    {
        if let Some(config) = config {
            rollout(title, config, &mut page);
        }
    }
    if let Some(it) = &spec.task_template.container_spec {
        container(it, &mut page);
    }
    if let Some(it) = &spec.task_template.resources {
        resources(it, &mut page);
    }
    page.top();
    let attached = spec.task_template.networks.iter();
    let names: Vec<_> =
        attached.map(|it| networks.get(&it.target).map_or(&*it.target, String::as_str)).collect();
    page.entry_unless_empty("Networks", &names.join(" "));
    endpoint(service, &mut page);
    page.finish()
}

fn mode(mode: ServiceMode, page: &mut Page) {
    let (name, replicas) = match mode {
        ServiceMode::Replicated { replicas } => ("Replicated", Some(replicas)),
        ServiceMode::Global => ("Global", None),
        ServiceMode::ReplicatedJob(job) => ("Replicated Job", Some(job.total_completions)),
        ServiceMode::GlobalJob => ("Global Job", None),
    };
    page.entry("Service Mode", name);
    if let Some(replicas) = replicas {
        page.entry(" Replicas", &replicas.to_string());
    }
}

fn update_status(status: &UpdateStatus, page: &mut Page) {
    page.section("UpdateStatus");
    page.entry(
        "State",
        match status.state {
            UpdateState::Updating => "updating",
            UpdateState::Paused => "paused",
            UpdateState::Completed => "completed",
            UpdateState::RollbackStarted => "rollback_started",
            UpdateState::RollbackPaused => "rollback_paused",
            UpdateState::RollbackCompleted => "rollback_completed",
        },
    );
    if let Some(at) = status.started_at {
        page.entry("Started", &at.to_string());
    }
    if let Some(at) = status.completed_at {
        page.entry("Completed", &at.to_string());
    }
    page.entry("Message", &status.message);
}

fn placement(placement: &Placement, page: &mut Page) {
    page.section("Placement");
    page.entry_unless_empty("Constraints", &placement.constraints.join(", "));
    let spread = placement.preferences.iter().filter_map(|it| it.spread.as_ref());
    let spread: Vec<_> = spread.map(|it| format!("spread={}", it.spread_descriptor)).collect();
    page.entry_unless_empty("Preferences", &spread.join(", "));
    if placement.max_replicas > 0 {
        page.entry("Max Replicas Per Node", &placement.max_replicas.to_string());
    }
}

fn rollout(title: &str, config: &UpdateConfig, page: &mut Page) {
    page.section(title);
    page.entry("Parallelism", &config.parallelism.to_string());
    if !config.delay.is_zero() {
        page.entry("Delay", &duration::go(config.delay));
    }
    page.entry(
        "On failure",
        match config.failure_action {
            FailureAction::Pause => "pause",
            FailureAction::Continue => "continue",
            FailureAction::Rollback => "rollback",
        },
    );
    if !config.monitor.is_zero() {
        page.entry("Monitoring Period", &duration::go(config.monitor));
    }
    page.entry("Max failure ratio", &config.max_failure_ratio.to_string());
    page.entry(
        "Order",
        match config.order {
            UpdateOrder::StopFirst => "stop-first",
            UpdateOrder::StartFirst => "start-first",
        },
    );
}

fn container(container: &ContainerSpec, page: &mut Page) {
    page.section("ContainerSpec");
    page.entry("Image", &container.image);
    page.entry_unless_empty("Command", &container.command.join(" "));
    page.entry_unless_empty("Args", &container.args.join(" "));
    page.entry_unless_empty("Env", &container.env.join(" "));
    page.entry_unless_empty("Dir", &container.dir);
    page.entry_unless_empty("User", &container.user);
    if let Some(init) = container.init {
        page.entry("Init", &init.to_string());
    }
    page.entry_unless_empty("Capabilities added", &container.capability_add.join(", "));
    page.entry_unless_empty("Capabilities dropped", &container.capability_drop.join(", "));
    page.labels("Sysctls", &container.sysctls);
    if !container.mounts.is_empty() {
        page.section("Mounts");
        for mount in &container.mounts {
            page.entry("Target", &mount.target);
            page.entry_unless_empty(" Source", &mount.source);
            page.entry(" ReadOnly", &mount.read_only.to_string());
            page.entry(
                " Type",
                match mount.kind {
                    MountType::Bind => "bind",
                    MountType::Volume => "volume",
                    MountType::Tmpfs => "tmpfs",
                },
            );
        }
    }
}

fn resources(resources: &ResourceRequirements, page: &mut Page) {
    let cores =
        |nanos: i64| format!("{}.{:03}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1_000_000);
    let limits = resources.limits.map(|it| ("Limits", it.nano_cpus, it.memory_bytes));
    let reservations =
        resources.reservations.as_ref().map(|it| ("Reservations", it.nano_cpus, it.memory_bytes));
    for (title, nano_cpus, memory) in [reservations, limits].into_iter().flatten() {
        if nano_cpus == 0 && memory == 0 {
            continue;
        }
        page.section(title);
        if nano_cpus > 0 {
            page.entry("CPU", &cores(nano_cpus));
        }
        if memory > 0 {
            page.entry("Memory", &bytes(memory));
        }
    }
    page.top();
}

fn endpoint(service: &Service, page: &mut Page) {
    page.entry(
        "Endpoint Mode",
        match service.endpoint.spec.mode {
            EndpointMode::Vip => "vip",
            EndpointMode::DnsRr => "dnsrr",
        },
    );
    if !service.endpoint.ports.is_empty() {
        page.section("Ports");
        for port in &service.endpoint.ports {
            page.entry("PublishedPort", &port.published_port.to_string());
            page.entry(" Protocol", port.protocol.as_str());
            page.entry(" TargetPort", &port.target_port.to_string());
            page.entry(
                " PublishMode",
                match port.publish_mode {
                    PublishMode::Ingress => "ingress",
                    PublishMode::Host => "host",
                },
            );
        }
    }
}
