//! A cluster that is upgraded to the next version, one node after the other.
//!
//! The next version is made of the same sources, with a newer protocol and a newer format of what is stored (the program `swarmlite-next`). On a
//! cluster of its own, which cannot go back.

use anyhow::ensure;
use serde_json::Value;
use swarmlite_lab::Node;
use swarmlite_lab::Service;

use crate::cluster::Cluster;
use crate::cluster::program;
use crate::traffic::NAME;
use crate::traffic::Traffic;
use crate::traffic::service;

/// What stays as it is, whatever version reads it.
const KEPT: [&str; 5] = ["/services", "/networks", "/secrets", "/configs", "/tasks"];

/// What a version says of records that it does not know, with what they are and their formats left out.
const NEWER: [&str; 2] = ["was written by a newer swarmlite (format ", "): upgrade this node"];

pub(crate) async fn one_node_after_the_other_fails_no_request(
    shared: &Cluster,
) -> anyhow::Result<()> {
    shared.on_another("upgrade", upgrade).await
}

async fn upgrade(cluster: &Cluster) -> anyhow::Result<()> {
    let next = program("SWARMLITE_LAB_NEXT")?;
    fill(cluster).await?;
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    let lives = cluster.lives(NAME).await?;
    let before = kept(cluster).await?;
    let newer = |node: &Node| node.with_swarmlite(next.clone());
    let [first, rest @ ..] = cluster.members() else { anyhow::bail!("no nodes") };
    traffic
        .during("a manager upgraded and taken back", async || {
            replace(cluster, first, &newer(first)).await?;
            replace(cluster, &newer(first), first).await
        })
        .await?;
    traffic
        .during("all nodes upgraded", async || {
            for node in [first].into_iter().chain(rest) {
                replace(cluster, node, &newer(node)).await?;
            }
            Ok(())
        })
        .await?;
    ensure!(cluster.lives(NAME).await? == lives, "containers were started again");
    let after = kept(cluster).await?;
    for (path, (before, after)) in KEPT.iter().zip(before.iter().zip(&after)) {
        ensure!(before == after, "{path} before: {before:#}, after: {after:#}");
    }
    traffic
        .during("a service made by the next version", async || cluster.create("--name late").await)
        .await?;
    traffic
        .during("a manager that cannot go back", async || {
            cannot_go_back(&newer(first), first).await?;
            newer(first).start(Service::Daemon).await?;
            cluster.all_ready().await
        })
        .await?;
    traffic.finish().await?.check()
}

/// Something of every kind that is replicated.
async fn fill(cluster: &Cluster) -> anyhow::Result<()> {
    let file = cluster.manager().dir().join("content");
    std::fs::write(&file, "some content")?;
    for kind in ["secret", "config"] {
        cluster.run(&format!("{kind} create some {}", file.display())).await?;
    }
    Ok(())
}

/// What there is of [`KEPT`]. Of tasks and services only what no agent reports and no manager counts.
async fn kept(cluster: &Cluster) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    for path in KEPT {
        let mut all: Vec<Value> = cluster.read(cluster.manager(), path).await?;
        for members in all.iter_mut().filter_map(Value::as_object_mut) {
            members.retain(|name, _| !["Version", "UpdatedAt", "Status"].contains(&&**name));
        }
        // An engine lists its own networks in any order.
        all.sort_by_cached_key(Value::to_string);
        found.push(Value::Array(all));
    }
    Ok(found)
}

/// Ends the daemon of a node, and starts that of another version in its place.
async fn replace(cluster: &Cluster, old: &Node, new: &Node) -> anyhow::Result<()> {
    old.kill(Service::Daemon, "TERM").await?;
    new.start(Service::Daemon).await?;
    cluster.all_ready().await
}

/// The older version refuses what the next one wrote.
async fn cannot_go_back(newer: &Node, older: &Node) -> anyhow::Result<()> {
    newer.kill(Service::Daemon, "TERM").await?;
    let said = older.start_in_vain(Service::Daemon).await?;
    ensure!(NEWER.iter().all(|part| said.contains(part)), "it says {said}");
    Ok(())
}
