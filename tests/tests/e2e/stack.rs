//! A stack of five services, deployed by `swarmlite` and by the stock `docker` client, through a manager that does not lead.

use std::path::PathBuf;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::SOON;
use crate::socket::print;

/// Five services, two networks, a secret, a config, a volume, health checks.
const SHOP: &str = r#"
version: "3.13"
x-healthy: &healthy
  test: ["CMD", "/whoami", "get", "http://127.0.0.1:8000/"]
  interval: 1s
  timeout: 5s
  retries: 10
services:
  frontend:
    image: whoami:latest
    command: serve
    ports: ["8097:8000"]
    networks: [front]
    healthcheck: *healthy
    configs: [{source: settings, target: /etc/settings, mode: 0440}]
    deploy: {replicas: 2, update_config: {parallelism: 1, order: start-first}, labels: {tier: front}}
  api:
    image: whoami:latest
    command: serve
    networks: {front: {aliases: [rest]}, back: }
    environment: {GREETING: "hello ${WHO:-world}", PORT: 8000}
    healthcheck: *healthy
    secrets: [key]
    deploy:
      replicas: 2
      resources: {limits: {memory: 64M, cpus: "0.50"}, reservations: {memory: 8M}}
  worker:
    image: whoami:latest
    command: serve
    networks: [back]
    secrets: [{source: key, target: worker-key, uid: "33", mode: 0400}]
    deploy: {mode: global, placement: {constraints: [node.role==worker]}, restart_policy: {condition: any, delay: 1s}}
  store:
    image: whoami:latest
    command: serve
    networks: {back: {aliases: [redis]}}
    volumes: ["kept:/data", {type: tmpfs, target: /scratch}]
    stop_grace_period: 3s
    deploy: {endpoint_mode: dnsrr}
  migrate:
    image: whoami:latest
    command: --help
    networks: [back]
    deploy: {mode: replicated-job, replicas: 1, restart_policy: {condition: none}}
networks:
  front: {attachable: true}
  back: {internal: true, labels: {kept: "no"}}
volumes: {kept: {labels: {of: shop}}}
secrets: {key: {file: ./key.txt}}
configs: {settings: {file: ./settings.txt}}
"#;

/// What is told apart by the label of a stack.
const SECTIONS: [&str; 4] = ["services", "networks", "secrets", "configs"];

/// A manager that does not lead.
async fn follower(cluster: &Cluster) -> anyhow::Result<&Node> {
    let leader = cluster.leader(cluster.manager()).await?;
    let found = cluster.managers().iter().find(|node| node.name() != leader);
    found.context("all managers lead")
}

/// Writes the files of the stack, with `text` as the Compose file.
async fn write(node: &Node, text: &str) -> anyhow::Result<String> {
    let folder: PathBuf = node.dir().join("shop");
    tokio::fs::create_dir_all(&folder).await?;
    tokio::fs::write(folder.join("key.txt"), "a key").await?;
    tokio::fs::write(folder.join("settings.txt"), "a setting").await?;
    tokio::fs::write(folder.join("compose.yml"), text).await?;
    Ok(folder.join("compose.yml").display().to_string())
}

/// What the cluster has of the stack, without what is another each time: ids by their names, and no versions, times and addresses.
async fn specs(cluster: &Cluster, node: &Node) -> anyhow::Result<Value> {
    let mut ids = Vec::new();
    let mut specs = json!({});
    for section in SECTIONS {
        let mut found: Vec<Value> = cluster.read(node, &of_shop(section)).await?;
        for object in &mut found {
            let network = section == "networks";
            let (id, name) =
                if network { ("Id", &object["Name"]) } else { ("ID", &object["Spec"]["Name"]) };
            ids.push((object[id].clone(), name.clone()));
            *object = if network {
                let mut object = object.take();
                for member in ["Id", "Created", "IPAM", "Containers", "Peers"] {
                    object.as_object_mut().context("a network")?.remove(member);
                }
                // A network that is made anew gets another VXLAN id: what was freed comes back last.
                let options = object["Options"].as_object_mut().context("options")?;
                options.remove("com.docker.network.driver.overlay.vxlanid_list");
                object
            } else {
                object["Spec"].take()
            };
        }
        found.sort_by_key(|spec| spec["Name"].to_string());
        specs[section] = found.into();
    }
    let mut text = specs.to_string();
    for (id, name) in ids {
        text = text.replace(id.as_str().context("an id")?, name.as_str().context("a name")?);
    }
    Ok(serde_json::from_str(&text)?)
}

fn of_shop(section: &str) -> String {
    format!("/{section}?filters=%7B%22label%22%3A%5B%22com.docker.stack.namespace%3Dshop%22%5D%7D")
}

