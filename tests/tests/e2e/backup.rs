//! Backups, and clusters that are made of them after all managers are lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::ensure;
use hyper::Method;
use serde_json::Value;
use swarmlite_lab::Lab;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::LOG_LINES;
use crate::cluster::MENDED;
use crate::cluster::SOON;
use crate::views::NodeView;
use crate::views::ServiceView;
use crate::watch::Watch;

/// What is secret in the cluster.
const SECRET: &str = "wrong horse, right battery";

const PORT: u16 = 8000;

/// Containers, with the time of their start and their process.
type Lives = BTreeMap<String, String>;

/// A folder with a passphrase in it, and room for backups.
fn vault(lab: &Lab) -> anyhow::Result<(PathBuf, String)> {
    let folder = lab.nodes()[0].dir().join("backups");
    std::fs::create_dir_all(&folder)?;
    let passphrase = folder.join("passphrase");
    std::fs::write(&passphrase, "correct horse\n")?;
    Ok((folder, passphrase.display().to_string()))
}

/// Takes the disk of `node`, whose power comes back: it is a machine in no cluster.
pub(crate) async fn replace_machine(lab: &Lab, node: &Node) -> anyhow::Result<()> {
    lab.power_on(node).await?;
    tokio::fs::remove_dir_all(node.state_dir()).await?;
    node.start(Service::Engine).await?;
    let containers = node.docker(&["ps", "--all", "--quiet"]).await?;
    for id in containers.lines() {
        node.docker(&["rm", "--force", id]).await?;
    }
    node.start(Service::Daemon).await
}

async fn get(node: &Node, path: &str) -> anyhow::Result<Value> {
    let reply = node.api(Method::GET, path, "").await?;
    ensure!(reply.status == 200, "{}: {}", reply.status, reply.body);
    reply.json()
}

/// The containers of `service` on `node`, with the time of their start and their process.
async fn lives(cluster: &Cluster, node: &Node, service: &str) -> anyhow::Result<Lives> {
    let mut lives = BTreeMap::new();
    for id in cluster.containers(node, service).await? {
        let format = "{{.State.StartedAt}} {{.State.Pid}}";
        let life = node.docker(&["inspect", "--format", format, &id]).await?;
        lives.insert(id, life);
    }
    Ok(lives)
}

/// The secret, as the one container of `keeper` on `node` has it.
async fn secret(cluster: &Cluster, node: &Node) -> anyhow::Result<String> {
    let containers = cluster.containers(node, "keeper").await?;
    let [container] = &containers[..] else { anyhow::bail!("{containers:?}") };
    let said = cluster.inside((node, container), "file /run/secrets/key").await?;
    Ok(said.split_once('\n').context("no content")?.1.to_owned())
}

pub(crate) async fn all_managers_are_lost_and_one_is_restored(
    shared: &Cluster,
) -> anyhow::Result<()> {
    shared.on_another("backup", lose_and_restore).await
}

/// What is there when the backup is written.
async fn fill(cluster: &Cluster, folder: &Path) -> anyhow::Result<()> {
    let key = folder.join("key");
    std::fs::write(&key, SECRET)?;
    cluster.run("network create --driver overlay back").await?;
    cluster.run(&format!("secret create key {}", key.display())).await?;
    cluster.create("--name web --network back --publish 8000:8000 --replicas 4").await?;
    let on_worker = "--constraint node.role==worker";
    cluster.create(&format!("--name keeper --secret key {on_worker}")).await?;
    cluster.create(&format!("--name renewed {on_worker}")).await?;
    cluster.create(&format!("--name missed {on_worker}")).await
}

/// The manager that writes the backup: one that may not be the leader.
fn writer(cluster: &Cluster) -> &Node {
    &cluster.managers()[2]
}

/// What has to be the same after the restoration.
struct Before {
    swarm: Value,
    services: Vec<ServiceView>,
}

async fn lose_and_restore(cluster: &Cluster) -> anyhow::Result<()> {
    let (folder, passphrase) = vault(cluster.lab())?;
    fill(cluster, &folder).await?;
    let file = folder.join("swarm.age").display().to_string();
    let sealed = ["--passphrase-file", &passphrase, &file];
    let before = save(cluster, &sealed).await?;
    let (renewed, kept) = lose(cluster).await?;
    let watch = Watch::start(cluster.lab(), &[cluster.worker()], PORT);
    restore(cluster, &before, &sealed).await?;
    settles(cluster, writer(cluster), &renewed).await?;
    let now = kept_lives(cluster).await?;
    // There may be more of them now, beside those.
    ensure!(kept.iter().all(|life| now.contains(life)), "before: {kept:?}, now: {now:?}");
    ensure!(secret(cluster, cluster.worker()).await? == SECRET);
    join_and_go_on(cluster, &before).await?;
    watch.finish().await
}

