//! Routes follow what runs, and go with it.

use std::collections::BTreeSet;

use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::SOON;

const PORT: u16 = 8000;

/// Waits until exactly `count` containers answer through each node.
async fn answered_by(cluster: &Cluster, count: usize) -> anyhow::Result<()> {
    for node in cluster.members() {
        let what = format!("{count} containers to answer through {}", node.name());
        eventually(&what, SOON, async || {
            let answers = cluster.ask(node, PORT, 20).await?;
            let names: BTreeSet<&str> = answers.iter().map(|answer| &*answer.hostname).collect();
            ensure!(names.len() == count, "{names:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

pub(crate) async fn routes_follow_the_scale_on_every_node(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.create("--name whoami --publish 8000:8000 --replicas 2").await?;
    answered_by(cluster, 2).await?;
    cluster.run("service scale whoami=5").await?;
    answered_by(cluster, 5).await?;
    cluster.run("service scale whoami=1").await?;
    answered_by(cluster, 1).await?;
    eventually("the other containers to be gone", SOON, async || {
        let (_, id) = cluster.container("whoami").await?;
        Ok(id)
    })
    .await
    .map(drop)
}

pub(crate) async fn a_removed_service_leaves_nothing_behind(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    // The first published service makes what stays: the ingress network, and the bridge that Docker adds for the way out.
    make_and_remove(cluster).await?;
    let before = dumps(cluster).await?;
    make_and_remove(cluster).await?;
    for (node, before) in cluster.members().iter().zip(&before) {
        let what = format!("{} to be as it was before", node.name());
        eventually(&what, SOON, async || same(before, &node.kernel_state().await?)).await?;
        no_network_of_users(node).await?;
    }
    Ok(())
}

/// Makes a published service on a network of its own with a replica on every node, asks it, and removes both.
async fn make_and_remove(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.run("network create --driver overlay backend").await?;
    cluster.create("--name whoami --network backend --publish 8000:8000 --mode global").await?;
    answered_by(cluster, cluster.members().len()).await?;
    cluster.run("service rm whoami").await?;
    eventually("the network to be removed", SOON, async || cluster.run("network rm backend").await)
        .await?;
    for node in cluster.members() {
        eventually(&format!("the containers on {} to be gone", node.name()), SOON, async || {
            let containers = node.docker(&["ps", "--all", "--quiet"]).await?;
            ensure!(containers.is_empty(), "{containers}");
            no_network_of_users(node).await
        })
        .await?;
    }
    Ok(())
}

/// Only networks that no user has made are left in the engine of `node`.
async fn no_network_of_users(node: &Node) -> anyhow::Result<()> {
    let networks = node.docker(&["network", "ls", "--format", "{{.Name}}"]).await?;
    let own = ["bridge", "docker_gwbridge", "host", "ingress", "none"];
    let left: Vec<&str> = networks.lines().filter(|name| !own.contains(name)).collect();
    ensure!(left.is_empty(), "{} still has the networks {left:?}", node.name());
    Ok(())
}

async fn dumps(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let mut dumps = Vec::new();
    for node in cluster.members() {
        dumps.push(node.kernel_state().await?);
    }
    Ok(dumps)
}

/// Compares two dumps by their lines.
fn same(before: &str, after: &str) -> anyhow::Result<()> {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) =
        (before.lines().collect(), after.lines().collect());
    let gone: Vec<_> = old.difference(&new).collect();
    let left: Vec<_> = new.difference(&old).collect();
    ensure!(gone.is_empty() && left.is_empty(), "left behind: {left:#?}\ngone: {gone:#?}");
    Ok(())
}
