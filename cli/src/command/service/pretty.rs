//! A service, for people.

mod certificates;

use std::collections::BTreeMap;

use swarmlite_proto::api::Service;
use swarmlite_proto::api::UpdateState;
use swarmlite_proto::api::UpdateStatus;
use swarmlite_proto::container_option::ContainerOption;
use swarmlite_proto::placement_option::PlacementOption;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::HealthConfig;
use swarmlite_proto::spec::Mount;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::ReadinessConfig;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::value::http;

use crate::output::pretty::Page;
use crate::output::pretty::bytes;
use crate::value::duration;

/// What `service inspect --pretty` prints. `networks` has the names of networks by their ids.
pub(super) fn service(
    service: &Service,
    networks: &BTreeMap<String, String>,
    now: Timestamp,
) -> String {
    let spec = &service.spec;
    let task = &spec.task_template;
    let mut page = Page::default();
    page.entry("\nID:\t\t", &service.id);
    page.entry("Name:\t\t", &spec.name);
    page.section("Labels:", pairs(&spec.labels, "="));
    mode(spec.mode, &mut page);
    if let Some(status) = &service.update_status {
        update_status(status, now, &mut page);
    }
    page.line("Placement:");
    if let Some(it) = &task.placement {
        placement(it, &mut page);
    }
    for (title, order, config) in [
        ("UpdateConfig:", " Update order:      ", &spec.update_config),
        ("RollbackConfig:", " Rollback order:    ", &spec.rollback_config),
    ] {
        if let Some(config) = config {
            rollout(title, order, config, &mut page);
        }
    }
    if let Some(it) = &task.container_spec {
        container(it, &mut page);
    }
    extensions(spec, &mut page);
    if let Some(it) = &task.log_driver {
        log_driver(it, &mut page);
    }
    if let Some(it) = &task.resources {
        resources(it, &mut page);
    }
    let names = task.networks.iter().map(|it| networks.get(&it.target).unwrap_or(&it.target));
    let names: String = names.map(|name| format!("{name} ")).collect();
    page.entry_unless_empty("Networks: ", &names);
    let mode = match service.endpoint.spec.mode {
        EndpointMode::Vip => "vip",
        EndpointMode::DnsRr => "dnsrr",
    };
    page.entry("Endpoint Mode:\t", mode);
    // Also those that labels ask for. What no manager would have taken is not shown.
    let options = spec.endpoint_options().unwrap_or_default().entries();
    page.section(
        "Endpoint Options:",
        options.map(|(option, value)| format!(" {} = {value}", option.as_str())),
    );
    page.section("Ports:", service.endpoint.ports.iter().map(port));
    let rules = spec.http_rules().unwrap_or_default();
    page.section("HTTP Rules:", rules.iter().map(|rule| format!(" {}", http::show(rule))));
    let certificates = &service.endpoint.http_certificates;
    page.section("Certificates by ACME:", certificates.iter().map(certificates::line));
    if let Some(it) = task.container_spec.as_ref().and_then(|it| it.healthcheck.as_ref()) {
        healthcheck(it, &mut page);
    }
    if let Some(it) = task.container_spec.as_ref().and_then(|it| it.readiness.as_ref()) {
        readiness(it, &mut page);
    }
    page.line("");
    page.finish()
}

/// Lines of names and values; names alone when the value is empty.
fn pairs<'a>(
    pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
    separator: &str,
) -> impl Iterator<Item = String> {
    pairs.into_iter().map(move |(key, value)| {
        let separator = if value.is_empty() { "" } else { separator };
        format!(" {key}{separator}{value}")
    })
}

fn mode(mode: ServiceMode, page: &mut Page) {
    let (name, replicas) = match mode {
        ServiceMode::Replicated { replicas } => ("Replicated", Some(replicas)),
        ServiceMode::Global => ("Global", None),
        ServiceMode::ReplicatedJob(job) => ("Replicated Job", Some(job.total_completions)),
        ServiceMode::GlobalJob => ("Global Job", None),
    };
    page.entry("Service Mode:\t", name);
    if let Some(replicas) = replicas {
        page.entry(" Replicas:\t", replicas);
    }
}

