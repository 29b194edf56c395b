//! Changes that fail, changes that are taken back, and nodes that are emptied: what the command line says of them, and when it returns.

use std::collections::BTreeSet;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::MENDED;
use crate::watch::Watch;

const PORT: u16 = 8000;

/// Options that make updates quick to watch.
const QUICK: &str = "--update-monitor 1s --rollback-monitor 1s";

/// What a command says that has to fail.
async fn failure(cluster: &Cluster, words: &[&str]) -> anyhow::Result<String> {
    match cluster.manager().swarmlite(words).await {
        Ok(said) => anyhow::bail!("{words:?} should fail, and says {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

fn ensure_says(said: &str, words: &[&str]) -> anyhow::Result<()> {
    for word in words {
        ensure!(said.contains(word), "no {word:?} in: {said}");
    }
    Ok(())
}

/// A service of two tasks, which call themselves `name`.
async fn named(cluster: &Cluster, name: &str) -> anyhow::Result<()> {
    let options = format!("--quiet --name web --publish {PORT}:8000 --replicas 2 {QUICK}");
    cluster.run(&format!("service create {options} {IMAGE} serve --name {name}")).await.map(drop)
}

/// What the tasks call themselves, asked through every node.
async fn names(cluster: &Cluster) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for node in cluster.members() {
        names.extend(cluster.ask(node, PORT, 4).await?.into_iter().map(|answer| answer.name));
    }
    Ok(names)
}

async fn ensure_all_are(cluster: &Cluster, name: &str) -> anyhow::Result<()> {
    let names = names(cluster).await?;
    ensure!(names == [name.to_owned()].into(), "{names:?} instead of {name}");
    Ok(())
}

pub(crate) async fn a_service_gets_its_previous_spec_back(cluster: &Cluster) -> anyhow::Result<()> {
    named(cluster, "old").await?;
    let refused = failure(cluster, &["service", "rollback", "web"]).await?;
    ensure_says(&refused, &["does not have a previous spec"])?;
    // As soon as a command returns, nobody is sent to a former task any more.
    let manager = cluster.manager();
    manager
        .swarmlite(&["service", "update", "--quiet", "--args", "serve --name new", "web"])
        .await?;
    ensure_all_are(cluster, "new").await?;
    let said = cluster.run("service rollback web").await?;
    ensure_says(&said, &["rollback: manually requested rollback", "converged"])?;
    ensure_all_are(cluster, "old").await?;
    cluster.run("service update --quiet --rollback web").await?;
    ensure_all_are(cluster, "new").await
}

pub(crate) async fn an_update_that_fails_says_which_task_and_why(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    named(cluster, "old").await?;
    let update = ["service", "update", "--args", "serve --exit-after 100ms"];
    let back = [&update[..], &["--update-failure-action", "rollback", "web"]].concat();
    let said = failure(cluster, &back).await?;
    let because = "due to failure or early termination of task";
    let rolled_back = format!("service update rolled back: update rolled back {because}");
    ensure_says(&said, &[&rolled_back, "task web.", "failed on node", "exit code: 1"])?;
    ensure_all_are(cluster, "old").await?;

    let said = failure(cluster, &[&update[..], &["web"]].concat()).await?;
    ensure_says(&said, &[&format!("service update paused: update paused {because}")])
}

/// Every new task ends, and well after it was watched: that is for the restart policy.
pub(crate) async fn what_ends_after_it_was_watched_does_not_stop_an_update(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    named(cluster, "old").await?;
    let update = "service update --detach --update-delay 12s --update-monitor 2s";
    let mut words: Vec<&str> = update.split(' ').collect();
    words.extend(["--args", "serve --name new --exit-after 8s", "web"]);
    cluster.manager().swarmlite(&words).await?;
    eventually("the end of the update", MENDED, async || {
        let service = cluster.service(cluster.manager(), "web").await?;
        let status = service.update_status.context("there is no update")?;
        if status.state == "paused" {
            return Ok(Err(status.message));
        }
        ensure!(status.state == "completed", "it is {}: {}", status.state, status.message);
        Ok(Ok(()))
    })
    .await?
    .map_err(anyhow::Error::msg)
}

pub(crate) async fn a_create_that_fails_says_which_task_and_why(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let create = "service create --name bad --restart-delay 100ms --max-failures 2";
    let create = format!("{create} {IMAGE} serve --exit-after 100ms");
    let said = failure(cluster, &create.split(' ').collect::<Vec<_>>()).await?;
    let kept_failing = "service bad keeps failing: 2 tasks of bad.1 have ended";
    let task = ["task bad.1 (", "failed on node", "exit code: 1"];
    let log = ["last lines of its log:", "whoami: "];
    ensure_says(&said, &[&[kept_failing], &task[..], &log].concat())?;

    let create = "service create --name once --restart-condition none";
    let create = format!("{create} {IMAGE} serve --exit-after 100ms");
    let said = failure(cluster, &create.split(' ').collect::<Vec<_>>()).await?;
    ensure_says(&said, &["its restart policy allows no other task", "task once.1 ("])
}

pub(crate) async fn a_drain_waits_until_replacements_have_traffic(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = cluster.worker();
    cluster.create(&format!("--name web --publish {PORT}:8000 --replicas 4")).await?;
    cluster.create("--name agent --mode global").await?;
    for service in ["web", "agent"] {
        let count = cluster.containers(node, service).await?.len();
        ensure!(count == 1, "{count} containers of {service} on {}", node.name());
    }
    let everyone: Vec<&Node> = cluster.members().iter().collect();
    let watch = Watch::start(cluster.lab(), &everyone, PORT);
    let said = cluster.run(&format!("node drain --wait {}", node.name())).await?;
    let drained = format!("Node {} is drained.", node.name());
    ensure_says(&said, &["overall progress: 0 tasks left, 1 of 1 replicas moved", &drained])?;
    let left = node.docker(&["ps", "--quiet"]).await?;
    ensure!(left.is_empty(), "{left} still runs on {}", node.name());
    let running = cluster.running(cluster.manager(), "web").await?.len();
    ensure!(running == 4, "{running} replicas run");
    watch.finish().await?;
    let again = cluster.run(&format!("node drain --wait {}", node.name())).await?;
    ensure_says(&again, &["overall progress: 0 tasks left", &drained])?;
    cluster.run(&format!("node activate {}", node.name())).await.map(drop)
}

pub(crate) async fn a_drain_names_what_has_no_place_elsewhere(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let name = cluster.worker().name();
    cluster.create(&format!("--name bound --constraint node.hostname=={name}")).await?;
    let said = failure(cluster, &["node", "drain", "--wait", "--deadline", "5s", name]).await?;
    let late = format!("node {name} is not drained after");
    // It goes on where it is, as long as there is no other place for it.
    let left = format!("bound.1: running on {name}; replacement: no suitable node (");
    ensure_says(&said, &[&late, &left])?;
    cluster.run(&format!("node activate {name}")).await.map(drop)
}
