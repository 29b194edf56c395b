//! What is lost or hangs while the cluster is under load: managers, a node, the time of the processors.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::cluster::MENDED;
use crate::load::is_full;
use crate::traffic::NAME;
use crate::traffic::REPLICAS;
use crate::traffic::Traffic;
use crate::traffic::pass;
use crate::traffic::service;
use crate::traffic::settled;

pub(crate) async fn without_managers_no_request_fails_and_nothing_restarts(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    let before = cluster.lives(NAME).await?;
    traffic
        .during("all managers killed", async || {
            for node in cluster.managers() {
                node.kill(Service::Daemon, "KILL").await?;
            }
            // Longer than the lease of a node.
            pass(Duration::from_secs(if is_full() { 60 } else { 20 })).await
        })
        .await?;
    traffic
        .during("the managers return", async || {
            for node in cluster.managers() {
                node.start(Service::Daemon).await?;
            }
            cluster.all_ready().await?;
            settled(cluster, REPLICAS).await
        })
        .await?;
    let after = cluster.lives(NAME).await?;
    ensure!(before == after, "before: {before:#?}, after: {after:#?}");
    traffic.finish().await?.check()
}

pub(crate) async fn a_busy_machine_is_not_taken_for_dead(cluster: &Cluster) -> anyhow::Result<()> {
    let traffic = Traffic::start(cluster, service(), cluster.members()).await?;
    let before = cluster.lives(NAME).await?;
    let time = Duration::from_secs(if is_full() { 300 } else { 20 });
    traffic
        .during(&format!("both processors busy for {} s", time.as_secs()), async || {
            let mut busy = Vec::new();
            for _ in 0..4 {
                let mut spin = tokio::process::Command::new("sh");
                spin.args(["-c", "while :; do :; done"]).kill_on_drop(true);
                busy.push(spin.spawn()?);
            }
            let end = Instant::now() + time;
            while Instant::now() < end {
                for view in cluster.nodes(cluster.manager()).await? {
                    let (name, state) = (view.description.hostname, view.status.state);
                    ensure!(state == "ready", "{name} is taken for {state}");
                }
                pass(Duration::from_millis(500)).await?;
            }
            Ok(())
        })
        .await?;
    let after = cluster.lives(NAME).await?;
    ensure!(before == after, "before: {before:#?}, after: {after:#?}");
    traffic.finish().await?.check()
}

pub(crate) async fn a_lost_node_is_replaced_and_routed_around(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let lost = cluster.worker();
    let id = cluster.node_id(lost).await?;
    // Through the lost node itself nobody can be served.
    let traffic = Traffic::start(cluster, service(), cluster.managers()).await?;
    let phase = "a node is cut off";
    let routed = traffic
        .during(phase, async || {
            let begun = Instant::now();
            cluster.lab().cut(lost).await?;
            eventually("its task to be replaced", MENDED, async || {
                let tasks = cluster.running(cluster.manager(), NAME).await?;
                let elsewhere = tasks.iter().filter(|task| task.node_id != id);
                let routed = elsewhere.filter(|task| task.routing == "routed").count();
                ensure!(routed == REPLICAS, "{routed} routed tasks on other nodes");
                Ok(())
            })
            .await?;
            Ok(begun.elapsed())
        })
        .await?;
    traffic.during("a quiet time", async || pass(Duration::from_secs(5)).await).await?;
    traffic
        .during("the node returns", async || {
            cluster.lab().heal(lost).await?;
            cluster.all_ready().await?;
            settled(cluster, REPLICAS).await
        })
        .await?;
    let report = traffic.finish().await?;
    let last = report.last_failure(phase).context("no request was lost with the node")?;
    writeln!(
        std::io::stderr(),
        "from the cut to the last failed request {last:.1?}, to the replacement routed {routed:.1?}"
    )?;
    let allowed = Duration::from_secs(30);
    ensure!(routed < allowed, "the replacement was routed only after {routed:?}");
    ensure!(last < routed + swarmlite_lab::load::LIMIT, "requests failed up to {last:?}");
    report.check_without(phase)
}
