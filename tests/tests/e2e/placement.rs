//! Expressions of a service's own, and what is measured, decide where its tasks go; an expression that cannot be read is refused.

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;

/// Ensures that as many tasks of the service run as are wanted, all on this node.
async fn ensure_all_on(
    cluster: &Cluster,
    service: &str,
    count: usize,
    node: &Node,
) -> anyhow::Result<()> {
    let running = cluster.running(cluster.manager(), service).await?;
    let id = cluster.node_id(node).await?;
    ensure!(running.len() == count, "{running:?}");
    ensure!(running.iter().all(|task| task.node_id == id), "not on {}: {running:?}", node.name());
    Ok(())
}

pub(crate) async fn a_filter_and_a_score_of_a_service(cluster: &Cluster) -> anyhow::Result<()> {
    let [first, .., last] = cluster.members() else { anyhow::bail!("few nodes") };
    let filter = "--placement-filter node.zone=='a'&&true";
    let refused = cluster.run(&format!("service create --name web {filter} {IMAGE}")).await;
    let message = format!("{:#}", refused.err().context("it was taken")?);
    let expected = "placement filter, line 1, column 1: unknown name \"node.zone\"";
    ensure!(message.contains(expected), "{message}");
    ensure!(cluster.services(cluster.manager()).await?.is_empty(), "nothing was made");

    let filter = format!("--placement-filter node.hostname=='{}'", last.name());
    cluster.create(&format!("--name web --replicas 3 {filter}")).await?;
    ensure_all_on(cluster, "web", 3, last).await?;

    let score = format!("--placement-score node.hostname=='{}'?1:0", first.name());
    cluster.create(&format!("--name best --replicas 3 {score}")).await?;
    ensure_all_on(cluster, "best", 3, first).await?;
    let explained = cluster.run("service explain best").await?;
    ensure!(explained.contains(&format!("go to {}: its score is 1", first.name())), "{explained}");

    // What has a node keeps it; what comes goes where it is best now.
    let score = format!("--placement-score node.hostname=='{}'?1:0", last.name());
    let filter = "--placement-filter has(node.labels.gpu)||node.tasks<100";
    cluster.run(&format!("service update --quiet {score} {filter} best")).await?;
    ensure_all_on(cluster, "best", 3, first).await?;
    let planned = cluster.run("service update --plan --force best").await?;
    let here = format!("{}: best.1 (now on {}), best.2", last.name(), first.name());
    ensure!(planned.contains(&here), "{planned}");
    cluster.run("service update --quiet --force --update-monitor 1s best").await?;
    ensure_all_on(cluster, "best", 3, last).await
}

pub(crate) async fn a_filter_that_cannot_be_told(cluster: &Cluster) -> anyhow::Result<()> {
    let label = "--label swarmlite.placement.filter=node.labels.gpu=='yes'";
    cluster.create(&format!("--detach --name picky {label}")).await?;
    let text = "the placement filter cannot be told: there is no label \"gpu\"";
    eventually("the task to wait", SOON, async || {
        let explained = cluster.run("service explain picky").await?;
        for node in cluster.members() {
            ensure!(explained.contains(&format!("{}: {text}", node.name())), "{explained}");
        }
        ensure!(explained.contains("placement filter not satisfied on 4 nodes"), "{explained}");
        ensure!(explained.contains("To place it: drop the placement filter"), "{explained}");
        Ok(())
    })
    .await
}

pub(crate) async fn tasks_go_where_the_least_is_in_use(cluster: &Cluster) -> anyhow::Result<()> {
    let [.., last] = cluster.members() else { anyhow::bail!("no nodes") };
    for node in cluster.members() {
        let free = if node.name() == last.name() { 9 } else { 1 };
        measured_by(node, &with_memory(10, free)?).await?;
    }
    let used = follow_usage(cluster, last).await;
    for node in cluster.members() {
        node.kill(Service::Daemon, "TERM").await?;
        node.start(Service::Daemon).await?;
    }
    cluster.all_ready().await?;
    used
}

async fn follow_usage(cluster: &Cluster, idle: &Node) -> anyhow::Result<()> {
    cluster.all_ready().await?;
    let usage = "--placement-strategy usage";
    cluster
        .run(&format!("service create --detach --name web --replicas 0 {usage} {IMAGE}"))
        .await?;
    // Every manager says the same, although nodes report to the leader alone.
    for manager in cluster.managers() {
        eventually("all nodes to have reported", SOON, async || {
            let explained = manager.swarmlite(&["service", "explain", "web"]).await?;
            ensure!(!explained.contains("has not reported"), "{explained}");
            ensure!(
                explained.contains(&format!("One more would go to {}", idle.name())),
                "{explained}"
            );
            Ok(())
        })
        .await?;
    }
    cluster.run("service scale web=3").await?;
    ensure_all_on(cluster, "web", 3, idle).await
}

/// Has the daemon of `node` measure by these counters: of a machine whose processors have nothing to do.
async fn measured_by(node: &Node, meminfo: &str) -> anyhow::Result<()> {
    let folder = node.dir().join("proc");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy("/proc/stat", folder.join("stat"))?;
    std::fs::write(folder.join("meminfo"), meminfo)?;
    node.kill(Service::Daemon, "TERM").await?;
    let folder = folder.display().to_string();
    node.start_with(Service::Daemon, &["--procfs", &folder]).await
}

/// The kernel's counters of a machine with so many gigabytes, of which so many can be had.
fn with_memory(total: u64, free: u64) -> anyhow::Result<String> {
    let fields = std::fs::read_to_string("/proc/meminfo")?;
    let lines = fields.lines().map(|line| match line.split_once(':') {
        Some(("MemTotal", _)) => format!("MemTotal: {} kB\n", total << 20),
        Some(("MemAvailable", _)) => format!("MemAvailable: {} kB\n", free << 20),
        _ => format!("{line}\n"),
    });
    Ok(lines.collect())
}
