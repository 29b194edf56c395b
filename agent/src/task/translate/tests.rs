use serde_json::Value;
use serde_json::json;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::TaskSpec;

use super::*;
use crate::task::samples::network;
use crate::task::samples::platform;
use crate::task::samples::task;

/// A task of the service `web` whose spec is this JSON, in the form of the Docker API.
fn task_of(spec: Value) -> TaskAssignment {
    let spec: TaskSpec = serde_json::from_value(spec).expect("a task spec");
    let mut task = task('a');
    task.spec = spec.into();
    task
}

fn plan_of(task: &TaskAssignment, networks: &[NetworkAssignment]) -> ContainerPlan {
    let ids: Vec<String> =
        networks.iter().map(|network| format!("engine-{}", network.name)).collect();
    let on: Vec<TaskNetwork<'_>> = networks
        .iter()
        .zip(&ids)
        .map(|(network, engine_id)| TaskNetwork {
            network,
            engine_id,
            addr: format!("{}/24", network.subnet.hosts().nth(6).expect("a host"))
                .parse()
                .expect("an address"),
        })
        .collect();
    container_plan(task, &on, "host-1", &platform()).expect("everything is supported")
}

fn body_of(task: &TaskAssignment, networks: &[NetworkAssignment]) -> Value {
    serde_json::to_value(plan_of(task, networks).body).expect("serializes")
}

/// The member of `value` at `path`, as `HostConfig.Mounts`.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

#[test]
fn every_field_reaches_the_engine() {
    let table = [
        (json!({"Image": "web:2"}), "Image", json!("web:2")),
        (json!({"Command": ["/run"], "Args": ["-v"]}), "Entrypoint", json!(["/run"])),
        (json!({"Command": ["/run"], "Args": ["-v"]}), "Cmd", json!(["-v"])),
        (json!({"Args": ["-v"]}), "Entrypoint", Value::Null),
        (json!({"Hostname": "{{.Service.Name}}-{{.Task.Slot}}"}), "Hostname", json!("web-1")),
        (json!({"Env": ["A={{.Node.Hostname}}", "B"]}), "Env", json!(["A=host-1", "B"])),
        (json!({"Dir": "/srv"}), "WorkingDir", json!("/srv")),
        (json!({"User": "1000:1000"}), "User", json!("1000:1000")),
        (json!({"Groups": ["wheel"]}), "HostConfig.GroupAdd", json!(["wheel"])),
        (json!({"Init": true}), "HostConfig.Init", json!(true)),
        (json!({"StopSignal": "SIGUSR1"}), "StopSignal", json!("SIGUSR1")),
        (json!({}), "StopTimeout", json!(10)),
        (json!({"StopGracePeriod": 1_500_000_000}), "StopTimeout", json!(2)),
        (json!({"StopGracePeriod": 0}), "StopTimeout", json!(0)),
        (json!({"TTY": true}), "Tty", json!(true)),
        (json!({"OpenStdin": true}), "OpenStdin", json!(true)),
        (json!({"ReadOnly": true}), "HostConfig.ReadonlyRootfs", json!(true)),
        (
            json!({"Hosts": ["10.0.0.9 db db.local"]}),
            "HostConfig.ExtraHosts",
            json!(["db:10.0.0.9", "db.local:10.0.0.9"]),
        ),
        (
            json!({"Sysctls": {"net.core.somaxconn": "9"}}),
            "HostConfig.Sysctls",
            json!({"net.core.somaxconn": "9"}),
        ),
        (json!({"CapabilityAdd": ["CAP_X"]}), "HostConfig.CapAdd", json!(["CAP_X"])),
        (json!({"CapabilityDrop": ["ALL"]}), "HostConfig.CapDrop", json!(["ALL"])),
        (
            json!({"Ulimits": [{"Name": "nofile", "Hard": 20, "Soft": 10}]}),
            "HostConfig.Ulimits",
            json!([{"Name": "nofile", "Hard": 20, "Soft": 10}]),
        ),
        (json!({"OomScoreAdj": -500}), "HostConfig.OomScoreAdj", json!(-500)),
        (
            json!({"Healthcheck": {"Test": ["CMD", "true"], "Interval": 5, "Retries": 2}}),
            "Healthcheck",
            json!({"Test": ["CMD", "true"], "Interval": 5, "Retries": 2}),
        ),
        (
            json!({"DNSConfig": {"Nameservers": ["9.9.9.9"], "Search": ["x"], "Options": ["y"]}}),
            "HostConfig.Dns",
            json!(["9.9.9.9"]),
        ),
        (json!({"DNSConfig": {"Search": ["x"]}}), "HostConfig.DnsSearch", json!(["x"])),
        (json!({"DNSConfig": {"Options": ["y"]}}), "HostConfig.DnsOptions", json!(["y"])),
    ];
    for (container, path, expected) in table {
        let body = body_of(&task_of(json!({ "ContainerSpec": container })), &[]);
        assert_eq!(at(&body, path), &expected, "{container}");
    }
}