fn update_status(status: &UpdateStatus, now: Timestamp, page: &mut Page) {
    let state = match status.state {
        UpdateState::Updating => "updating",
        UpdateState::Paused => "paused",
        UpdateState::Completed => "completed",
        UpdateState::RollbackStarted => "rollback_started",
        UpdateState::RollbackPaused => "rollback_paused",
        UpdateState::RollbackCompleted => "rollback_completed",
    };
    let ago = |at| format!("{} ago", duration::human(now.since(at)));
    page.line("UpdateStatus:");
    page.entry(" State:\t\t", state);
    if let Some(at) = status.started_at {
        page.entry(" Started:\t", ago(at));
    }
    if let Some(at) = status.completed_at {
        page.entry(" Completed:\t", ago(at));
    }
    page.entry(" Message:\t", &status.message);
}

fn placement(placement: &Placement, page: &mut Page) {
    if !placement.constraints.is_empty() {
        page.entry(" Constraints:\t", format_args!("[{}]", placement.constraints.join(" ")));
    }
    let spread = placement.preferences.iter().filter_map(|it| it.spread.as_ref());
    let spread: Vec<_> = spread.map(|it| format!("spread={}", it.spread_descriptor)).collect();
    if !spread.is_empty() {
        page.entry(" Preferences:   ", format_args!("[{}]", spread.join(" ")));
    }
    if placement.max_replicas > 0 {
        page.entry(" Max Replicas Per Node:   ", placement.max_replicas);
    }
}

fn rollout(title: &str, order_title: &str, config: &UpdateConfig, page: &mut Page) {
    let action = match config.failure_action {
        FailureAction::Pause => "pause",
        FailureAction::Continue => "continue",
        FailureAction::Rollback => "rollback",
    };
    let order = match config.order {
        UpdateOrder::StopFirst => "stop-first",
        UpdateOrder::StartFirst => "start-first",
    };
    page.line(title);
    page.entry(" Parallelism:\t", config.parallelism);
    if !config.delay.is_zero() {
        page.entry(" Delay:\t\t", duration::go(config.delay));
    }
    page.entry(" On failure:\t", action);
    if !config.monitor.is_zero() {
        page.entry(" Monitoring Period: ", duration::go(config.monitor));
    }
    page.entry(" Max failure ratio: ", config.max_failure_ratio);
    page.entry(order_title, order);
}

fn container(container: &ContainerSpec, page: &mut Page) {
    let words = |words: &[String]| words.iter().map(|word| format!("{word} ")).collect::<String>();
    page.line("ContainerSpec:");
    page.entry(" Image:\t\t", &container.image);
    page.entry_unless_empty(" Args:\t\t", &words(&container.args));
    page.entry_unless_empty(" Env:\t\t", &words(&container.env));
    page.entry_unless_empty(" Dir:\t\t", &container.dir);
    if let Some(init) = container.init {
        page.entry(" Init:\t\t", init);
    }
    page.entry_unless_empty(" User: ", &container.user);
    let capabilities =
        [(" Add: ", &container.capability_add), (" Drop: ", &container.capability_drop)];
    let given = capabilities.into_iter().filter(|(_, names)| !names.is_empty());
    page.section(
        "Capabilities:",
        given.map(|(title, names)| format!("{title}{}", names.join(", "))),
    );
    page.section("SysCtls:", pairs(&container.sysctls, ": "));
    let ulimits = container.ulimits.iter();
    page.section("Ulimits:", ulimits.map(|it| format!(" {}: {}:{}", it.name, it.soft, it.hard)));
    page.section("Mounts:", container.mounts.iter().map(mount));
    let configs = container.configs.iter().map(|it| file(it.file.as_ref(), &it.config_name));
    page.section("Configs:", configs);
    let secrets = container.secrets.iter().map(|it| file(it.file.as_ref(), &it.secret_name));
    page.section("Secrets:", secrets);
}

/// A config or secret, and the file that it becomes.
fn file(target: Option<&FileTarget>, source: &str) -> String {
    let target = target.map_or("", |target| &target.name);
    format!(" Target:\t{target}\n  Source:\t{source}")
}

