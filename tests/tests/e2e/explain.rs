//! The scheduler explains: what keeps a task from each node, and what would help. Whoever does that has the task placed.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use serde::Deserialize;
use swarmlite_lab::eventually;
use swarmlite_proto::time::Timestamp;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;

/// What swarmlite says of a task that waits, written down here once more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Explanation {
    sentence: String,
    waiting: u64,
    error: String,
    hint: String,
    nodes: Vec<Verdict>,
}

/// What it says of a node.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Verdict {
    hostname: String,
    rank: Option<u64>,
    obstacles: Vec<Obstacle>,
}

/// What it says of one thing that is in the way.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Obstacle {
    check: String,
    text: String,
}

impl Explanation {
    /// Ensures that on every node one thing is in the way, about which `check` says something that contains `text`.
    fn ensure_each(&self, cluster: &Cluster, check: &str, text: &str) -> anyhow::Result<()> {
        let mut named: Vec<&str> = self.nodes.iter().map(|node| &*node.hostname).collect();
        named.sort_unstable();
        let members: Vec<&str> = cluster.members().iter().map(|node| node.name()).collect();
        ensure!(named == members, "{named:?} and not {members:?}");
        for node in &self.nodes {
            let [only] = &node.obstacles[..] else { anyhow::bail!("{node:?}") };
            ensure!(only.check == check && only.text.contains(text), "{node:?}");
            ensure!(node.rank.is_none(), "{node:?}");
        }
        Ok(())
    }
}

/// What the command line says of a service, once a task of it waits for a node.
async fn explained(cluster: &Cluster, service: &str) -> anyhow::Result<Explanation> {
    eventually("a task to wait for a node", SOON, async || {
        let said = cluster.run(&format!("service explain --format json {service}")).await?;
        let explanation: Explanation = serde_json::from_str(&said).context(said)?;
        ensure!(explanation.waiting == 1 && !explanation.error.is_empty(), "{explanation:?}");
        Ok(explanation)
    })
    .await
}

/// Ensures that as many tasks of the service run as there should.
async fn ensure_placed(cluster: &Cluster, service: &str, count: usize) -> anyhow::Result<()> {
    eventually("all tasks to run", SOON, async || {
        let running = cluster.running(cluster.manager(), service).await?.len();
        ensure!(running == count, "{running} of {count} tasks of {service} run");
        Ok(())
    })
    .await
}

pub(crate) async fn a_constraint_that_nobody_meets(cluster: &Cluster) -> anyhow::Result<()> {
    let create = format!(
        "service create --name picky --update-monitor 1s --constraint node.labels.e2e==yes {IMAGE}"
    );
    let explain = async {
        let explanation = explained(cluster, "picky").await?;
        explanation.ensure_each(cluster, "constraint", "node.labels.e2e==yes is not met")?;
        let nobody = "no suitable node (scheduling constraints not satisfied on 4 nodes)";
        ensure!(explanation.error == nobody, "{explanation:?}");
        ensure!(explanation.sentence.contains(nobody), "{explanation:?}");
        let hint = "drop constraint node.labels.e2e==yes, or label node";
        ensure!(explanation.hint.starts_with(hint), "{}", explanation.hint);
        let whole = cluster.run("service ps --no-trunc picky").await?;
        let line = format!("{nobody}: ");
        ensure!(whole.contains(&line) && whole.contains("node4: constraint "), "{whole}");
        let picture = cluster.run("service explain picky").await?;
        ensure!(picture.contains("NODE") && picture.contains('✗'), "{picture}");
        ensure!(picture.contains("To place it: drop constraint"), "{picture}");
        // Long enough for whoever waits for the service to be told.
        let task = cluster.tasks(cluster.manager(), "picky").await?.pop().context("no task")?;
        let of_task = cluster.run(&format!("task explain {}", task.id)).await?;
        ensure!(of_task.starts_with(&format!("picky.1 waits for a node: {nobody}.")), "{of_task}");
        let since = Timestamp::now();
        eventually("it to have waited", SOON, async || {
            ensure!(Timestamp::now().since(since) > Duration::from_secs(8), "not long");
            Ok(())
        })
        .await?;
        cluster.run("node update --label-add e2e=yes node4").await?;
        anyhow::Ok(())
    };
    let (said, explained) = tokio::join!(cluster.run(&create), explain);
    cluster.run("node update --label-rm e2e node4").await?;
    explained?;
    let said = said?;
    ensure!(said.contains("To place it: drop constraint node.labels.e2e==yes"), "{said}");
    let running = cluster.running(cluster.manager(), "picky").await?;
    let worker = cluster.node_id(cluster.worker()).await?;
    ensure!(running.iter().all(|task| task.node_id == worker), "{running:?}");
    Ok(())
}

pub(crate) async fn too_much_memory(cluster: &Cluster) -> anyhow::Result<()> {
    let plan = format!("service create --plan --name fat --reserve-memory 1024g {IMAGE}");
    let planned = cluster.run(&plan).await?;
    ensure!(planned.contains("no node: fat.1"), "{planned}");
    ensure!(planned.ends_with("This is a plan: nothing was changed.\n"), "{planned}");
    ensure!(cluster.services(cluster.manager()).await?.is_empty(), "it was only planned");

    cluster.create("--detach --name fat --reserve-memory 1024g").await?;
    let explanation = explained(cluster, "fat").await?;
    explanation.ensure_each(cluster, "resources", "of memory short: 1 TiB needed, ")?;
    let amount =
        explanation.hint.strip_prefix("reserve at most ").context(explanation.hint.clone())?;
    let amount = amount.strip_suffix(" of memory").context(explanation.hint.clone())?;
    let amount = amount.replace(' ', "");
    cluster.run(&format!("service update --quiet --reserve-memory {amount} fat")).await?;
    ensure_placed(cluster, "fat", 1).await
}