/// Writes the backup, and looks at it from elsewhere.
async fn save(cluster: &Cluster, sealed: &[&str]) -> anyhow::Result<Before> {
    let writer = writer(cluster);
    let before =
        Before { swarm: get(writer, "/swarm").await?, services: cluster.services(writer).await? };
    writer.swarmlite(&[&["backup"][..], sealed].concat()).await?;
    let again = writer.swarmlite(&[&["backup"][..], sealed].concat()).await;
    let refused = again.err().context("it was overwritten")?;
    ensure!(format!("{refused:#}").contains("is there already"), "{refused:#}");
    let said = cluster.worker().swarmlite(&[&["restore", "--verify"][..], sealed].concat()).await?;
    let id = before.swarm["ID"].as_str().context("no id")?;
    ensure!(said.contains(id) && said.contains("The backup is whole."), "{said}");
    Ok(before)
}

/// Changes what the backup does not know: a service comes, one goes, and a task takes the place of another. Then takes the power of all
/// managers. Returns the lives of what was replaced, and of what has to go on.
async fn lose(cluster: &Cluster) -> anyhow::Result<(Lives, Vec<(String, String)>)> {
    let (lab, worker) = (cluster.lab(), cluster.worker());
    cluster.create("--name later --constraint node.role==worker").await?;
    cluster.run("service rm missed").await?;
    cluster.run("service update --quiet --force renewed").await?;
    let renewed = lives(cluster, worker, "renewed").await?;
    for manager in cluster.managers() {
        lab.power_off(manager).await?;
    }
    eventually("the worker to do without the lost nodes", MENDED, async || {
        cluster.ask(worker, PORT, 40).await.map(drop)
    })
    .await?;
    let kept = kept_lives(cluster).await?;
    ensure!(kept.len() == 2, "{kept:?}");
    Ok((renewed, kept))
}

/// The containers on the worker that the backup knows.
async fn kept_lives(cluster: &Cluster) -> anyhow::Result<Vec<(String, String)>> {
    let web = lives(cluster, cluster.worker(), "web").await?;
    Ok(web.into_iter().chain(lives(cluster, cluster.worker(), "keeper").await?).collect())
}

/// Restores in the place of the writer, and so at its address: the worker knows it.
async fn restore(cluster: &Cluster, before: &Before, sealed: &[&str]) -> anyhow::Result<()> {
    let (writer, worker) = (writer(cluster), cluster.worker());
    replace_machine(cluster.lab(), writer).await?;
    let here = ["--advertise-addr", &writer.address().to_string()];
    let said = writer.swarmlite(&[&["restore"][..], sealed, &here].concat()).await?;
    ensure!(said.contains("Swarm restored"), "{said}");
    let after = get(writer, "/swarm").await?;
    for member in ["ID", "JoinTokens", "TLSInfo", "Spec"] {
        ensure!(before.swarm[member] == after[member], "{member}: {} {after}", before.swarm);
    }
    ensure!(ids(&before.services) == ids(&cluster.services(writer).await?), "other services");
    eventually("the worker to be in session", SOON, async || {
        ensure!(state(&cluster.nodes(writer).await?, worker)? == "ready");
        Ok(())
    })
    .await
}

/// Another manager joins, with the token of before, and the cluster works.
async fn join_and_go_on(cluster: &Cluster, before: &Before) -> anyhow::Result<()> {
    let (writer, second) = (writer(cluster), &cluster.managers()[1]);
    replace_machine(cluster.lab(), second).await?;
    let token = before.swarm["JoinTokens"]["Manager"].as_str().context("no token")?;
    let (here, remote) = (second.address().to_string(), format!("{}:2377", writer.address()));
    second.swarmlite(&["join", "--token", token, "--advertise-addr", &here, &remote]).await?;
    eventually("the new manager to have everything", SOON, async || {
        ensure!(ids(&before.services) == ids(&cluster.services(second).await?), "others");
        let nodes = cluster.nodes(writer).await?;
        let managers = nodes.iter().filter(|node| node.manager_status.is_some()).count();
        ensure!(managers == 2, "{managers} managers");
        Ok(())
    })
    .await?;
    second.swarmlite(&["service", "scale", "--detach", "web=6"]).await?;
    eventually("what the cluster decides from now on", SOON, async || {
        let running = cluster.running(writer, "web").await?.len();
        ensure!(running == 6, "{running} tasks run");
        Ok(())
    })
    .await
}

/// Waits until there is what the backup knows, and nothing else.
async fn settles(cluster: &Cluster, manager: &Node, renewed: &Lives) -> anyhow::Result<()> {
    let worker = cluster.worker();
    eventually("what the backup knows, and nothing else", MENDED, async || {
        for (service, count) in [("web", 4), ("keeper", 1), ("renewed", 1), ("missed", 1)] {
            let running = cluster.running(manager, service).await?;
            ensure!(running.len() == count, "{service}: {} tasks run", running.len());
        }
        for (service, count) in [("later", 0), ("renewed", 1), ("missed", 1), ("keeper", 1)] {
            let found = cluster.containers(worker, service).await?;
            ensure!(found.len() == count, "{service}: {found:?}");
        }
        // The task that took the other's place is not known, and the other is no more: there is a third.
        let now = lives(cluster, worker, "renewed").await?;
        ensure!(now != *renewed, "it is the same container");
        let nodes = cluster.nodes(manager).await?;
        for lost in &cluster.managers()[..2] {
            ensure!(state(&nodes, lost)? == "down", "{} is not down", lost.name());
        }
        Ok(())
    })
    .await
}