/// What Docker does not have. Also what labels ask for; what no manager would have taken is not shown.
fn extensions(spec: &ServiceSpec, page: &mut Page) {
    let task = spec.task().unwrap_or_else(|_| spec.task_template.clone());
    let Some(container) = task.container_spec else { return };
    let lines = ContainerOption::ALL.into_iter().flat_map(|option| {
        let values = option.get(&container).unwrap_or_default();
        values.into_iter().map(move |value| format!(" {} = {value}", option.as_str()))
    });
    page.section("Container Options:", lines);
    let placement = task.placement.unwrap_or_default();
    let lines = PlacementOption::ALL.into_iter().flat_map(|option| {
        let values = option.get(&placement).unwrap_or_default();
        values.into_iter().map(move |value| format!(" {} = {value}", option.as_str()))
    });
    page.section("Placement Options:", lines);
}

fn mount(mount: &Mount) -> String {
    let kind = mount.kind.as_str();
    format!(
        " Target:\t{}\n  Source:\t{}\n  ReadOnly:\t{}\n  Type:\t\t{kind}",
        mount.target, mount.source, mount.read_only
    )
}

fn log_driver(driver: &Driver, page: &mut Page) {
    page.line("Log Driver:");
    page.entry_unless_empty(" Name:\t\t", &driver.name);
    page.section(" LogOpts:", pairs(&driver.options, ":       ").map(|line| format!(" {line}")));
}

fn resources(resources: &ResourceRequirements, page: &mut Page) {
    let line = |title: &str, value: String| format!("  {title}\t{value}");
    #[expect(clippy::cast_precision_loss, reason = "cores are few")]
    let cores = |nano_cpus: i64| {
        (nano_cpus != 0).then(|| line("CPU:\t", (nano_cpus as f64 / 1e9).to_string()))
    };
    let memory = |size: i64| (size != 0).then(|| line("Memory:", bytes(size)));
    page.line("Resources:");
    if let Some(it) = &resources.reservations {
        let counted =
            it.generic_resources.iter().filter_map(|it| it.discrete_resource_spec.as_ref());
        let counted = counted.map(|it| line(&format!("{}:", it.kind), it.value.to_string()));
        let basic = [cores(it.nano_cpus), memory(it.memory_bytes)];
        page.section(" Reservations:", basic.into_iter().flatten().chain(counted));
    }
    if let Some(it) = &resources.limits {
        let pids = (it.pids != 0).then(|| line("PIDs:\t", it.pids.to_string()));
        page.section(
            " Limits:",
            [cores(it.nano_cpus), memory(it.memory_bytes), pids].into_iter().flatten(),
        );
    }
}

fn port(port: &PortConfig) -> String {
    let mode = match port.publish_mode {
        PublishMode::Ingress => "ingress",
        PublishMode::Host => "host",
    };
    format!(
        " PublishedPort = {}\n  Protocol = {}\n  TargetPort = {}\n  PublishMode = {mode}",
        port.published_port,
        port.protocol.as_str(),
        port.target_port
    )
}

fn healthcheck(config: &HealthConfig, page: &mut Page) {
    page.line("Healthcheck:");
    page.entry("  Interval = ", duration::go(config.interval));
    page.entry("  Retries = ", config.retries);
    page.entry("  StartPeriod = ", duration::go(config.start_period));
    page.entry("  Timeout = ", duration::go(config.timeout));
    page.section("  Tests:", config.test.iter().map(|test| format!("   Test = {test}")));
}

