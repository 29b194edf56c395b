//! Whatever is done to a cluster, no request fails.
//!
//! A little of everything on every run; with `SWARMLITE_LOAD=full` in the environment as much as is promised, which takes half an hour.

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::SOON;
use crate::security::identity;
use crate::traffic::NAME;
use crate::traffic::REPLICAS;
use crate::traffic::Traffic;
use crate::traffic::service;
use crate::traffic::settled;

/// Whether as much is asked as is promised.
pub(crate) fn is_full() -> bool {
    std::env::var("SWARMLITE_LOAD").is_ok_and(|value| value == "full")
}

/// How often something is done: `small` times, or `full` times.
pub(crate) fn times(small: usize, full: usize) -> usize {
    if is_full() { full } else { small }
}

pub(crate) async fn updates_fail_no_request(cluster: &Cluster) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    for order in ["stop-first", "start-first"] {
        let count = times(3, 25);
        traffic
            .during(&format!("{count} updates, {order}"), async || {
                for _ in 0..count {
                    update(cluster, &format!("--force --update-order {order}")).await?;
                }
                Ok(())
            })
            .await?;
    }
    traffic
        .during("scale 1-10-1", async || {
            for replicas in [1, 10, 1, REPLICAS] {
                cluster.run(&format!("service scale --detach {NAME}={replicas}")).await?;
                settled(cluster, replicas).await?;
            }
            Ok(())
        })
        .await?;
    traffic.finish().await?.check()
}

/// Changes the service, and waits until all its tasks are replaced.
async fn update(cluster: &Cluster, options: &str) -> anyhow::Result<()> {
    let manager = cluster.manager();
    let before = cluster.tasks(manager, NAME).await?;
    cluster.run(&format!("service update --detach {options} {NAME}")).await?;
    eventually("the update to be done", 4 * SOON, async || {
        let tasks = cluster.tasks(manager, NAME).await?;
        let old = before.iter().filter(|task| !task.has_ended());
        let kept =
            old.filter(|old| tasks.iter().any(|task| task.id == old.id && !task.has_ended()));
        let kept = kept.count();
        ensure!(kept == 0, "{kept} tasks are not replaced");
        let status = cluster.service(manager, NAME).await?.update_status;
        let state = status.map(|status| status.state).unwrap_or_default();
        ensure!(state == "completed", "it is {state}");
        Ok(())
    })
    .await?;
    settled(cluster, REPLICAS).await
}

pub(crate) async fn drains_fail_no_request(cluster: &Cluster) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    let count = times(2, 10);
    traffic
        .during(&format!("{count} drains, each evened out again"), async || {
            // Not the one whose container asks.
            for node in cluster.members()[1..].iter().rev().cycle().take(count) {
                let name = node.name();
                cluster.run(&format!("node update --availability drain {name}")).await?;
                eventually(&format!("{name} to be empty"), SOON, async || {
                    let left = cluster.containers(node, NAME).await?;
                    ensure!(left.is_empty(), "it has {left:?}");
                    Ok(())
                })
                .await?;
                settled(cluster, REPLICAS).await?;
                cluster.run(&format!("node update --availability active {name}")).await?;
                let planned = cluster.run(&format!("rebalance --plan {NAME}")).await?;
                ensure!(planned.contains(&format!(" -> {name}\n")), "{planned}");
                let moved = cluster.run(&format!("rebalance {NAME}")).await?;
                ensure!(moved.ends_with("All have moved.\n"), "{moved}");
                for node in cluster.members() {
                    let running = cluster.containers(node, NAME).await?;
                    ensure!(running.len() == 1, "{} has {running:?}", node.name());
                }
            }
            Ok(())
        })
        .await?;
    traffic.finish().await?.check()
}

pub(crate) async fn killed_leaders_and_restarted_agents_fail_no_request(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    let before = cluster.lives(NAME).await?;
    let count = times(2, 10);
    traffic
        .during(&format!("{count} leaders killed"), async || {
            for _ in 0..count {
                kill_leader(cluster).await?;
            }
            Ok(())
        })
        .await?;
    traffic
        .during(&format!("{count} agents restarted"), async || {
            for (node, signal) in
                cluster.members().iter().rev().zip(["TERM", "KILL"]).cycle().take(count)
            {
                node.kill(Service::Daemon, signal).await?;
                node.start(Service::Daemon).await?;
                cluster.all_ready().await?;
            }
            Ok(())
        })
        .await?;
    let after = cluster.lives(NAME).await?;
    ensure!(before == after, "before: {before:#?}, after: {after:#?}");
    traffic
        .during("a leader killed during an update", async || {
            cluster.run(&format!("service update --detach --force {NAME}")).await?;
            kill_leader(cluster).await?;
            settled(cluster, REPLICAS).await
        })
        .await?;
    traffic.finish().await?.check()
}

pub(crate) async fn new_authorities_fail_no_request(cluster: &Cluster) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    let before = cluster.lives(NAME).await?;
    let count = times(3, 20);
    traffic
        .during(&format!("{count} new authorities"), async || {
            for _ in 0..count {
                replace_the_authority(cluster).await?;
            }
            Ok(())
        })
        .await?;
    let after = cluster.lives(NAME).await?;
    ensure!(before == after, "before: {before:#?}, after: {after:#?}");
    traffic.finish().await?.check()
}

/// Has the cluster get another authority, and every node another certificate.
async fn replace_the_authority(cluster: &Cluster) -> anyhow::Result<()> {
    let before: Vec<_> = cluster.members().iter().map(identity).collect::<anyhow::Result<_>>()?;
    cluster.run("swarm ca --rotate --quiet").await?;
    for (node, before) in cluster.members().iter().zip(before) {
        let name = node.name();
        eventually(&format!("{name} to trust the new authority alone"), SOON, async || {
            let now = identity(node)?;
            ensure!(now.certificate != before.certificate, "it has the old certificate");
            ensure!(now.root_ca != before.root_ca, "it trusts the old authority");
            let trusted = now.root_ca.matches("BEGIN CERTIFICATE").count();
            ensure!(trusted == 1, "it trusts {trusted} authorities");
            Ok(())
        })
        .await?;
    }
    cluster.all_ready().await
}

/// Kills the leader, waits for another, and starts the killed one again.
async fn kill_leader(cluster: &Cluster) -> anyhow::Result<()> {
    let name = cluster.leader(cluster.manager()).await?;
    let killed = cluster.lab().node(&name)?;
    let survivor = cluster.managers().iter().find(|node| node.name() != name);
    let survivor = survivor.context("no other manager")?;
    killed.kill(Service::Daemon, "KILL").await?;
    eventually("another leader", SOON, async || {
        ensure!(cluster.leader(survivor).await? != name, "the dead one leads");
        Ok(())
    })
    .await?;
    killed.start(Service::Daemon).await?;
    cluster.all_ready().await
}
