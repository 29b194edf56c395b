//! Fields of services reach their containers: Docker's through the stock `docker` client, and what Docker does not have.

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;
use crate::socket::print;

/// What an engine says about a container.
async fn inspect(node: &Node, id: &str) -> anyhow::Result<Value> {
    let printed = node.docker(&["inspect", id]).await?;
    let mut all: Vec<Value> = serde_json::from_str(&printed)?;
    all.pop().context("nothing inspected")
}

/// The one running container of `service`, as its engine knows it, once `holds` holds for it.
async fn container(
    cluster: &Cluster,
    service: &str,
    holds: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    eventually("the container", SOON, async || {
        let (node, id) = cluster.container(service).await?;
        let container = inspect(node, &id).await?;
        ensure!(holds(&container), "{container}");
        Ok(container)
    })
    .await
}

/// Ensures that every member of `expected` is the same in `found`. Objects may have more members, lists may not.
fn ensure_has(found: &Value, expected: &Value, path: &str) -> anyhow::Result<()> {
    let Value::Object(members) = expected else {
        ensure!(found == expected, "{path} is {found} and not {expected}");
        return Ok(());
    };
    members
        .iter()
        .try_for_each(|(name, value)| ensure_has(&found[name], value, &format!("{path}.{name}")))
}

/// Runs a command line of words that are separated by spaces, with the stock client, against the daemon of the first manager.
async fn docker(cluster: &Cluster, line: &str) -> anyhow::Result<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    print(cluster.manager(), &words).await
}

