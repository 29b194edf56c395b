//! What is lost or hangs while the cluster is under load: managers, a node, the time of the processors.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
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

/// How long a lost node may get requests from the others. It takes them little more than a second, and four times that if they have to wait for a processor.
pub(crate) const AVOIDED: Duration = Duration::from_secs(4);

/// What nodes and managers log when they suspect another node.
const SUSPICIONS: [&str; 2] = ["does not answer through the tunnel", "asked whether it is there"];

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
    let suspected = suspicions(cluster);
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
    let now = suspicions(cluster);
    ensure!(now == suspected, "nodes were suspected: {suspected} times before, {now} times after");
    traffic.finish().await?.check()
}

/// How often a node of the cluster was suspected so far.
fn suspicions(cluster: &Cluster) -> usize {
    let log = cluster.lab().logs(usize::MAX);
    log.lines().filter(|line| SUSPICIONS.iter().any(|suspicion| line.contains(suspicion))).count()
}

/// What a simulation says: which tasks go where when a node is lost.
async fn foretold(cluster: &Cluster, lost: &str) -> anyhow::Result<BTreeMap<u64, String>> {
    let said = cluster.run(&format!("simulate --lose {lost} --format json")).await?;
    let said: Value = serde_json::from_str(&said).context(said)?;
    let moves = said["Moves"].as_array().context("no moves")?;
    let to = |it: &Value| Some((it["Slot"].as_u64()?, it["To"]["NodeID"].as_str()?.to_owned()));
    let moves: BTreeMap<u64, String> =
        moves.iter().filter(|it| it["ServiceName"] == NAME).filter_map(to).collect();
    ensure!(!moves.is_empty(), "nothing would move: {said}");
    let page = cluster.run(&format!("simulate --lose {lost}")).await?;
    ensure!(page.ends_with("This is a simulation: nothing was changed.\n"), "{page}");
    Ok(moves)
}

pub(crate) async fn a_lost_node_is_replaced_and_routed_around(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let lost = cluster.worker();
    let id = cluster.node_id(lost).await?;
    // Through the lost node itself nobody can be served.
    let traffic = Traffic::start(cluster, service(), cluster.managers()).await?;
    let foretold = foretold(cluster, lost.name()).await?;
    let phase = "a node is cut off";
    let begun = Instant::now();
    let requests = async {
        traffic
            .during(phase, async || {
                cluster.lab().cut(lost).await?;
                pass(AVOIDED).await
            })
            .await?;
        // None fails that begins after that, whether the task is replaced already or not.
        traffic.during("the others avoid it", async || pass(Duration::from_secs(10)).await).await
    };
    let replaced = async {
        eventually("it to be down", MENDED, async || {
            let nodes = cluster.nodes(cluster.manager()).await?;
            let down = nodes.iter().filter(|node| node.status.state == "down");
            let down: Vec<&str> = down.map(|node| &*node.description.hostname).collect();
            ensure!(down == [lost.name()], "down: {down:?}");
            Ok(())
        })
        .await?;
        let down = begun.elapsed();
        eventually("its task to be replaced", MENDED, async || {
            let tasks = cluster.running(cluster.manager(), NAME).await?;
            let elsewhere = tasks.iter().filter(|task| task.node_id != id);
            let routed = elsewhere.filter(|task| task.routing == "routed").count();
            ensure!(routed == REPLICAS, "{routed} routed tasks on other nodes");
            for (slot, node) in &foretold {
                let task = tasks.iter().find(|task| task.slot == *slot && task.node_id != id);
                let node_id = task.map(|task| &task.node_id);
                ensure!(node_id == Some(node), "{NAME}.{slot} is on {node_id:?} and not on {node}");
            }
            Ok(())
        })
        .await?;
        Ok((down, begun.elapsed()))
    };
    let ((), (down, routed)) = tokio::try_join!(requests, replaced)?;
    traffic
        .during("the node returns", async || {
            cluster.lab().heal(lost).await?;
            cluster.all_ready().await?;
            settled(cluster, REPLICAS).await
        })
        .await?;
    let report = traffic.finish().await?;
    // What was open at that moment may be lost, if anything was.
    let last = report.last_failure(phase).unwrap_or_default();
    writeln!(
        std::io::stderr(),
        "from the cut to the node down {down:.1?}, to the last failed request {last:.1?}, to the replacement routed {routed:.1?}"
    )?;
    // Long before its heartbeats have been missed often enough. How soon the replacement runs after that depends on the engine.
    ensure!(down < Duration::from_secs(10), "it was down only after {down:?}");
    ensure!(routed < Duration::from_secs(30), "the replacement was routed only after {routed:?}");
    report.check_without(phase)
}