fn ids(services: &[ServiceView]) -> Vec<&str> {
    services.iter().map(|service| service.id.as_str()).collect()
}

fn state<'a>(nodes: &'a [NodeView], node: &Node) -> anyhow::Result<&'a str> {
    let found = nodes.iter().find(|view| view.description.hostname == node.name());
    Ok(&found.context("no such node")?.status.state)
}

pub(crate) async fn a_worker_finds_the_swarm_at_a_new_address(
    shared: &Cluster,
) -> anyhow::Result<()> {
    let lab = shared.small_lab("moved", 3).await?;
    let outcome = move_the_manager(&lab).await.map_err(|error| error.context(lab.logs(LOG_LINES)));
    Lab::down(lab.name()).await?;
    outcome
}

/// The manager writes backups by itself, is lost, and its cluster is made again on another machine.
async fn move_the_manager(lab: &Lab) -> anyhow::Result<()> {
    let [first, worker, other] = lab.nodes() else { anyhow::bail!("three nodes") };
    let (folder, passphrase) = vault(lab)?;
    lab.start_daemons().await?;
    first.kill(Service::Daemon, "TERM").await?;
    let scheduled = folder.join("scheduled");
    let to = scheduled.display().to_string();
    let options = [
        "--backup-dir",
        &to,
        "--backup-every",
        "1s",
        "--backup-keep",
        "2",
        "--backup-passphrase-file",
    ];
    first.start_with(Service::Daemon, &[&options[..], &[&passphrase]].concat()).await?;
    let init = ["init", "--advertise-addr", &first.address().to_string()];
    first.swarmlite(&init).await?;
    let token = first.swarmlite(&["join-token", "--quiet", "worker"]).await?;
    let token = token.trim();
    let join = |remote: &Node| format!("{}:2377", remote.address());
    let here = worker.address().to_string();
    worker.swarmlite(&["join", "--token", token, "--advertise-addr", &here, &join(first)]).await?;
    let create =
        ["service", "create", "--quiet", "--name", "web", "--constraint", "node.role==worker"];
    first.swarmlite(&[&create[..], &[IMAGE]].concat()).await?;
    eventually("a word about the folder that is not there", SOON, async || {
        let info = first.swarmlite(&["info"]).await;
        let warnings = get(first, "/info").await?["Warnings"].to_string();
        ensure!(warnings.contains("the last backup to"), "{warnings}, {info:?}");
        Ok(())
    })
    .await?;
    std::fs::create_dir(&scheduled)?;
    // It is tried again after a second.
    let newest = third_backup(&scheduled).await?;
    first.kill(Service::Daemon, "KILL").await?;
    let containers = worker.docker(&["ps", "--quiet", "--no-trunc"]).await?;
    ensure!(containers.lines().count() == 1, "{containers}");

    let there = ["--advertise-addr", &other.address().to_string()];
    let file = newest.display().to_string();
    let restore = ["restore", "--passphrase-file", &passphrase, &file];
    other.swarmlite(&[&restore[..], &there].concat()).await?;
    let elsewhere = ["join", "--token", token, &join(other)];
    worker.swarmlite(&elsewhere).await?;
    eventually("the worker at its new manager", SOON, async || {
        let nodes: Vec<NodeView> = serde_json::from_value(get(other, "/nodes").await?)?;
        ensure!(state(&nodes, worker)? == "ready");
        let ps = ["service", "ps", "web", "--format", "{{.CurrentState}}"];
        let tasks = other.swarmlite(&ps).await?;
        ensure!(tasks.lines().count() == 1 && tasks.starts_with("Running"), "{tasks}");
        Ok(())
    })
    .await?;
    let again = worker.swarmlite(&elsewhere).await.err().context("it has joined once more")?;
    ensure!(format!("{again:#}").contains("already part of a swarm"), "{again:#}");
    // It remembers.
    worker.restart(Service::Daemon).await?;
    eventually("the worker after a restart", SOON, async || {
        let info = get(worker, "/info").await?;
        ensure!(info["Swarm"]["RemoteManagers"].to_string().contains(&join(other)), "{info}");
        Ok(())
    })
    .await?;
    ensure!(worker.docker(&["ps", "--quiet", "--no-trunc"]).await? == containers, "others run");
    Ok(())
}

/// The backups in `folder`, the oldest first.
fn backups(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?;
    let mut found = entries.map(|it| Ok(it?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    found.retain(|path| path.extension().is_some_and(|extension| extension == "age"));
    found.sort();
    Ok(found)
}

/// Waits until the schedule has written another backup than the first two, and removed one; the newest.
async fn third_backup(folder: &Path) -> anyhow::Result<PathBuf> {
    let first = eventually("a backup", SOON, async || {
        backups(folder)?.into_iter().next().context("there is none")
    })
    .await?;
    eventually("two others", SOON, async || {
        let mut found = backups(folder)?;
        ensure!(found.len() == 2 && !found.contains(&first), "{found:?}");
        found.pop().context("no backup")
    })
    .await
}