pub(crate) async fn a_host_port_that_is_taken(cluster: &Cluster) -> anyhow::Result<()> {
    let publish = |port: u16| format!("mode=host,target=8000,published={port}");
    cluster.create(&format!("--name holder --mode global --publish {}", publish(9000))).await?;
    cluster.create(&format!("--detach --name late --publish {}", publish(9000))).await?;
    let explanation = explained(cluster, "late").await?;
    explanation.ensure_each(cluster, "port", "port 9000 is taken by holder")?;
    ensure!(
        explanation.hint.starts_with("publish another port than 9000, or stop holder on node"),
        "{}",
        explanation.hint
    );
    let (taken, other) = (publish(9000), publish(9001));
    cluster
        .run(&format!("service update --quiet --publish-rm {taken} --publish-add {other} late"))
        .await?;
    ensure_placed(cluster, "late", 1).await
}

pub(crate) async fn as_many_replicas_as_nodes_may_have(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.create("--detach --name many --replicas 5 --replicas-max-per-node 1").await?;
    let explanation = explained(cluster, "many").await?;
    explanation.ensure_each(
        cluster,
        "max-replicas",
        "1 of the service is here, and no more than 1 may be",
    )?;
    ensure!(explanation.hint == "allow 2 tasks per node", "{}", explanation.hint);
    let update = "service update --quiet --replicas-max-per-node 2 many";
    let planned = cluster.run(&update.replace("--quiet", "--plan")).await?;
    ensure!(planned.starts_with("many would be updated: 1 task"), "{planned}");
    cluster.run(update).await?;
    ensure_placed(cluster, "many", 5).await
}

/// The names of the nodes that tasks of the service run on.
async fn hosts(cluster: &Cluster, service: &str) -> anyhow::Result<BTreeSet<String>> {
    let running = cluster.running(cluster.manager(), service).await?;
    let mut hosts = BTreeSet::new();
    for node in cluster.members() {
        let id = cluster.node_id(node).await?;
        if running.iter().any(|task| task.node_id == id) {
            hosts.insert(node.name().to_owned());
        }
    }
    Ok(hosts)
}

/// Ensures that one more task of `service` would be kept away from the nodes `from`, and from no others, by what `check` says there.
async fn ensure_kept_away(
    cluster: &Cluster,
    service: &str,
    from: &BTreeSet<String>,
    check: &str,
    text: &str,
) -> anyhow::Result<()> {
    let said = cluster.run(&format!("service explain --format json {service}")).await?;
    let explanation: Explanation = serde_json::from_str(&said).context(said)?;
    for node in &explanation.nodes {
        let is_told = node.obstacles.iter().any(|it| it.check == check && it.text.contains(text));
        ensure!(is_told == from.contains(&node.hostname), "{node:?}, and away from {from:?}");
        ensure!(node.rank.is_none() == is_told, "{node:?}");
    }
    Ok(())
}

pub(crate) async fn services_keep_apart_and_together(cluster: &Cluster) -> anyhow::Result<()> {
    let members: BTreeSet<String> =
        cluster.members().iter().map(|node| node.name().to_owned()).collect();
    cluster.create("--name host --replicas 2 --anti-affinity service==stranger").await?;
    ensure_placed(cluster, "host", 2).await?;
    let of_host = hosts(cluster, "host").await?;
    ensure!(of_host.len() == 2, "{of_host:?}");

    // Who is kept away says nothing about it.
    cluster.create("--name stranger --replicas 3").await?;
    ensure_placed(cluster, "stranger", 3).await?;
    let of_stranger = hosts(cluster, "stranger").await?;
    ensure!(of_stranger.is_disjoint(&of_host), "{of_stranger:?} and {of_host:?}");
    let text = "anti-affinity service==stranger of host is not met: host.";
    ensure_kept_away(cluster, "stranger", &of_host, "anti-affinity", text).await?;

    cluster.create("--name guest --replicas 3 --affinity service==host").await?;
    ensure_placed(cluster, "guest", 3).await?;
    let of_guest = hosts(cluster, "guest").await?;
    ensure!(of_guest == of_host, "{of_guest:?} and {of_host:?}");
    let others = &members - &of_host;
    let text = "affinity service==host is not met: no such task is here";
    ensure_kept_away(cluster, "guest", &others, "affinity", text).await?;

    cluster.create("--detach --name lonely --affinity service==nobody").await?;
    let explanation = explained(cluster, "lonely").await?;
    explanation.ensure_each(cluster, "affinity", "service==nobody is not met: no such task")?;
    ensure!(explanation.hint == "drop affinity service==nobody", "{}", explanation.hint);
    cluster.run("service update --quiet --affinity-rm service==nobody lonely").await?;
    ensure_placed(cluster, "lonely", 1).await
}
