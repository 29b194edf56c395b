//! Names and virtual addresses between services on networks of users.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Answer;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::SOON;

/// A service of two replicas on the network `backend`, and one container on another node that asks.
async fn two_services(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.run("network create --driver overlay backend").await?;
    let asker = cluster.worker().name();
    let elsewhere = format!("--constraint node.hostname!={asker}");
    cluster.create(&format!("--name server --network backend --replicas 2 {elsewhere}")).await?;
    let there = format!("--constraint node.hostname=={asker}");
    cluster.create(&format!("--name asker --network backend {there}")).await?;
    for name in ["server", "tasks.server"] {
        eventually(&format!("{name} to answer"), SOON, async || {
            from(cluster, "asker", &format!("get http://{name}:8000/ -n 4")).await
        })
        .await?;
    }
    Ok(())
}

/// Runs the workload's client in the one container of `service`.
async fn from(cluster: &Cluster, service: &str, command: &str) -> anyhow::Result<String> {
    let (node, container) = cluster.container(service).await?;
    cluster.inside((node, &container), command).await
}

/// The addresses of `name`, as the container of the service `asker` looks it up.
async fn lookup(cluster: &Cluster, name: &str) -> anyhow::Result<BTreeSet<IpAddr>> {
    let text = from(cluster, "asker", &format!("lookup {name}")).await?;
    text.lines().map(|line| line.parse().context("an address")).collect()
}

pub(crate) async fn a_service_is_reached_by_name_on_another_node(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    two_services(cluster).await?;
    let text = from(cluster, "asker", "get http://server:8000/ -n 20").await?;
    let answers = Answer::parse_all(&text)?;
    let names: BTreeSet<&str> = answers.iter().map(|answer| &*answer.hostname).collect();
    ensure!(names.len() == 2, "answers came from {names:?}");
    let own = Answer::parse_all(&from(cluster, "asker", "get http://127.0.0.1:8000/").await?)?;
    for answer in &answers {
        let seen = answer.client.ip();
        ensure!(own[0].addresses.contains(&seen), "the asker was seen as {seen}");
    }
    Ok(())
}

pub(crate) async fn tasks_dot_name_gives_every_address(cluster: &Cluster) -> anyhow::Result<()> {
    two_services(cluster).await?;
    let vip = lookup(cluster, "server").await?;
    ensure!(vip.len() == 1, "the service has the addresses {vip:?}");
    let tasks = lookup(cluster, "tasks.server").await?;
    ensure!(tasks.len() == 2, "its tasks have the addresses {tasks:?}");
    ensure!(tasks.is_disjoint(&vip), "the virtual address is one of {tasks:?}");
    for address in &tasks {
        let text = from(cluster, "asker", &format!("get http://{address}:8000/")).await?;
        let answer = &Answer::parse_all(&text)?[0];
        ensure!(answer.addresses.contains(address), "{address} was answered by {answer:?}");
    }
    Ok(())
}

pub(crate) async fn a_service_reaches_itself_by_name(cluster: &Cluster) -> anyhow::Result<()> {
    two_services(cluster).await?;
    // With one replica, the virtual address leads back to the container that asks.
    let answer = eventually("the asker to answer itself", SOON, async || {
        from(cluster, "asker", "get http://asker:8000/ -n 4").await
    });
    Answer::parse_all(&answer.await?).map(drop)
}

pub(crate) async fn names_of_other_networks_do_not_resolve(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    two_services(cluster).await?;
    cluster.run("network create --driver overlay other").await?;
    let there = format!("--constraint node.hostname=={}", cluster.worker().name());
    cluster.create(&format!("--name hidden --network other {there}")).await?;
    eventually("hidden to know itself", SOON, async || {
        from(cluster, "hidden", "lookup hidden").await
    })
    .await?;
    for name in ["hidden", "tasks.hidden"] {
        let outcome = lookup(cluster, name).await;
        ensure!(outcome.is_err(), "{name} has {outcome:?} on a network it is not on");
    }
    let back = from(cluster, "hidden", "lookup server").await;
    ensure!(back.is_err(), "server resolves on a network it is not on: {back:?}");
    Ok(())
}
