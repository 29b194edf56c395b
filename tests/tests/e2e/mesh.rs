//! The routing mesh: every node answers for every published port, and containers see who really asks.

use std::collections::BTreeSet;

use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::SOON;

const PORT: u16 = 8000;

/// Makes the service of the first page of the manual.
async fn two_replicas(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.create("--name whoami --publish 8000:8000 --replicas 2").await?;
    for node in cluster.members() {
        eventually(&format!("an answer by {}", node.name()), SOON, async || {
            cluster.ask(node, PORT, 4).await
        })
        .await?;
    }
    Ok(())
}

/// The nodes that run no container of `service`.
async fn nodes_without<'a>(cluster: &'a Cluster, service: &str) -> anyhow::Result<Vec<&'a Node>> {
    let mut without = Vec::new();
    for node in cluster.members() {
        if cluster.containers(node, service).await?.is_empty() {
            without.push(node);
        }
    }
    Ok(without)
}

pub(crate) async fn a_published_port_is_answered_by_every_node(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    two_replicas(cluster).await?;
    let without = nodes_without(cluster, "whoami").await?;
    ensure!(without.len() == 2, "two of four nodes have a replica, {} have none", without.len());
    for node in cluster.members() {
        cluster.ask(node, PORT, 20).await?;
        // From the node itself, by its address and by the one that only it can use.
        node.get(&format!("http://{}:{PORT}/", node.address()), 4).await?;
        node.get(&format!("http://127.0.0.1:{PORT}/"), 4).await?;
    }
    Ok(())
}

pub(crate) async fn replicas_answer_in_turn(cluster: &Cluster) -> anyhow::Result<()> {
    two_replicas(cluster).await?;
    for node in cluster.members() {
        let answers = cluster.ask(node, PORT, 20).await?;
        let names: Vec<&str> = answers.iter().map(|answer| answer.hostname.as_str()).collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        ensure!(distinct.len() == 2, "{} sends to {distinct:?}", node.name());
        let in_turn = names.windows(2).all(|pair| pair[0] != pair[1]);
        ensure!(in_turn, "{} does not alternate: {names:?}", node.name());
    }
    Ok(())
}

pub(crate) async fn containers_see_the_address_of_the_client_over_tcp(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    two_replicas(cluster).await?;
    let client = cluster.lab().client_address();
    for node in cluster.members() {
        for answer in cluster.ask(node, PORT, 4).await? {
            let seen = answer.client.ip();
            ensure!(seen == client, "through {} a container saw {seen}", node.name());
        }
    }
    // Also when a node asks another.
    let [one, other, ..] = cluster.members() else { anyhow::bail!("too few nodes") };
    for answer in one.get(&format!("http://{}:{PORT}/", other.address()), 4).await? {
        let seen = answer.client.ip();
        ensure!(seen == one.address(), "{} was seen as {seen}", one.name());
    }
    Ok(())
}

pub(crate) async fn containers_see_the_address_of_the_client_over_udp(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    cluster.create("--name whoami --publish 8001:8000/udp --replicas 2").await?;
    let client = cluster.lab().client_address();
    for node in cluster.members() {
        let target = format!("{}:8001", node.address());
        let what = format!("an answer by {} over UDP", node.name());
        let ask = async || cluster.lab().ask(&["udp", &target]).await;
        eventually(&what, SOON, ask).await?;
        let answers = cluster.lab().ask(&["udp", &target, "-n", "8"]).await?;
        let names: BTreeSet<&str> = answers.iter().map(|answer| &*answer.hostname).collect();
        ensure!(names.len() == 2, "{} sends to {names:?}", node.name());
        for answer in answers {
            let seen = answer.client.ip();
            ensure!(seen == client, "through {} a container saw {seen}", node.name());
        }
    }
    Ok(())
}