#[test]
fn resources_and_log_driver_reach_the_engine() {
    let body = body_of(
        &task_of(json!({
            "ContainerSpec": { "Image": "web" },
            "Resources": {
                "Limits": { "NanoCPUs": 500, "MemoryBytes": 1000, "Pids": 9 },
                "Reservations": { "MemoryBytes": 800 },
            },
            "LogDriver": { "Name": "syslog", "Options": { "tag": "web" } },
        })),
        &[],
    );
    let host = &body["HostConfig"];
    assert_eq!(host["NanoCpus"], 500);
    assert_eq!(host["Memory"], 1000);
    assert_eq!(host["PidsLimit"], 9);
    assert_eq!(host["MemoryReservation"], 800);
    assert_eq!(host["LogConfig"], json!({ "Type": "syslog", "Config": { "tag": "web" } }));
}

#[test]
fn the_cluster_says_where_output_goes_if_the_service_does_not() {
    let driver = |name: &str| swarmlite_proto::spec::Driver {
        name: name.to_owned(),
        options: Default::default(),
    };
    let mut task = task_of(json!({ "ContainerSpec": {} }));
    task.log_driver = Some(driver("journald"));
    let name =
        |task: &TaskAssignment| body_of(task, &[])["HostConfig"]["LogConfig"]["Type"].clone();
    assert_eq!(name(&task), "journald");
    let own = task_of(json!({ "ContainerSpec": {}, "LogDriver": { "Name": "syslog" } }));
    task.spec = own.spec;
    assert_eq!(name(&task), "syslog");
}

#[test]
fn what_a_task_was_given_is_in_its_environment() {
    let mut task = task_of(json!({ "ContainerSpec": { "Env": ["DOCKER_RESOURCE_GPU=forged"] } }));
    let given = ["GPU=a", "GPU=b", "SSD=2"];
    task.generic_resources = generic_resource::of_node(&given).expect("resources");
    let env = body_of(&task, &[])["Env"].clone();
    assert_eq!(
        env,
        json!(["DOCKER_RESOURCE_GPU=forged", "DOCKER_RESOURCE_GPU=a,b", "DOCKER_RESOURCE_SSD=2"]),
        "the last one counts"
    );
}

#[test]
fn mounts_reach_the_engine_with_their_options() {
    let mounts = json!([
        {
            "Type": "bind", "Source": "/srv/{{.Task.Slot}}", "Target": "/data", "ReadOnly": true,
            "BindOptions": { "Propagation": "rslave" },
        },
        {
            "Type": "volume", "Source": "vol-{{.Service.Name}}", "Target": "/vol",
            "VolumeOptions": {
                "NoCopy": true, "Labels": { "a": "b" },
                "DriverConfig": { "Name": "local", "Options": { "device": "{{.Node.Hostname}}" } },
            },
        },
        { "Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": { "SizeBytes": 64, "Mode": 448 } },
    ]);
    let body = body_of(&task_of(json!({ "ContainerSpec": { "Mounts": mounts } })), &[]);
    let mounts = &body["HostConfig"]["Mounts"];
    assert_eq!(mounts[0]["Type"], "bind");
    assert_eq!(mounts[0]["Source"], "/srv/1");
    assert_eq!(mounts[0]["ReadOnly"], true);
    assert_eq!(mounts[0]["BindOptions"]["Propagation"], "rslave");
    assert_eq!(mounts[1]["Source"], "vol-web");
    assert_eq!(mounts[1]["VolumeOptions"]["NoCopy"], true);
    assert_eq!(mounts[1]["VolumeOptions"]["DriverConfig"]["Options"]["device"], "host-1");
    assert_eq!(mounts[2]["TmpfsOptions"], json!({ "SizeBytes": 64, "Mode": 448 }));
}

