//! From a command line to the spec.

use clap::Parser;
use serde_json::Value;
use serde_json::json;
use swarmlite_proto::value::http;

use super::*;
use crate::args::Cli;
use crate::args::Command;
use crate::args::ServiceCommand;

fn command(line: &str) -> ServiceCommand {
    let line = shlex::split(&format!("swarmlite service {line}")).expect("a line");
    match Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}")).command {
        Command::Service(command) => *command,
        other => panic!("{other:?}"),
    }
}

fn created(line: &str) -> Result<ServiceSpec> {
    match command(&format!("create {line}")) {
        ServiceCommand::Create(mut args) => {
            let lists = Lists::from(std::mem::take(&mut args.lists));
            create(&args, &lists)
        }
        other => panic!("{other:?}"),
    }
}

fn updated(spec: &ServiceSpec, line: &str) -> Result<ServiceSpec> {
    match command(&format!("update {line} web")) {
        ServiceCommand::Update(mut args) => {
            let mut spec = spec.clone();
            let options = std::mem::take(&mut args.lists);
            update(&mut spec, &args, &Lists { options })?;
            Ok(spec)
        }
        other => panic!("{other:?}"),
    }
}

fn json(spec: &ServiceSpec) -> Value {
    serde_json::to_value(spec).expect("serializes")
}

#[test]
fn the_first_service_of_the_readme() {
    let spec = created("--name whoami -p 8000:8000 --replicas 2 whoami:latest").expect("a spec");
    assert_eq!(
        json(&spec),
        json!({
            "Name": "whoami",
            "Labels": {},
            "TaskTemplate": {
                "ContainerSpec": {"Image": "whoami:latest", "Init": false},
                "ForceUpdate": 0,
            },
            "Mode": {"Replicated": {"Replicas": 2}},
            "EndpointSpec": {
                "Mode": "vip",
                "Ports": [{"Protocol": "tcp", "TargetPort": 8000, "PublishedPort": 8000, "PublishMode": "ingress"}],
            },
        })
    );
}

#[test]
fn every_option_of_create_reaches_the_spec() {
    let spec = created(
        "--mode replicated --replicas-max-per-node 2 --endpoint-mode dnsrr -l a=b --container-label c=d \
         -e A=1 -e B=2 -e A=3 --entrypoint '/bin/sh -c' --hostname h -u me:us --group g -w /w -t --read-only \
         --stop-signal INT --stop-grace-period 3s --cap-add net_admin --cap-drop chown --oom-score-adj -5 \
         --mount type=tmpfs,dst=/t --host db:10.0.0.1 --dns 1.1.1.1 --dns-option ndots:1 --dns-search x.y \
         --sysctl net.a=1 --ulimit nofile=1:2 --log-driver local --log-opt max-size=1m \
         --constraint node.role==worker --placement-pref spread=node.labels.rack --placement-strategy binpack --placement-filter 'node.cpus > 2' \
         --placement-score=-node.tasks --affinity service==db --anti-affinity 'soft:service.labels.tier==back over node.labels.zone' \
         --placement-volumes stay --placement-rebalance auto --network name=net,alias=w \
         --isolation default --memory-swap -1 --memory-swappiness 10 --generic-resource GPU=2 --host n:host-gateway \
         --device /dev/null:/dev/xnull --device-cgroup-rule 'c 1:3 r' --gpus all --privileged --shm-size 64m \
         --security-opt no-new-privileges --ipc host --pid host --cgroup-parent /batch --cgroupns host --runtime runsc \
         --limit-cpu 0.5 --limit-memory 64m --limit-pids 9 --reserve-cpu 0.25 --reserve-memory 32m \
         --restart-condition on-failure --restart-delay 1s --restart-max-attempts 3 --restart-window 1m \
         --update-parallelism 2 --update-failure-action rollback --rollback-order start-first \
         --health-cmd true --health-interval 2s --health-retries 4 \
         --readiness-http 80/ready --readiness-interval 1s --readiness-timeout 2s --readiness-retries 5 \
         --readiness-start-period 3s --no-resolve-image -q image arg --flag",
    )
    .expect("a spec");
    insta::assert_snapshot!(serde_json::to_string_pretty(&spec).expect("serializes"));
}

