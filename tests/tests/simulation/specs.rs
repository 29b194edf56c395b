//! What services ask for, drawn.

use rand::RngExt;
use rand::rngs::StdRng;
use swarmlite_manager::state::State;
use swarmlite_proto::object::Network;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::ReadinessConfig;
use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::spec::Reservations;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::time::Nanoseconds;

/// Names are few, so that they clash. The order of updates follows from them: a service never changes it, and what holds for slots is plain.
const NAMES: [&str; 7] = ["web", "db", "cache", "api", "queue", "mail", "search"];

/// In which order the tasks of a service are replaced.
pub(crate) fn order_of(name: &str) -> UpdateOrder {
    if matches!(name, "web" | "api" | "mail") {
        UpdateOrder::StartFirst
    } else {
        UpdateOrder::StopFirst
    }
}

/// A new service.
pub(crate) fn draw(rng: &mut StdRng, state: &State) -> ServiceSpec {
    let name = NAMES[rng.random_range(0..NAMES.len())].to_owned();
    let mode = match rng.random_range(0..10) {
        0 => ServiceMode::Global,
        1 => ServiceMode::ReplicatedJob(ReplicatedJob {
            max_concurrent: rng.random_range(1..3),
            total_completions: rng.random_range(1..5),
        }),
        _ => ServiceMode::Replicated { replicas: rng.random_range(0..5) },
    };
    let spec = ServiceSpec { name, mode, ..ServiceSpec::default() };
    let spec = change(rng, state, &spec);
    with_image(spec, if rng.random_range(0..12) == 0 { "bad:1" } else { "web:1" })
}

fn with_image(mut spec: ServiceSpec, image: &str) -> ServiceSpec {
    spec.task_template.container_spec.get_or_insert_default().image = image.to_owned();
    spec
}

/// The same service with something else in its spec.
pub(crate) fn change(rng: &mut StdRng, state: &State, old: &ServiceSpec) -> ServiceSpec {
    let mut spec = old.clone();
    let container = spec.task_template.container_spec.get_or_insert_with(ContainerSpec::default);
    container.stop_grace_period = Some(Nanoseconds::from_secs(2));
    container.readiness = rng.random::<bool>().then(|| ReadinessConfig {
        test: vec!["TCP".to_owned(), "80".to_owned()],
        ..ReadinessConfig::default()
    });
    spec.task_template.force_update += 1;
    if rng.random() {
        let nano_cpus = rng.random_range(1..9) * 250_000_000;
        let reservations = Some(Reservations { nano_cpus, ..Reservations::default() });
        let resources = ResourceRequirements { reservations, ..ResourceRequirements::default() };
        spec.task_template.resources = Some(resources);
    }
    let placement = spec.task_template.placement.get_or_insert_with(Placement::default);
    placement.constraints = match rng.random_range(0..5) {
        0 => vec!["node.labels.disk!=hdd".to_owned()],
        1 => vec!["node.role==worker".to_owned()],
        _ => Vec::new(),
    };
    placement.rebalance = (rng.random_range(0..4) == 0).then(|| "auto".to_owned());
    placement.max_replicas = if rng.random_range(0..5) == 0 { 2 } else { 0 };
    if rng.random_range(0..3) == 0 && !spec.mode.is_job() {
        spec.endpoint_spec = Some(EndpointSpec { ports: ports(rng), ..EndpointSpec::default() });
    }
    spec.task_template.restart_policy = Some(RestartPolicy {
        condition: if spec.mode.is_job() {
            RestartCondition::OnFailure
        } else {
            RestartCondition::Any
        },
        delay: Some(Nanoseconds::from_secs(rng.random_range(0..4))),
        max_attempts: None,
        window: None,
    });
    if !spec.mode.is_job() {
        spec.update_config = Some(update_config(rng, &spec.name));
        spec.rollback_config = Some(update_config(rng, &spec.name));
    }
    spec.task_template.networks = networks(rng, state);
    let image = if rng.random_range(0..6) == 0 { "bad:2" } else { "web:2" };
    with_image(spec, image)
}

fn update_config(rng: &mut StdRng, name: &str) -> UpdateConfig {
    UpdateConfig {
        parallelism: rng.random_range(0..3),
        delay: Nanoseconds::from_secs(rng.random_range(0..3)),
        failure_action: match rng.random_range(0..3) {
            0 => FailureAction::Pause,
            1 => FailureAction::Continue,
            _ => FailureAction::Rollback,
        },
        monitor: Nanoseconds::from_secs(rng.random_range(1..6)),
        max_failure_ratio: 0.0,
        order: order_of(name),
    }
}

fn ports(rng: &mut StdRng) -> Vec<PortConfig> {
    let published = if rng.random() { 0 } else { rng.random_range(8000..8004) };
    let port = PortConfig { target_port: 80, published_port: published, ..PortConfig::default() };
    if rng.random() { vec![port] } else { Vec::new() }
}

fn networks(rng: &mut StdRng, state: &State) -> Vec<NetworkAttachmentConfig> {
    let all = state.networks().values().filter(|network| !network.spec.ingress);
    let chosen = all.filter(|_| rng.random()).map(|network| Network::clone(network));
    let attach = |network: Network| NetworkAttachmentConfig {
        target: network.id.to_string(),
        ..NetworkAttachmentConfig::default()
    };
    chosen.map(attach).collect()
}