pub(crate) async fn what_the_docker_client_asks_for_reaches_the_container(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    for node in cluster.members() {
        tokio::fs::create_dir_all(node.dir().join("shared-1")).await?;
    }
    let node = cluster.worker();
    let source = node.dir().join("shared-{{.Task.Slot}}").display().to_string();
    let line = format!(
        "service create --detach --name full --constraint node.hostname=={name} \
         --cap-add NET_ADMIN --cap-drop CHOWN --container-label owner=me --label tier=front \
         --dns 9.9.9.9 --dns-option ndots:1 --dns-search example.org \
         --env ON={{{{.Node.Hostname}}}} --env OS={{{{.Node.Platform.OS}}}} --group 1234 \
         --health-cmd true --health-interval 5m --health-retries 4 --health-timeout 3s \
         --health-start-period 2s --host db:10.0.0.9 --host node:host-gateway \
         --hostname {{{{.Service.Name}}}}-{{{{.Task.Slot}}}} --init --isolation default \
         --limit-cpu 0.5 --limit-memory 64m --limit-pids 50 --reserve-memory 32m \
         --log-driver json-file --log-opt max-size=1m \
         --mount type=bind,source={source},target=/data,readonly,bind-propagation=rprivate \
         --mount type=volume,source=vol,target=/vol,volume-nocopy,volume-label=of={{{{.Service.Name}}}} \
         --mount type=tmpfs,target=/tmp,tmpfs-size=1m,tmpfs-mode=1770 \
         --read-only --stop-grace-period 7s --stop-signal USR1 --sysctl net.core.somaxconn=99 \
         --tty --ulimit nofile=100:200 --user 1000:1000 --workdir /tmp --entrypoint /whoami \
         {IMAGE} serve",
        name = node.name(),
    );
    docker(cluster, &line).await?;
    let found = container(cluster, "full", |_| true).await?;
    let expected = json!({
        "Config": {
            "Hostname": "full-1", "User": "1000:1000", "Tty": true, "WorkingDir": "/tmp",
            "Entrypoint": ["/whoami"], "Cmd": ["serve"], "StopSignal": "USR1", "StopTimeout": 7,
            "Labels": {"owner": "me", "com.docker.swarm.service.name": "full"},
            "Healthcheck": {
                "Test": ["CMD-SHELL", "true"], "Interval": 300_000_000_000_u64, "Retries": 4,
                "Timeout": 3_000_000_000_u64, "StartPeriod": 2_000_000_000,
            },
        },
        "HostConfig": {
            "CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["CAP_CHOWN"], "GroupAdd": ["1234"],
            "Dns": ["9.9.9.9"], "DnsOptions": ["ndots:1"], "DnsSearch": ["example.org"],
            "ExtraHosts": ["db:10.0.0.9", "node:host-gateway"], "Init": true,
            "NanoCpus": 500_000_000, "Memory": 64 << 20, "PidsLimit": 50,
            "MemoryReservation": 32 << 20, "ReadonlyRootfs": true,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            "Sysctls": {"net.core.somaxconn": "99"},
            "Ulimits": [{"Name": "nofile", "Hard": 200, "Soft": 100}],
        },
    });
    ensure_has(&found, &expected, "container")?;
    let env = found["Config"]["Env"].as_array().context("no environment")?;
    for variable in [format!("ON={}", node.name()), "OS=linux".to_owned()] {
        ensure!(env.contains(&json!(variable)), "{env:?}");
    }
    let mounts = &found["HostConfig"]["Mounts"];
    let shared = node.dir().join("shared-1").display().to_string();
    let bind = json!({"Type": "bind", "Source": shared, "Target": "/data", "ReadOnly": true});
    ensure_has(&mounts[0], &bind, "bind")?;
    let volume =
        json!({"Source": "vol", "VolumeOptions": {"NoCopy": true, "Labels": {"of": "full"}}});
    ensure_has(&mounts[1], &volume, "volume")?;
    let tmpfs = json!({"TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1770}});
    ensure_has(&mounts[2], &tmpfs, "tmpfs")
}

/// What a container has of the extensions.
fn extensions(container: &Value) -> Value {
    let host = &container["HostConfig"];
    json!([
        host["Devices"],
        host["ShmSize"],
        host["PidMode"],
        host["IpcMode"],
        host["CgroupnsMode"],
    ])
}

pub(crate) async fn what_docker_swarm_refuses_reaches_the_container(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    cluster
        .create(
            "--name extended --device /dev/null:/dev/xnull:rw --shm-size 32m --pid host \
             --ipc shareable --cgroupns host --security-opt no-new-privileges",
        )
        .await?;
    let first = container(cluster, "extended", |_| true).await?;
    let devices = json!([{
        "PathOnHost": "/dev/null", "PathInContainer": "/dev/xnull", "CgroupPermissions": "rw",
    }]);
    let expected = json!([devices, 32 << 20, "host", "shareable", "host"]);
    ensure!(extensions(&first) == expected, "{first}");
    let page = cluster.run("service inspect --pretty extended").await?;
    ensure!(page.contains(" device = /dev/null:/dev/xnull:rw\n"), "{page}");

    // A client that knows nothing of all this changes nothing of it.
    docker(cluster, "service update --detach --env-add A=1 extended").await?;
    let replaced = |now: &Value| now["Id"] != first["Id"];
    let second = container(cluster, "extended", replaced).await?;
    ensure!(extensions(&second) == expected, "{second}");

    let taken_back = "service update --quiet --device-rm /dev/xnull --pid= \
                      --security-opt-rm no-new-privileges extended";
    cluster.run(taken_back).await?;
    let replaced = |now: &Value| now["Id"] != second["Id"];
    let third = container(cluster, "extended", replaced).await?;
    ensure!(third["HostConfig"]["SecurityOpt"].is_null(), "{third}");
    let left = json!([Value::Null, 32 << 20, "", "shareable", "host"]);
    ensure!(extensions(&third) == left, "{third}");

    // Who has no such member has a label, which goes when it is removed.
    let label = "swarmlite.container.pid";
    docker(cluster, &format!("service update --detach --label-add {label}=host extended")).await?;
    container(cluster, "extended", |now| now["HostConfig"]["PidMode"] == "host").await?;
    docker(cluster, &format!("service update --detach --label-rm {label} extended")).await?;
    container(cluster, "extended", |now| now["HostConfig"]["PidMode"] == "").await?;
    Ok(())
}

pub(crate) async fn a_privileged_container_is_asked_for(cluster: &Cluster) -> anyhow::Result<()> {
    let node = cluster.worker();
    let on = format!("--constraint node.hostname=={}", node.name());
    let create = format!("service create --detach --name strong --privileged {on} {IMAGE}");
    cluster.run(&create).await?;
    // Whether it starts depends on what the machine under the lab allows.
    eventually("the container", SOON, async || {
        let ids = node.docker(&["ps", "--all", "--quiet"]).await?;
        let id = ids.lines().next().context("no container")?;
        let container = inspect(node, id).await?;
        ensure!(container["HostConfig"]["Privileged"] == true, "{container}");
        Ok(())
    })
    .await
}

pub(crate) async fn what_the_engine_is_too_old_for_is_an_error_of_the_task(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let create = "service create --detach --name new --health-cmd true --health-start-interval 1s";
    cluster.run(&format!("{create} {IMAGE}")).await?;
    eventually("the task to be rejected", SOON, async || {
        let tasks: Vec<Value> = cluster.read(cluster.manager(), "/tasks").await?;
        let told = tasks.iter().any(|task| {
            let error = task["Status"]["Err"].as_str().unwrap_or_default();
            error.starts_with("Healthcheck.StartInterval requires API v1.44")
                && task["Status"]["State"] == "rejected"
        });
        ensure!(told, "{tasks:?}");
        Ok(())
    })
    .await
}

pub(crate) async fn a_task_is_told_which_of_its_nodes_resources_it_has(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = cluster.worker();
    let has = ["--node-generic-resource", "GPU=one", "--node-generic-resource", "GPU=two"];
    node.kill(Service::Daemon, "TERM").await?;
    node.start_with(Service::Daemon, &has).await?;
    let outcome = with_resources(cluster, node).await;
    node.restart(Service::Daemon).await?;
    outcome
}

async fn with_resources(cluster: &Cluster, node: &Node) -> anyhow::Result<()> {
    eventually("the resources to be known", SOON, async || {
        let page = cluster.run(&format!("node inspect --pretty {}", node.name())).await?;
        ensure!(page.contains(" GPU=one\n") && page.contains(" GPU=two\n"), "{page}");
        Ok(())
    })
    .await?;
    docker(cluster, &format!(
        "service create --detach --name render --generic-resource GPU=1 --replicas 2 {IMAGE} serve"
    ))
    .await?;
    eventually("both to have one", SOON, async || {
        let mut seen = Vec::new();
        for id in cluster.containers(node, "render").await? {
            let container = inspect(node, &id).await?;
            let env = container["Config"]["Env"].as_array().cloned().unwrap_or_default();
            seen.extend(env.into_iter().filter_map(|it| it.as_str().map(str::to_owned)));
        }
        seen.retain(|variable| variable.starts_with("DOCKER_RESOURCE_"));
        seen.sort_unstable();
        ensure!(seen == ["DOCKER_RESOURCE_GPU=one", "DOCKER_RESOURCE_GPU=two"], "{seen:?}");
        Ok(())
    })
    .await?;
    docker(cluster, "service scale --detach render=3").await?;
    eventually("the third to wait", SOON, async || {
        let tasks: Vec<Value> = cluster.read(cluster.manager(), "/tasks").await?;
        let waits = tasks.iter().any(|task| {
            let error = task["Status"]["Err"].as_str().unwrap_or_default();
            error.contains("insufficient resources on 4 nodes")
        });
        ensure!(waits, "{tasks:?}");
        Ok(())
    })
    .await
}
