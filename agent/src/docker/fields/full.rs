//! Specs in which every member of every type is set to something else than its default. None is left to `..Default`: who adds a member
//! has to set it here.

use serde_json::json;
use swarmlite_proto::spec::*;
use swarmlite_proto::time::Nanoseconds;

/// The specs. What excludes one another is in different ones.
pub(super) fn specs() -> [ServiceSpec; 4] {
    let job = ReplicatedJob { max_concurrent: 2, total_completions: 5 };
    let (privileges, modes) = (
        [seccomp(SeccompMode::Custom, "e30="), seccomp(SeccompMode::Unconfined, "")],
        [ServiceMode::Global, ServiceMode::ReplicatedJob(job), ServiceMode::GlobalJob],
    );
    let [custom, unconfined] = privileges;
    let [global, replicated_job, global_job] = modes.map(|mode| {
        let mut spec = service(custom.clone());
        (spec.mode, spec.update_config, spec.rollback_config) = (mode, None, None);
        if let Some(endpoint) = spec.endpoint_spec.as_mut().filter(|_| mode.is_job()) {
            endpoint.http = None;
        }
        if let Some(placement) = spec.task_template.placement.as_mut().filter(|_| mode.is_global())
        {
            placement.score = None;
        }
        spec
    });
    let mut legacy = global;
    let container = legacy.task_template.container_spec.as_mut();
    container.into_iter().for_each(|it| it.privileges = Some(privileges_with(unconfined.clone())));
    legacy.networks = std::mem::take(&mut legacy.task_template.networks);
    [service(custom), legacy, replicated_job, global_job]
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn labels(key: &str, value: &str) -> Labels {
    [(text(key), text(value))].into()
}

fn service(seccomp: SeccompOpts) -> ServiceSpec {
    ServiceSpec {
        name: text("web"),
        labels: labels("tier", "front"),
        task_template: task(seccomp),
        mode: ServiceMode::Replicated { replicas: 3 },
        update_config: Some(rollout(FailureAction::Rollback)),
        rollback_config: Some(rollout(FailureAction::Continue)),
        endpoint_spec: Some(endpoint()),
        networks: Vec::new(),
    }
}

fn rollout(failure_action: FailureAction) -> UpdateConfig {
    UpdateConfig {
        parallelism: 2,
        delay: Nanoseconds::from_secs(1),
        failure_action,
        monitor: Nanoseconds::from_secs(2),
        max_failure_ratio: 0.5,
        order: UpdateOrder::StartFirst,
    }
}

fn endpoint() -> EndpointSpec {
    EndpointSpec {
        mode: EndpointMode::Vip,
        ports: vec![PortConfig {
            name: text("http"),
            protocol: PortProtocol::Udp,
            target_port: 80,
            published_port: 8080,
            publish_mode: PublishMode::Host,
        }],
        options: serde_json::from_value(json!({ "scheduler": "sh", "sticky": "10m" })).ok(),
        http: Some(vec![
            HttpRoute {
                host: text("shop.example.com"),
                path: text("/cart"),
                methods: texts(&["GET"]),
                headers: labels("x-beta", "1"),
                target_port: 80,
                weight: Some(1),
                rewrite: Some(text("/")),
                sticky: "1h".parse().ok(),
                timeout: Some(Nanoseconds::from_secs(30)),
                max_body: Some(1024),
                rate: Some(HttpRate { requests: 1, per: Nanoseconds::from_secs(60), burst: 1 }),
                certificate: Some(CertificateReference {
                    secret_id: text("x"),
                    secret_name: text("tls"),
                }),
                client_ca: Some(CertificateReference {
                    secret_id: text("y"),
                    secret_name: text("staff"),
                }),
                acme: false,
                https_only: true,
                hsts: Some(Nanoseconds::from_secs(3600)),
            },
            HttpRoute {
                host: text("acme.example.com"),
                path: text("/"),
                target_port: 80,
                acme: true,
                ..HttpRoute::default()
            },
        ]),
    }
}

fn task(seccomp: SeccompOpts) -> TaskSpec {
    TaskSpec {
        container_spec: Some(container(seccomp)),
        resources: Some(resources()),
        restart_policy: Some(RestartPolicy {
            condition: RestartCondition::OnFailure,
            delay: Some(Nanoseconds::from_secs(1)),
            max_attempts: Some(3),
            window: Some(Nanoseconds::from_secs(60)),
        }),
        placement: Some(Placement {
            constraints: texts(&["node.role==worker"]),
            preferences: vec![PlacementPreference {
                spread: Some(SpreadOver { spread_descriptor: text("node.labels.rack") }),
            }],
            max_replicas: 2,
            platforms: vec![Platform { architecture: text("x86_64"), os: text("linux") }],
            strategy: Some(text("spread")),
            filter: Some(text("node.cpus > 2")),
            score: Some(text("node.free.cpus")),
            affinity: Some(texts(&["service==db"])),
            volumes: Some(text("stay")),
            rebalance: Some(text("auto")),
            anti_affinity: Some(texts(&["soft:service==cache over node.labels.zone"])),
        }),
        networks: vec![NetworkAttachmentConfig {
            target: text("back"),
            aliases: texts(&["www"]),
            driver_opts: labels("com.example.option", "1"),
        }],
        log_driver: Some(Driver { name: text("local"), options: labels("max-size", "1m") }),
        force_update: 1,
        runtime: text("container"),
    }
}

fn resources() -> ResourceRequirements {
    let counted = DiscreteResource { kind: text("GPU"), value: 2 };
    let named = NamedResource { kind: text("FPGA"), value: text("one") };
    ResourceRequirements {
        limits: Some(Limits { nano_cpus: 500_000_000, memory_bytes: 64 << 20, pids: 9 }),
        reservations: Some(Reservations {
            nano_cpus: 250_000_000,
            memory_bytes: 32 << 20,
            generic_resources: vec![
                GenericResource {
                    named_resource_spec: None,
                    discrete_resource_spec: Some(counted),
                },
                GenericResource { named_resource_spec: Some(named), discrete_resource_spec: None },
            ],
        }),
        swap_bytes: Some(1 << 20),
        memory_swappiness: Some(10),
    }
}

fn seccomp(mode: SeccompMode, profile: &str) -> SeccompOpts {
    SeccompOpts { mode, profile: text(profile) }
}

fn privileges_with(seccomp: SeccompOpts) -> Privileges {
    Privileges {
        selinux_context: Some(SeLinuxContext {
            disable: true,
            user: text("u"),
            role: text("r"),
            kind: text("t"),
            level: text("l"),
        }),
        seccomp: Some(seccomp),
        app_armor: Some(AppArmorOpts { mode: AppArmorMode::Disabled }),
        no_new_privileges: true,
    }
}

fn container(seccomp: SeccompOpts) -> ContainerSpec {
    ContainerSpec {
        image: text("web:1"),
        labels: labels("owner", "me"),
        command: texts(&["/run"]),
        args: texts(&["-v"]),
        hostname: text("{{.Service.Name}}-{{.Task.Slot}}"),
        env: texts(&["ON={{.Node.Hostname}}", "PLAIN"]),
        dir: text("/srv"),
        user: text("1000:1000"),
        groups: texts(&["wheel"]),
        privileges: Some(privileges_with(seccomp)),
        init: Some(true),
        stop_signal: text("SIGUSR1"),
        tty: true,
        open_stdin: true,
        read_only: true,
        mounts: mounts(),
        stop_grace_period: Some(Nanoseconds::from_secs(7)),
        healthcheck: Some(HealthConfig {
            test: texts(&["CMD", "true"]),
            interval: Nanoseconds::from_secs(1),
            timeout: Nanoseconds::from_secs(2),
            start_period: Nanoseconds::from_secs(3),
            start_interval: Nanoseconds::from_secs(4),
            retries: 5,
        }),
        readiness: Some(ReadinessConfig {
            test: texts(&["TCP", "80"]),
            interval: Nanoseconds::from_secs(1),
            timeout: Nanoseconds::from_secs(2),
            start_period: Nanoseconds::from_secs(3),
            retries: 5,
        }),
        hosts: texts(&["10.0.0.9 db db.local", "host-gateway node"]),
        dns_config: Some(DnsConfig {
            nameservers: texts(&["9.9.9.9"]),
            search: texts(&["example.org"]),
            options: texts(&["ndots:1"]),
        }),
        secrets: vec![SecretReference {
            file: Some(file("key")),
            secret_id: text("ssssssssssssssssssssssssa"),
            secret_name: text("tls"),
        }],
        configs: configs(),
        isolation: text("default"),
        sysctls: labels("net.core.somaxconn", "9"),
        capability_add: texts(&["CAP_NET_ADMIN"]),
        capability_drop: texts(&["CAP_CHOWN"]),
        ulimits: vec![Ulimit { name: text("nofile"), hard: 20, soft: 10 }],
        oom_score_adj: -500,
        devices: Some(vec![DeviceMapping {
            path_on_host: text("/dev/null"),
            path_in_container: text("/dev/xnull"),
            cgroup_permissions: text("rw"),
        }]),
        device_cgroup_rules: Some(texts(&["c 13:* rwm"])),
        device_requests: Some(requests()),
        privileged: Some(true),
        shm_size: Some(128 << 20),
        security_opt: Some(texts(&["label=nested"])),
        ipc_mode: Some(text("shareable")),
        pid_mode: Some(text("host")),
        cgroup_parent: Some(text("/batch")),
        cgroupns_mode: Some(text("host")),
        runtime: Some(text("runsc")),
    }
}

fn file(name: &str) -> FileTarget {
    FileTarget { name: text(name), uid: text("33"), gid: text("34"), mode: 0o400 }
}

fn configs() -> Vec<ConfigReference> {
    let config = ConfigReference {
        file: Some(file("/etc/app.conf")),
        runtime: None,
        config_id: text("cccccccccccccccccccccccca"),
        config_name: text("app"),
    };
    let runtime = Some(RuntimeTarget {});
    vec![config.clone(), ConfigReference { file: None, runtime, ..config }]
}

fn requests() -> Vec<DeviceRequest> {
    let request = DeviceRequest {
        driver: text("nvidia"),
        count: 2,
        device_ids: Vec::new(),
        capabilities: vec![texts(&["gpu"])],
        options: labels("mig", "1"),
    };
    let named = DeviceRequest { count: 0, device_ids: texts(&["GPU-3a"]), ..request.clone() };
    vec![request, named]
}

fn mounts() -> Vec<Mount> {
    let mount = |kind, source: &str, target: &str| Mount {
        kind,
        source: text(source),
        target: text(target),
        read_only: true,
        consistency: text("cached"),
        bind_options: None,
        volume_options: None,
        tmpfs_options: None,
        image_options: None,
    };
    let bind = MountBindOptions {
        propagation: text("rslave"),
        non_recursive: true,
        create_mountpoint: true,
        read_only_non_recursive: true,
        read_only_force_recursive: true,
    };
    let volume = MountVolumeOptions {
        no_copy: true,
        labels: labels("of", "{{.Service.Name}}"),
        subpath: text("part"),
        driver_config: Some(MountDriver {
            name: text("nfs"),
            options: labels("device", "{{.Node.Hostname}}"),
        }),
    };
    let tmpfs = MountTmpfsOptions {
        size_bytes: 64,
        mode: 0o700,
        options: vec![texts(&["noexec"]), texts(&["size", "1m"])],
    };
    let image = MountImageOptions { subpath: text("etc") };
    vec![
        Mount {
            bind_options: Some(bind),
            ..mount(MountType::Bind, "/srv/{{.Task.Slot}}", "/data/{{.Task.Slot}}")
        },
        Mount { volume_options: Some(volume), ..mount(MountType::Volume, "vol", "/vol") },
        Mount { tmpfs_options: Some(tmpfs), ..mount(MountType::Tmpfs, "", "/tmp") },
        Mount { image_options: Some(image), ..mount(MountType::Image, "tools:1", "/tools") },
    ]
}