#[test]
fn an_update_changes_what_is_named_and_nothing_else() {
    let before = created(
        "--name web -p 80:80 -p 443:443 -e A=1 -e B=2 -l a=b --host db:10.0.0.1 image:1 serve",
    )
    .expect("a spec");
    assert_eq!(updated(&before, "").expect("a spec"), before);
    let after = updated(
        &before,
        "--image image:2 --args 'serve --fast' --force --replicas 3 --publish-rm 443 --publish-add 8080:80 \
         --env-rm A --env-add B=3 --label-rm a --label-add c=d --host-rm db",
    )
    .expect("a spec");
    assert_eq!(
        json(&after),
        json!({
            "Name": "web",
            "Labels": {"c": "d"},
            "TaskTemplate": {
                "ContainerSpec": {"Image": "image:2", "Args": ["serve", "--fast"], "Env": ["B=3"], "Init": false},
                "ForceUpdate": 1,
            },
            "Mode": {"Replicated": {"Replicas": 3}},
            "EndpointSpec": {
                "Mode": "vip",
                "Ports": [
                    {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 80, "PublishMode": "ingress"},
                    {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
                ],
            },
        })
    );
}

#[test]
fn single_values_come_and_go() {
    let before = created(
        "--name web --mount src=a,dst=/a --ulimit nofile=1 --dns 1.1.1.1 --constraint a==b --network n1 \
         --group g --sysctl k=1 --placement-pref spread=x --container-label c=d image",
    )
    .expect("a spec");
    let after = updated(
        &before,
        "--mount-rm /a --ulimit-rm nofile --dns-rm 1.1.1.1 --constraint-rm a==b --network-rm n1 --group-rm g \
         --sysctl-rm k --placement-pref-rm spread=x --container-label-rm c",
    )
    .expect("a spec");
    assert_eq!(
        json(&after)["TaskTemplate"],
        json!({
            "ContainerSpec": {"Image": "image:latest", "Init": false, "DNSConfig": {}},
            "Placement": {},
            "ForceUpdate": 0,
        })
    );
    updated(&before, "--network-add n1").expect_err("attached already");
    let replaced = updated(&before, "--mount-add type=bind,src=/b,dst=/a --ulimit-add nofile=5")
        .expect("a spec");
    let container = replaced.task_template.container_spec.expect("some");
    assert_eq!((container.mounts.len(), &*container.mounts[0].source), (1, "/b"));
    assert_eq!((container.ulimits.len(), container.ulimits[0].soft), (1, 5));
}

#[test]
fn expressions_of_placement_come_and_go() {
    let before = created("--name web --placement-filter 'node.cpus > 2' image").expect("a spec");
    let placement = |spec: &ServiceSpec| json(spec)["TaskTemplate"]["Placement"].clone();
    assert_eq!(placement(&before), json!({"Filter": "node.cpus > 2"}));
    assert_eq!(updated(&before, "").expect("a spec"), before);
    let after = updated(&before, "--placement-filter '' --placement-score -node.tasks");
    let emptied = json!({"Filter": "", "Score": "-node.tasks"});
    assert_eq!(placement(&after.expect("a spec")), emptied, "an empty one takes it back");
}

#[test]
fn what_docker_has_no_members_for_comes_and_goes() {
    let members = |spec: &ServiceSpec| {
        let container = json(spec)["TaskTemplate"]["ContainerSpec"].clone();
        let Value::Object(mut container) = container else { panic!("an object") };
        container.retain(|name, _| !["Image", "Init"].contains(&&**name));
        Value::Object(container)
    };
    let before = created(
        "--name web --device /dev/null --device /dev/zero:/dev/z --device-cgroup-rule 'c 1:3 r' --gpus 2 \
         --privileged --shm-size 64m --security-opt apparmor=unconfined --security-opt no-new-privileges \
         --ipc host image",
    )
    .expect("a spec");
    assert_eq!(updated(&before, "").expect("a spec"), before);
    let changed = updated(
        &before,
        "--device-rm /dev/null --device-add /dev/full:/dev/z:r --gpus driver=x --security-opt-rm apparmor",
    );
    let changed = members(&changed.expect("a spec"));
    let device =
        json!({"PathOnHost": "/dev/full", "PathInContainer": "/dev/z", "CgroupPermissions": "r"});
    assert_eq!(changed["Devices"], json!([device]));
    assert_eq!(changed["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!(changed["DeviceRequests"][0]["Driver"], "x");
    // Empty and not absent: what an update does not name stays as it is.
    let removed = updated(
        &before,
        "--device-rm /dev/null --device-rm /dev/z --device-cgroup-rule-rm 'c 1:3 r' --gpus 0 --privileged=false \
         --shm-size 0 --security-opt-rm apparmor --security-opt-rm no-new-privileges --ipc=",
    );
    assert_eq!(
        members(&removed.expect("a spec")),
        json!({
            "Devices": [], "DeviceCgroupRules": [], "DeviceRequests": [], "Privileged": false,
            "ShmSize": 0, "SecurityOpt": [], "IpcMode": "",
        })
    );
}

#[test]
fn rules_about_other_services_come_and_go() {
    let before = created("--affinity service==db --affinity soft:service==cache image");
    let before = before.expect("a spec");
    assert_eq!(updated(&before, "").expect("a spec"), before);
    let after = updated(
        &before,
        "--affinity-rm service==db --affinity-add 'service==db over node.labels.zone' \
         --anti-affinity-add service==web --affinity-add soft:service==cache",
    );
    assert_eq!(
        json(&after.expect("a spec"))["TaskTemplate"]["Placement"],
        json!({
            "Affinity": ["service==db over node.labels.zone", "soft:service==cache"],
            "AntiAffinity": ["service==web"],
        })
    );
    // Empty and not absent: what an update does not name stays as it is.
    let removed =
        "--affinity-rm service==db --affinity-rm soft:service==cache --anti-affinity-rm x";
    assert_eq!(
        json(&updated(&before, removed).expect("a spec"))["TaskTemplate"]["Placement"],
        json!({"Affinity": []})
    );
}

#[test]
fn generic_resources_come_and_go() {
    let before =
        created("--generic-resource GPU=1 --generic-resource SSD=2 image").expect("a spec");
    let reserved = |spec: &ServiceSpec| {
        let reservations = &json(spec)["TaskTemplate"]["Resources"]["Reservations"];
        let all = reservations["GenericResources"].as_array().cloned().unwrap_or_default();
        let one = |it: Value| it["DiscreteResourceSpec"].clone();
        let name =
            |it: Value| format!("{}={}", it["Kind"].as_str().unwrap_or_default(), it["Value"]);
        all.into_iter().map(|it| name(one(it))).collect::<Vec<_>>()
    };
    assert_eq!(reserved(&before), ["GPU=1", "SSD=2"]);
    let after = updated(&before, "--generic-resource-add GPU=3 --generic-resource-rm SSD");
    assert_eq!(reserved(&after.expect("a spec")), ["GPU=3"]);
    let refused = updated(&before, "--generic-resource-rm TPU").expect_err("none");
    assert_eq!(refused.to_string(), "could not find generic-resource `TPU` to remove it");
}

#[test]
fn endpoint_options_come_and_go() {
    let options = |spec: &ServiceSpec| json(spec)["EndpointSpec"]["Options"].clone();
    let before =
        created("--name web --endpoint-option scheduler=sh --endpoint-option sticky=90s image")
            .expect("a spec");
    assert_eq!(options(&before), json!({"scheduler": "sh", "sticky": "1m30s"}));
    assert_eq!(
        updated(&before, "--replicas 2").expect("a spec").endpoint_spec,
        before.endpoint_spec
    );
    let changed = "--endpoint-option-add scheduler=wrr --endpoint-option-rm sticky";
    assert_eq!(options(&updated(&before, changed).expect("a spec")), json!({"scheduler": "wrr"}));
    let removed = "--endpoint-option-rm scheduler --endpoint-option-rm sticky";
    assert_eq!(options(&updated(&before, removed).expect("a spec")), json!({}));
    for (line, message) in [
        (
            "--endpoint-option-add weight=3",
            "unknown endpoint option \"weight\": scheduler and sticky are known",
        ),
        (
            "--endpoint-option-rm weight",
            "unknown endpoint option \"weight\": scheduler and sticky are known",
        ),
        (
            "--endpoint-option-add scheduler=wlc",
            "unknown scheduler \"wlc\": rr, wrr, lc, mh and sh are known",
        ),
        (
            "--endpoint-option-add sticky=1.5s",
            "invalid sticky \"1.5s\": whole seconds from 1s to 744h are possible, such as 10m",
        ),
    ] {
        assert_eq!(updated(&before, line).expect_err(line).to_string(), message);
    }
}

#[test]
fn http_rules_come_and_go() {
    let rules = |spec: &ServiceSpec| {
        let rules = spec.endpoint_spec.as_ref().expect("an endpoint").http.as_ref();
        rules.map(|rules| rules.iter().map(http::show).collect::<Vec<_>>())
    };
    let before = created("--name web --http Shop/,port=80 --http /api,port=81,method=get image");
    let before = before.expect("a spec");
    let (shop, api) = ("shop/,port=80".to_owned(), "/api,port=81,method=GET".to_owned());
    assert_eq!(rules(&before), Some(vec![shop.clone(), api.clone()]));
    let after = |line: &str| updated(&before, line).map(|spec| rules(&spec));
    assert_eq!(after("--replicas 2").expect("a spec"), rules(&before));
    let sticky = "shop/,port=80,sticky=1h".to_owned();
    let changed = after("--http-add shop,port=80,sticky=1h").expect("a spec");
    assert_eq!(changed, Some(vec![api.clone(), sticky]), "it asks for the same");
    let further = after("--http-add /api,port=82").expect("a spec");
    assert_eq!(further, Some(vec![shop, api.clone(), "/api,port=82".to_owned()]));
    assert_eq!(after("--http-rm shop").expect("a spec"), Some(vec![api]));
    assert_eq!(after("--http-rm shop --http-rm /api").expect("a spec"), Some(vec![]));
    let refused = after("--http-rm shop/cart").expect_err("is not there");
    assert_eq!(refused.to_string(), "the service has no HTTP rule for shop/cart");
}

#[test]
fn contradictions_are_refused() {
    for (line, message) in [
        (
            "--mode global --replicas 2 image",
            "replicas can only be used with replicated or replicated-job mode",
        ),
        (
            "--mode global-job --update-delay 1s image",
            "update and rollback configuration is not supported for jobs",
        ),
        (
            "--no-healthcheck --health-retries 1 image",
            "--no-healthcheck conflicts with --health-* options",
        ),
        ("--log-opt a=b image", "--log-opt needs --log-driver"),
        ("--entrypoint \"'\" image", "invalid --entrypoint: unbalanced quotes in '"),
        ("--mount dst=/a --mount dst=/a image", "duplicate mount target: /a"),
    ] {
        assert_eq!(created(line).expect_err(line).to_string(), message);
    }
}

#[test]
fn secrets_and_configs_come_and_go_by_their_names() {
    let spec = created("--secret old --secret source=kept,target=key --config site image")
        .expect("a spec");
    let container = &json(&spec)["TaskTemplate"]["ContainerSpec"];
    let file = |name: &str| json!({"Name": name, "UID": "0", "GID": "0", "Mode": 0o444});
    assert_eq!(
        container["Secrets"],
        json!([
            {"File": file("old"), "SecretID": "", "SecretName": "old"},
            {"File": file("key"), "SecretID": "", "SecretName": "kept"},
        ])
    );
    assert_eq!(
        container["Configs"],
        json!([{"File": file("site"), "ConfigID": "", "ConfigName": "site"}])
    );
    // A rotation: the new one takes the file of the old one.
    let line = "--secret-rm old --secret-add source=new,target=old --config-rm site";
    let spec = updated(&spec, line).expect("a spec");
    let container = spec.task_template.container_spec.expect("a container");
    let names: Vec<_> = container.secrets.iter().map(|one| one.secret_name.as_str()).collect();
    assert_eq!(names, ["kept", "new"]);
    assert_eq!(container.configs, []);
}
