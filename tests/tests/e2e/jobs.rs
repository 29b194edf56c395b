//! Jobs, and tasks that have to leave their nodes.

use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;

/// The containers of `service` that have ended, on all nodes together.
async fn ended(cluster: &Cluster, service: &str) -> anyhow::Result<usize> {
    let filter = format!("label=com.docker.swarm.service.name={service}");
    let mut count = 0;
    for node in cluster.members() {
        let args = ["ps", "--all", "--quiet", "--filter", &filter, "--filter", "status=exited"];
        count += node.docker(&args).await?.lines().count();
    }
    Ok(count)
}

async fn replicas(cluster: &Cluster, service: &str) -> anyhow::Result<String> {
    let list =
        format!("service ls --filter name={service} --format {{{{.Mode}}}}|{{{{.Replicas}}}}");
    Ok(cluster.run(&list).await?.trim().to_owned())
}

pub(crate) async fn a_replicated_job_completes_and_runs_once_more_when_changed(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let count = "--mode replicated-job --replicas 3 --max-concurrent 2";
    let said = cluster.run(&format!("service create --name batch {count} {IMAGE} --help")).await?;
    ensure!(said.ends_with("job complete\n"), "{said}");
    let shown = replicas(cluster, "batch").await?;
    ensure!(shown == "replicated job|0/2 (3/3 completed)", "{shown}");
    ensure!(ended(cluster, "batch").await? == 3, "each slot completes once");
    let said = cluster.run("service update --force batch").await?;
    ensure!(said.ends_with("job complete\n"), "{said}");
    eventually("the containers of the first run to be gone", SOON, async || {
        let count = ended(cluster, "batch").await?;
        ensure!(count == 3, "{count} containers");
        Ok(())
    })
    .await
}

pub(crate) async fn a_global_job_completes_on_every_node(cluster: &Cluster) -> anyhow::Result<()> {
    let create = format!("service create --quiet --name sweep --mode global-job {IMAGE} --help");
    cluster.run(&create).await?;
    let nodes = cluster.members().len();
    let shown = replicas(cluster, "sweep").await?;
    ensure!(shown == format!("global job|0/0 ({nodes}/{nodes} completed)"), "{shown}");
    ensure!(ended(cluster, "sweep").await? == nodes, "one container on each node");
    Ok(())
}

pub(crate) async fn a_job_that_fails_is_tried_again(cluster: &Cluster) -> anyhow::Result<()> {
    let options = "--detach --name broken --mode replicated-job --restart-delay 1s";
    cluster.run(&format!("service create {options} {IMAGE} no-such-command")).await?;
    eventually("another try", SOON, async || {
        let tasks = cluster.run("service ps --format {{.CurrentState}} broken").await?;
        let failed = tasks.lines().filter(|state| state.starts_with("Failed")).count();
        ensure!(failed >= 2, "{tasks}");
        Ok(())
    })
    .await?;
    let shown = replicas(cluster, "broken").await?;
    ensure!(shown.ends_with("(0/1 completed)"), "{shown}");
    Ok(())
}

pub(crate) async fn a_task_leaves_a_node_that_has_lost_its_label(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let (first, second) = (&cluster.members()[1], &cluster.members()[2]);
    for node in [first, second] {
        cluster.run(&format!("node update --label-add disk=ssd {}", node.name())).await?;
    }
    cluster.create("--name whoami --replicas 2 --constraint node.labels.disk==ssd").await?;
    let on = async |node: &Node| anyhow::Ok(cluster.containers(node, "whoami").await?.len());
    ensure!((on(first).await?, on(second).await?) == (1, 1), "one on each");
    cluster.run(&format!("node update --label-rm disk {}", first.name())).await?;
    let moved = eventually("both tasks to run where the label is", SOON, async || {
        let count = (on(first).await?, on(second).await?);
        ensure!(count == (0, 2), "{count:?}");
        let tasks = cluster.run("service ps --no-trunc whoami").await?;
        ensure!(tasks.contains("assigned node no longer meets constraints"), "{tasks}");
        Ok(())
    })
    .await;
    cluster.run(&format!("node update --label-rm disk {}", second.name())).await?;
    moved
}
