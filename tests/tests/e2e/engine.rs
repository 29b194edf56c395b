//! Engines that are restarted, with and without their containers, and nodes that are left alone by all managers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::MENDED;
use crate::cluster::SOON;
use crate::views::TaskView;
use crate::watch::Watch;

const PORT: u16 = 8000;
const LIVE_RESTORE: &str = r#"{"live-restore": true}"#;

/// A container on every node, reached through every node.
async fn everywhere(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.create("--name whoami --publish 8000:8000 --mode global").await?;
    answers_everywhere(cluster).await
}

async fn answers_everywhere(cluster: &Cluster) -> anyhow::Result<()> {
    for node in cluster.members() {
        let what = format!("an answer by {}", node.name());
        eventually(&what, SOON, async || cluster.ask(node, PORT, 8).await).await?;
    }
    Ok(())
}

/// Every task of the cluster that there is, running or not, by its id.
async fn tasks(cluster: &Cluster) -> anyhow::Result<BTreeMap<String, TaskView>> {
    let tasks: Vec<TaskView> = cluster.read(cluster.manager(), "/tasks").await?;
    Ok(tasks.into_iter().map(|task| (task.id.clone(), task)).collect())
}

/// Ensures that the tasks are those of `before`, all of them running.
async fn ensure_same(cluster: &Cluster, before: &BTreeMap<String, TaskView>) -> anyhow::Result<()> {
    let now = tasks(cluster).await?;
    ensure!(now.keys().eq(before.keys()), "before: {before:?}, now: {now:?}");
    ensure!(now.values().all(TaskView::runs), "{now:?}");
    Ok(())
}

/// The one container of the service on `node`: its id, its first process, and when it was started.
async fn life(cluster: &Cluster, node: &Node) -> anyhow::Result<(String, String)> {
    let containers = cluster.containers(node, "whoami").await?;
    let [id] = containers.as_slice() else {
        anyhow::bail!("{} has {containers:?}", node.name());
    };
    let format = "{{.State.Pid}} {{.State.StartedAt}}";
    Ok((id.clone(), node.docker(&["inspect", "--format", format, id]).await?))
}

pub(crate) async fn containers_outlive_an_engine_with_live_restore(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = cluster.worker();
    node.set_engine_options(LIVE_RESTORE).await?;
    let outcome = live_restore(cluster, node).await;
    node.set_engine_options("{}").await?;
    outcome
}

async fn live_restore(cluster: &Cluster, node: &Node) -> anyhow::Result<()> {
    everywhere(cluster).await?;
    let (before, container) = (tasks(cluster).await?, life(cluster, node).await?);
    let everyone: Vec<&Node> = cluster.members().iter().collect();
    let watch = Watch::start(cluster.lab(), &everyone, PORT);
    for signal in ["TERM", "KILL"] {
        node.kill(Service::Engine, signal).await?;
        node.start(Service::Engine).await?;
        // More than the node takes to look at what has happened.
        for _ in 0..10 {
            cluster.ask(node, PORT, 4).await?;
            ensure_same(cluster, &before).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let now = life(cluster, node).await?;
        ensure!(now == container, "before: {container:?}, now: {now:?}");
    }
    watch.finish().await?;
    // The agent hears of what happens in the new engine.
    node.docker(&["kill", &container.0]).await?;
    eventually("the killed container to be replaced", SOON, async || {
        let (id, _) = life(cluster, node).await?;
        ensure!(id != container.0, "it is not");
        Ok(())
    })
    .await
}

pub(crate) async fn containers_are_started_again_when_their_engine_is_back(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    everywhere(cluster).await?;
    let node = cluster.worker();
    let before = tasks(cluster).await?;
    for signal in ["TERM", "KILL"] {
        let (id, life_before) = life(cluster, node).await?;
        node.kill(Service::Engine, signal).await?;
        node.start(Service::Engine).await?;
        let what = format!("the container to run again after SIG{signal}");
        eventually(&what, MENDED, async || {
            let now = life(cluster, node).await?;
            ensure!(now.0 == id, "another container");
            ensure!(now.1 != life_before, "it was not stopped");
            Ok(())
        })
        .await?;
        eventually("it to answer by its name again", SOON, async || {
            let answers = cluster.ask(cluster.manager(), PORT, 16).await?;
            let answered = answers.iter().any(|answer| id.starts_with(&answer.hostname));
            ensure!(answered, "{answers:?}");
            Ok(())
        })
        .await?;
        answers_everywhere(cluster).await?;
        ensure_same(cluster, &before).await?;
    }
    Ok(())
}

pub(crate) async fn without_managers_a_node_restarts_its_containers(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    everywhere(cluster).await?;
    let node = cluster.worker();
    let before = tasks(cluster).await?;
    let (id, life_before) = life(cluster, node).await?;
    for manager in cluster.managers() {
        manager.kill(Service::Daemon, "KILL").await?;
    }
    node.docker(&["kill", &id]).await?;
    eventually("the container to run again", SOON, async || {
        let now = life(cluster, node).await?;
        ensure!(now.0 == id && now.1 != life_before, "{now:?}");
        Ok(())
    })
    .await?;
    let again = life(cluster, node).await?;
    eventually("it to answer through its node", SOON, async || {
        let answers = cluster.ask(node, PORT, 16).await?;
        ensure!(answers.iter().any(|answer| id.starts_with(&answer.hostname)), "{answers:?}");
        Ok(())
    })
    .await?;
    for manager in cluster.managers() {
        manager.start(Service::Daemon).await?;
    }
    cluster.all_ready().await?;
    answers_everywhere(cluster).await?;
    ensure_same(cluster, &before).await.context("the managers replace nothing")?;
    let now = life(cluster, node).await?;
    ensure!(now == again, "before: {again:?}, now: {now:?}");
    Ok(())
}
