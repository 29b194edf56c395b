//! How services and what they refer to are converted.

use super::*;

/// A stack with about everything that docker converts. What comes out was compared, member by member, with what docker 28.2.2 sends: it
/// is the same, but for the tag `latest` and the ids of secrets and configs, which are for the deployment to find.
const STACK: &str = include_str!("stack.yml");

#[test]
fn a_whole_stack() {
    let case = Case::new(&[STACK])
        .file("/project/key.pem", "key")
        .file("/project/app.conf", "conf")
        .file("/project/web.env", "FROM_FILE=yes\n");
    let (stack, notes) = case.stack().expect("a stack");
    assert_eq!(notes, Notes::default());
    let all = json!({
        "services": stack.services, "networks": stack.networks, "secrets": stack.secrets, "configs": stack.configs,
    });
    let text = serde_json::to_string_pretty(&all);
    insta::assert_snapshot!(text.expect("JSON"));
}

#[test]
fn secrets_and_configs_come_from_files_variables_and_texts() {
    let case = Case::new(&["
        services:
          web:
            image: i
            secrets: [key, {source: token, target: /run/t, uid: '5', mode: 0440}]
            configs: [{source: own, mode: '0400'}, theirs]
        secrets: {key: {file: ./key.pem, labels: [a=b]}, token: {environment: TOKEN, name: tok}, unused: {driver: vault, driver_opts: {o: 1}}}
        configs: {own: {content: 'x: $TOKEN', template_driver: golang}, theirs: {external: true, name: real}}
        "])
    .file("/project/key.pem", "key")
    .variable("TOKEN", "t0");
    let (stack, _) = case.stack().expect("a stack");
    let label = json!({"com.docker.stack.namespace": "app"});
    assert_eq!(
        json!(stack.secrets),
        json!([
            {"Name": "app_key", "Labels": {"a": "b", "com.docker.stack.namespace": "app"}, "Data": "a2V5"},
            {"Name": "app_unused", "Labels": label, "Driver": {"Name": "vault", "Options": {"o": "1"}}},
            {"Name": "tok", "Labels": label, "Data": "dDA="},
        ])
    );
    assert_eq!(
        json!(stack.configs),
        json!([{"Name": "app_own", "Labels": label, "Data": "eDogdDA=", "Templating": {"Name": "golang"}}])
    );
    let container = json!(stack.services[0].task_template.container_spec);
    let file = |name: &str, uid: &str, mode: u32| json!({"Name": name, "UID": uid, "GID": "0", "Mode": mode});
    assert_eq!(
        container["Secrets"],
        json!([
            {"SecretName": "app_key", "SecretID": "", "File": file("key", "0", 0o444)},
            {"SecretName": "tok", "SecretID": "", "File": file("/run/t", "5", 0o440)},
        ])
    );
    assert_eq!(
        container["Configs"],
        json!([
            {"ConfigName": "app_own", "ConfigID": "", "File": file("own", "0", 0o400)},
            {"ConfigName": "real", "ConfigID": "", "File": file("theirs", "0", 0o444)},
        ])
    );
}

#[test]
fn what_a_service_refers_to_has_to_be_defined() {
    for (rest, message) in [
        ("networks: [x]", "service web: undefined network \"x\""),
        ("secrets: [x]", "service web: undefined secret \"x\""),
        ("configs: [x]", "service web: undefined config \"x\""),
        ("volumes: ['x:/y']", "service web: undefined volume \"x\""),
    ] {
        assert_eq!(web(rest).refusal(), message);
    }
    let missing = Case::new(&["{secrets: {s: {file: x}}}"]).refusal();
    assert!(missing.starts_with("secrets.s.file: cannot read /project/x: "), "{missing}");
    for (text, message) in [
        (
            "secrets: {s: {environment: NONE}}",
            "secrets.s.environment names the variable \"NONE\", which is not set",
        ),
        ("configs: {c: {}}", "configs.c must have one of file, environment, content and driver"),
        (
            "configs: {c: {driver: d, content: x}}",
            "configs.c Additional property driver is not allowed",
        ),
        (
            "volumes: {v: {external: true, driver: d}}",
            "conflicting parameters \"external\" and \"driver\" specified for volume \"v\"",
        ),
    ] {
        assert_eq!(Case::new(&[text]).refusal(), message);
    }
}

#[test]
fn networks_are_made_only_if_a_service_is_on_them() {
    let case = Case::new(&["
        services:
          a: {image: i, networks: {front: {aliases: [x]}, theirs: }}
          b: {image: i, networks: [host]}
        networks:
          front: {driver_opts: {mtu: 1400}, ipam: {config: [{subnet: 10.1.0.0/24}]}, attachable: true, name: named}
          unused: {}
          theirs: {external: true}
          host: {external: true, name: host}
        "]);
    let (stack, _) = case.stack().expect("a stack");
    assert_eq!(stack.external_networks, ["host", "theirs"]);
    assert_eq!(stack.networks.len(), 1);
    assert_eq!(
        (&*stack.networks[0].name, &*stack.networks[0].driver, stack.networks[0].attachable),
        ("named", "overlay", true)
    );
    assert_eq!(
        json!(stack.services[0].task_template.networks),
        json!([{"Target": "named", "Aliases": ["x", "a"]}, {"Target": "theirs", "Aliases": ["a"]}])
    );
    assert_eq!(json!(stack.services[1].task_template.networks), json!([{"Target": "host"}]));
}

#[test]
fn modes_have_as_many_tasks_as_they_can() {
    for (deploy, mode) in [
        ("{}", json!({"Replicated": {"Replicas": 1}})),
        ("{replicas: 0}", json!({"Replicated": {"Replicas": 0}})),
        ("{mode: global}", json!({"Global": {}})),
        ("{mode: global-job}", json!({"GlobalJob": {}})),
        (
            "{mode: replicated-job, replicas: 3}",
            json!({"ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}}),
        ),
    ] {
        assert_eq!(web(&format!("deploy: {deploy}")).service()["Mode"], mode, "{deploy}");
    }
    assert_eq!(web("scale: 4").service()["Mode"]["Replicated"]["Replicas"], 4);
    assert_eq!(
        web("deploy: {mode: global, replicas: 1}").refusal(),
        "service web: replicas can only be used with replicated or replicated-job mode"
    );
    assert_eq!(
        web("scale: 4, deploy: {replicas: 3}").refusal(),
        "service web: deploy.replicas and scale say different things; only use deploy.replicas"
    );
}

#[test]
fn restarts_are_said_in_two_ways() {
    for (rest, policy) in [
        ("restart: always", json!({"Condition": "any"})),
        ("restart: unless-stopped", json!({"Condition": "any"})),
        ("restart: on-failure:3", json!({"Condition": "on-failure", "MaxAttempts": 3})),
        ("restart: 'no'", json!({"Condition": "none"})),
        ("user: u", json!(null)),
        (
            "restart: always, deploy: {restart_policy: {condition: on-failure, delay: 1s, window: 2m}}",
            json!({"Condition": "on-failure", "Delay": 1_000_000_000, "Window": 120_000_000_000_i64}),
        ),
    ] {
        assert_eq!(web(rest).service()["TaskTemplate"]["RestartPolicy"], policy, "{rest}");
    }
    for rest in ["restart: maybe", "restart: always:3", "restart: 'on-failure:x'"] {
        let refusal = web(rest).refusal();
        assert!(refusal.starts_with("services.web.restart invalid restart policy"), "{refusal}");
    }
}

#[test]
fn older_limits_are_limits() {
    let case = web(
        "cpus: 0.5, mem_limit: 64m, mem_reservation: 32m, pids_limit: 10, deploy: {resources: {limits: {memory: 64M}}}",
    );
    assert_eq!(
        case.service()["TaskTemplate"]["Resources"],
        json!({
            "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 64 << 20, "Pids": 10},
            "Reservations": {"MemoryBytes": 32 << 20},
        })
    );
    assert_eq!(
        web("cpus: 2, deploy: {resources: {limits: {cpus: '1'}}}").refusal(),
        "service web: deploy.resources.limits.cpus and cpus say different things; only use deploy.resources.limits.cpus"
    );
}

#[test]
fn adding_a_capability_goes_before_dropping_it() {
    for (rest, added, dropped) in [
        (
            "cap_add: [net_admin, CAP_SYS_TIME]",
            json!(["CAP_NET_ADMIN", "CAP_SYS_TIME"]),
            json!(null),
        ),
        ("cap_add: [ALL, chown], cap_drop: [kill]", json!(["ALL"]), json!(["CAP_KILL"])),
        ("cap_add: [kill], cap_drop: [KILL, all]", json!(["CAP_KILL"]), json!(["ALL"])),
        ("cap_add: [kill], cap_drop: [KILL]", json!(["CAP_KILL"]), json!(null)),
    ] {
        let service = web(rest).service();
        let container = &service["TaskTemplate"]["ContainerSpec"];
        assert_eq!(container["CapabilityAdd"], added, "{rest}");
        assert_eq!(container["CapabilityDrop"], dropped, "{rest}");
    }
}

#[test]
fn mounts_have_the_options_of_their_type() {
    for (volume, mount) in [
        ("'/a'", json!({"Type": "volume", "Target": "/a"})),
        ("'/h:/a:ro'", json!({"Type": "bind", "Source": "/h", "Target": "/a", "ReadOnly": true})),
        (
            "'theirs:/a'",
            json!({"Type": "volume", "Source": "theirs", "Target": "/a", "VolumeOptions": {}}),
        ),
        (
            "{type: tmpfs, target: /a, tmpfs: {size: 1m, mode: 0700}}",
            json!({"Type": "tmpfs", "Target": "/a", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o700}}),
        ),
        (
            "{type: bind, source: ./x, target: /a, bind: {propagation: rslave, create_host_path: true}}",
            json!({"Type": "bind", "Source": "/project/x", "Target": "/a", "BindOptions": {"Propagation": "rslave", "CreateMountpoint": true}}),
        ),
    ] {
        let text = format!(
            "services: {{web: {{image: i, volumes: [{volume}]}}}}\nvolumes: {{theirs: {{external: true}}}}"
        );
        let service = Case::new(&[&text]).service();
        assert_eq!(service["TaskTemplate"]["ContainerSpec"]["Mounts"], json!([mount]), "{volume}");
    }
    assert_eq!(
        web("tmpfs: ['/run', '/tmp:size=64k,mode=1777']").service()["TaskTemplate"]["ContainerSpec"]
            ["Mounts"],
        json!([
            {"Type": "tmpfs", "Target": "/run"},
            {"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": 65536, "Mode": 0o1777}},
        ])
    );
    for (volume, message) in [
        (
            "{type: bind, target: /a}",
            "services.web.volumes.0 invalid bind source, source cannot be empty",
        ),
        (
            "{type: tmpfs, source: x, target: /a}",
            "services.web.volumes.0 invalid tmpfs source, source must be empty",
        ),
        (
            "{type: volume, target: /a, tmpfs: {size: 1}}",
            "services.web.volumes.0 Additional property tmpfs is not allowed",
        ),
        (
            "{type: npipe, source: x, target: /a}",
            "services.web.volumes.0.type must be one of volume, bind, tmpfs, image, not \"npipe\"",
        ),
    ] {
        assert_eq!(web(&format!("volumes: [{volume}]")).refusal(), message);
    }
}

#[test]
fn ports_have_a_long_form() {
    let case = web(
        "ports: [{target: 80, published: '8080', mode: host, name: http, app_protocol: http}, {target: 53, protocol: udp, host_ip: 127.0.0.1}]",
    );
    assert_eq!(
        case.service()["EndpointSpec"]["Ports"],
        json!([
            {"Protocol": "udp", "TargetPort": 53, "PublishMode": "ingress"},
            {"Name": "http", "Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"},
        ])
    );
    assert_eq!(
        case.notes(),
        [
            "ignoring IP-address 127.0.0.1 (53): the service will listen on all addresses of all nodes",
            "Ignoring unsupported options: ports.app_protocol\n",
        ]
    );
    for (port, message) in [
        ("{published: 80}", "services.web.ports.0 must have a target"),
        (
            "{target: 80, published: 80-90}",
            "services.web.ports.0.published is a range, of which no port can be chosen: 80-90",
        ),
        ("{target: 80, published: 70000}", "services.web.ports.0.published must be an integer"),
    ] {
        assert_eq!(web(&format!("ports: [{port}]")).refusal(), message);
    }
}

#[test]
fn what_has_no_effect_is_named() {
    let case = web(
        "build: ., depends_on: [db], container_name: c, expose: [80], networks: {default: {ipv4_address: 10.0.0.9}}, pull_policy: always, x-mine: 1",
    );
    assert_eq!(
        case.notes(),
        [
            "Ignoring unsupported options: build, depends_on, networks.ipv4_address, pull_policy\n",
            "Ignoring deprecated options:\n\ncontainer_name: Setting the container name is not supported.\n\n\
             expose: Exposing ports is unnecessary - services on the same network can access each other's containers on any port.\n",
        ]
    );
}

#[test]
fn what_nobody_knows_is_refused_by_name() {
    for (rest, message) in [
        ("imgae: x", "services.web Additional property imgae is not allowed"),
        ("deploy: {replica: 1}", "services.web.deploy Additional property replica is not allowed"),
        (
            "healthcheck: {tset: x}",
            "services.web.healthcheck Additional property tset is not allowed",
        ),
        ("uts: host", "services.web Additional property uts is not allowed"),
        ("deploy: {replicas: x}", "services.web.deploy.replicas must be an integer"),
        ("tty: 3", "services.web.tty must be a boolean"),
        ("image: [x]", "0.yml: "),
        ("stop_grace_period: 5", "services.web.stop_grace_period must be a duration"),
        (
            "deploy: {mode: x}",
            "services.web.deploy.mode must be one of replicated, global, replicated-job, global-job, not \"x\"",
        ),
        (
            "cpuset: '0'",
            "Compose file contains unsupported options:\n\ncpuset: Set resource limits using deploy.resources\n",
        ),
    ] {
        let refusal = web(rest).refusal();
        assert!(refusal.contains(message), "{refusal}");
    }
    let models = Case::new(&["{services: {}, models: {}}"]).refusal();
    assert_eq!(models, "(root) Additional property models is not allowed");
    let image = Case::new(&["services: {web: {build: .}}"]).stack().expect("a stack").0;
    assert_eq!(
        image.require_images().expect_err("refused").to_string(),
        "invalid image reference for service app_web: no image specified"
    );
}

#[test]
fn a_container_gets_of_its_node_what_a_single_one_would() {
    let case = web(
        "privileged: true, shm_size: 64m, ipc: host, pid: host, cgroup_parent: /x, cgroup: host, runtime: runsc, \
                    security_opt: ['apparmor=unconfined'], device_cgroup_rules: ['c 13:* rwm'], \
                    devices: ['/dev/a:/dev/b:r', {source: /dev/c, target: /dev/d, permissions: rw}], gpus: all, \
                    deploy: {resources: {reservations: {devices: [{capabilities: [tpu], count: 2, driver: cdi}]}}}",
    );
    let service = case.service();
    let container = &service["TaskTemplate"]["ContainerSpec"];
    for (member, value) in [
        ("Privileged", json!(true)),
        ("ShmSize", json!(64 << 20)),
        ("IpcMode", json!("host")),
        ("PidMode", json!("host")),
        ("CgroupParent", json!("/x")),
        ("CgroupnsMode", json!("host")),
        ("Runtime", json!("runsc")),
        ("SecurityOpt", json!(["apparmor=unconfined"])),
        ("DeviceCgroupRules", json!(["c 13:* rwm"])),
    ] {
        assert_eq!(container[member], value, "{member}");
    }
    assert_eq!(container["Devices"][0]["PathInContainer"], "/dev/b");
    assert_eq!(container["Devices"][1]["CgroupPermissions"], "rw");
    assert_eq!(container["DeviceRequests"][0]["Count"], -1);
    assert_eq!(
        container["DeviceRequests"][1],
        json!({"Driver": "cdi", "Count": 2, "Capabilities": [["tpu"]]})
    );
    assert_eq!(case.notes(), Vec::<String>::new());
}