#[test]
fn a_container_says_whose_it_is_whatever_the_user_says() {
    let spec = json!({ "Labels": { "mine": "yes", "com.docker.swarm.task.id": "forged" } });
    let task = task_of(json!({ "ContainerSpec": spec }));
    let plan = plan_of(&task, &[]);
    assert_eq!(plan.name, format!("web.1.{}", task.id));
    let labels = plan.body.labels.expect("labels");
    assert_eq!(labels["mine"], "yes");
    assert_eq!(labels["com.docker.swarm.task"], "");
    assert_eq!(labels["com.docker.swarm.task.name"], plan.name);
    assert_eq!(labels["com.docker.swarm.node.id"], task.node_id.as_str());
    assert_eq!(labels["com.docker.swarm.service.id"], task.service_id.as_str());
    assert_eq!(labels["com.docker.swarm.service.name"], "web");
    assert_eq!(task_of_labels(&labels), Some(task.id));
}

#[test]
fn the_first_network_is_in_the_body_and_the_others_are_connected() {
    let task = task_of(json!({ "ContainerSpec": {} }));
    let (mut ingress, user) = (network('x'), network('y'));
    ingress.ingress = true;
    let plan = plan_of(&task, &[ingress.clone(), user]);
    let body = serde_json::to_value(&plan.body).expect("serializes");
    assert_eq!(body["HostConfig"]["NetworkMode"], "engine-net-x");
    let endpoints = &body["NetworkingConfig"]["EndpointsConfig"];
    assert_eq!(
        endpoints,
        &json!({
            "engine-net-x": { "IPAMConfig": { "IPv4Address": "10.0.120.7" } },
        })
    );
    assert_eq!(plan.connect.len(), 1);
    assert_eq!(plan.connect[0].network, "engine-net-y");
    let settings = serde_json::to_value(&plan.connect[0].settings).expect("serializes");
    assert_eq!(settings, json!({ "IPAMConfig": { "IPv4Address": "10.0.121.7" } }));
    // Names are asked for on the network of the user, not on the ingress network.
    assert_eq!(body["HostConfig"]["Dns"], json!(["10.0.121.1"]));
    assert_eq!(body_of(&task, &[ingress])["HostConfig"]["Dns"], Value::Null);
}

#[test]
fn ports_of_the_node_itself_are_published_by_the_engine() {
    let mut task = task_of(json!({ "ContainerSpec": {} }));
    let port = |target_port, published_port, protocol| swarmlite_proto::spec::PortConfig {
        name: String::new(),
        protocol,
        target_port,
        published_port,
        publish_mode: PublishMode::Host,
    };
    task.host_ports = vec![
        port(80, 8080, PortProtocol::Tcp),
        port(80, 8081, PortProtocol::Tcp),
        port(53, 0, PortProtocol::Udp),
    ];
    let body = body_of(&task, &[]);
    assert_eq!(
        body["HostConfig"]["PortBindings"],
        json!({
            "80/tcp": [{ "HostPort": "8080" }, { "HostPort": "8081" }],
            "53/udp": [{ "HostPort": "" }],
        })
    );
    assert_eq!(body["ExposedPorts"], json!({ "80/tcp": {}, "53/udp": {} }));
}

#[test]
fn what_the_engine_has_no_word_for_is_refused_by_name() {
    for (container, field) in [
        (json!({ "Isolation": "hyperv" }), "Isolation"),
        (
            json!({ "Mounts": [{ "Type": "bind", "BindOptions": { "Propagation": "x" } }] }),
            "Propagation",
        ),
        (json!({ "Env": ["A={{.Nothing}}"] }), ".Nothing"),
    ] {
        let task = task_of(json!({ "ContainerSpec": container }));
        let refused = container_plan(&task, &[], "host-1", &platform()).expect_err("refused");
        assert!(refused.to_string().contains(field), "{refused}");
    }
    let refused =
        container_plan(&task_of(json!({})), &[], "host-1", &platform()).expect_err("refused");
    assert_eq!(refused, TranslateError::NotAContainer);
}

#[test]
fn a_network_says_which_one_it_is() {
    let mut overlay = network('x');
    overlay.labels = [("mine".to_owned(), "yes".to_owned())].into();
    overlay.internal = true;
    let plan = network_plan(&overlay);
    let body = serde_json::to_value(&plan.body).expect("serializes");
    assert_eq!(body["Name"], "net-x");
    assert_eq!(body["Driver"], "swarmlite");
    assert_eq!(body["Internal"], true);
    assert_eq!(
        body["IPAM"]["Config"],
        json!([{ "Subnet": "10.0.120.0/24", "Gateway": "10.0.120.1" }])
    );
    assert_eq!(body["Labels"]["mine"], "yes");
    let labels = plan.body.labels.expect("labels");
    assert_eq!(network_of_labels(&labels), Some(overlay.id));
}