/// The ids of the stack's tasks, in their order. Not those of jobs, which every update runs again, as docker's deployments update everything.
async fn tasks(cluster: &Cluster, node: &Node) -> anyhow::Result<Vec<String>> {
    let tasks: Vec<Value> = cluster.read(node, &of_shop("tasks")).await?;
    let lasting = tasks.iter().filter(|task| task["JobIteration"].is_null());
    let mut ids: Vec<_> = lasting.map(|task| task["ID"].to_string()).collect();
    ids.sort();
    Ok(ids)
}

/// All that can be seen from outside of a stack that runs.
async fn runs(cluster: &Cluster, node: &Node) -> anyhow::Result<()> {
    eventually("all services of the stack", SOON, async || {
        let format = "{{.Name}} {{.Replicas}}";
        let listed = print(node, &["stack", "services", "--format", format, "shop"]).await?;
        let expected = [
            "shop_api 2/2",
            "shop_frontend 2/2",
            "shop_migrate 0/1 (1/1 completed)",
            "shop_store 1/1",
            "shop_worker 1/1",
        ];
        ensure!(listed.lines().eq(expected), "{listed}");
        Ok(())
    })
    .await?;
    cluster.ask(cluster.worker(), 8097, 2).await?;
    let store = cluster.container("shop_store").await?;
    cluster.inside((store.0, &store.1), "get http://api:8000/").await?;
    let listed = node.swarmlite(&["stack", "ls", "--format", "{{.Name}} {{.Services}}"]).await?;
    ensure!(listed == "shop 5\n", "{listed}");
    Ok(())
}

async fn is_gone(cluster: &Cluster, node: &Node) -> anyhow::Result<()> {
    for section in SECTIONS {
        let left: Vec<Value> = cluster.read(node, &of_shop(section)).await?;
        ensure!(left.is_empty(), "{section}: {left:?}");
    }
    Ok(())
}

pub(crate) async fn docker_and_swarmlite_make_the_same_stack(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = follower(cluster).await?;
    let file = write(node, SHOP).await?;
    let said = node.swarmlite(&["stack", "deploy", "--quiet", "-c", &file, "shop"]).await?;
    ensure!(said.contains("Creating service shop_api\n"), "{said}");
    runs(cluster, node).await?;
    let (made, before) = (specs(cluster, node).await?, tasks(cluster, node).await?);

    // To deploy it once more changes nothing, whoever does it.
    node.swarmlite(&["stack", "deploy", "--quiet", "-c", &file, "shop"]).await?;
    let docker =
        ["stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", &file, "shop"];
    print(node, &docker).await?;
    let after = specs(cluster, node).await?;
    ensure!(made == after, "docker changed\n{made:#}\nto\n{after:#}");
    ensure!(tasks(cluster, node).await? == before, "tasks were replaced");

    let said = node.swarmlite(&["stack", "rm", "shop"]).await?;
    ensure!(said.contains("Removing secret shop_key\n"), "{said}");
    is_gone(cluster, node).await?;

    // From nothing, docker makes the same.
    print(node, &docker).await?;
    runs(cluster, node).await?;
    let by_docker = specs(cluster, node).await?;
    ensure!(made == by_docker, "docker made\n{by_docker:#}\nand not\n{made:#}");
    print(node, &["stack", "rm", "shop"]).await?;
    is_gone(cluster, node).await
}

pub(crate) async fn what_is_not_in_the_file_any_more_is_pruned(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = follower(cluster).await?;
    let two = "services: {a: {image: whoami, command: serve, configs: [c]}, b: {image: whoami, command: serve}}\n\
               configs: {c: {content: old}}\n";
    let file = write(node, two).await?;
    let deploy = ["stack", "deploy", "--quiet", "-c", &file, "shop"];
    node.swarmlite(&deploy).await?;
    write(node, "services: {a: {image: whoami, command: serve, user: '1'}}\n").await?;
    node.swarmlite(&[&deploy[..], &["--prune"]].concat()).await?;
    let services = node.swarmlite(&["stack", "services", "--format", "{{.Name}}", "shop"]).await?;
    ensure!(services == "shop_a\n", "{services}");

    // The content of a config stays what it is, and whoever changes it hears what to do.
    write(node, &two.replace("old", "new")).await?;
    let refused = refusal(node.swarmlite(&deploy).await)?;
    ensure!(refused.contains("name: shop_c_2"), "{refused}");
    // A service that cannot run is named with its reason.
    write(node, "services: {a: {image: whoami, command: no-such-command}}\n").await?;
    let failing = [&deploy[..], &["--max-failures", "1"]].concat();
    let refused = refusal(node.swarmlite(&failing).await)?;
    ensure!(refused.contains("shop_a: "), "{refused}");
    node.swarmlite(&["stack", "rm", "shop"]).await?;
    is_gone(cluster, node).await
}

/// What was said about something that should fail.
fn refusal(result: anyhow::Result<String>) -> anyhow::Result<String> {
    match result {
        Ok(said) => anyhow::bail!("it was done: {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}