fn readiness(config: &ReadinessConfig, page: &mut Page) {
    page.line("Readiness:");
    page.entry("  Interval = ", duration::go(config.interval()));
    page.entry("  Retries = ", config.retries());
    page.entry("  StartPeriod = ", duration::go(config.start_period));
    page.entry("  Timeout = ", duration::go(config.timeout()));
    page.section("  Tests:", config.test.iter().map(|test| format!("   Test = {test}")));
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::balance::Scheduler;
    use swarmlite_proto::spec::EndpointOptions;
    use swarmlite_proto::spec::EndpointSpec;

    use super::*;
    use crate::fixtures::services;

    #[test]
    fn endpoint_options_are_shown_whoever_asks_for_them() {
        let mut web = services().remove(0);
        web.spec.labels = [("swarmlite.endpoint.sticky".to_owned(), "90s".to_owned())].into();
        let options = EndpointOptions { scheduler: Some(Scheduler::Sh), sticky: None };
        let endpoint = EndpointSpec { options: Some(options), ..EndpointSpec::default() };
        web.spec.endpoint_spec = Some(endpoint);
        let page = service(&web, &BTreeMap::new(), Timestamp::EPOCH);
        let expected =
            "Endpoint Mode:\tvip\nEndpoint Options:\n scheduler = sh\n sticky = 1m30s\nPorts:\n";
        assert!(page.contains(expected), "{page}");
    }

    #[test]
    fn http_rules_are_shown_whoever_asks_for_them() {
        let mut web = services().remove(0);
        let label = ("swarmlite.http.api".to_owned(), "shop/api,port=81".to_owned());
        web.spec.labels = [label].into();
        let rules = Some(vec![http::parse("shop,port=80,sticky=1h").expect("a rule")]);
        web.spec.endpoint_spec = Some(EndpointSpec { http: rules, ..EndpointSpec::default() });
        let page = service(&web, &BTreeMap::new(), Timestamp::EPOCH);
        let expected = "HTTP Rules:\n shop/,port=80,sticky=1h\n shop/api,port=81\n";
        assert!(page.contains(expected), "{page}");
    }

    #[test]
    fn what_docker_does_not_have_is_shown_whoever_asks_for_it() {
        let mut web = services().remove(0);
        let apart = ("swarmlite.placement.anti-affinity", "service==db,soft:service==cache");
        web.spec.labels = [("swarmlite.container.pid", "host"), apart]
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .into();
        let container = web.spec.task_template.container_spec.as_mut().expect("a container");
        container.privileged = Some(true);
        let strategy = Some("binpack".to_owned());
        web.spec.task_template.placement = Some(Placement { strategy, ..Placement::default() });
        let container = web.spec.task_template.container_spec.as_mut().expect("a container");
        container.device_cgroup_rules = Some(vec!["c 1:3 r".to_owned(), "b 8:* m".to_owned()]);
        let page = service(&web, &BTreeMap::new(), Timestamp::EPOCH);
        let expected = "Container Options:\n device-cgroup-rule = c 1:3 r\n device-cgroup-rule = b 8:* m\n privileged = true\n pid = host\nPlacement Options:\n strategy = binpack\n anti-affinity = service==db\n anti-affinity = soft:service==cache\n";
        assert!(page.contains(expected), "{page}");
    }

    #[test]
    fn a_readiness_check_is_shown_with_its_defaults() {
        let mut web = services().remove(0);
        let test = ["HTTP", "8000/ready"].map(str::to_owned).to_vec();
        let check = ReadinessConfig { test, retries: 1, ..ReadinessConfig::default() };
        let container = web.spec.task_template.container_spec.as_mut().expect("a container");
        container.readiness = Some(check);
        let page = service(&web, &BTreeMap::new(), Timestamp::EPOCH);
        let expected = "Readiness:\n  Interval = 5s\n  Retries = 1\n  StartPeriod = 0s\n  Timeout = 5s\n  Tests:\n   Test = HTTP\n   Test = 8000/ready\n";
        assert!(page.contains(expected), "{page}");
    }

    #[test]
    fn configs_and_secrets_are_shown_with_their_files() {
        let mut web = services().remove(0);
        let container = web.spec.task_template.container_spec.as_mut().expect("a container");
        container.configs = vec![crate::value::document::config("site").expect("a config")];
        let secret = crate::value::document::secret("source=tls,target=key");
        container.secrets = vec![secret.expect("a secret")];
        let page = service(&web, &BTreeMap::new(), Timestamp::EPOCH);
        let expected =
            "Configs:\n Target:\tsite\n  Source:\tsite\nSecrets:\n Target:\tkey\n  Source:\ttls\n";
        assert!(page.contains(expected), "{page}");
    }

    #[test]
    fn the_page_is_dockers() {
        let mut web = services().remove(0);
        web.spec.update_config = Some(UpdateConfig { parallelism: 2, ..UpdateConfig::default() });
        let networks = BTreeMap::new();
        insta::assert_snapshot!(service(&web, &networks, Timestamp::EPOCH), @r"
        ID:		service000000000000000001
        Name:		web
        Service Mode:	Replicated
         Replicas:	2
        Placement:
        UpdateConfig:
         Parallelism:	2
         On failure:	pause
         Max failure ratio: 0
         Update order:      stop-first
        ContainerSpec:
         Image:		whoami:latest
        Endpoint Mode:	vip
        Ports:
         PublishedPort = 8000
          Protocol = tcp
          TargetPort = 8000
          PublishMode = ingress
        ");
    }
}
