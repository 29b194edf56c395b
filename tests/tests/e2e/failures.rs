//! Daemons that are killed and nodes that are cut off.

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::MENDED;
use crate::cluster::SOON;
use crate::watch::Watch;

const PORT: u16 = 8000;

async fn published(cluster: &Cluster, replicas: u64) -> anyhow::Result<()> {
    let options = format!("--name whoami --publish 8000:8000 --replicas {replicas}");
    cluster.create(&options).await?;
    for node in cluster.members() {
        let what = format!("an answer by {}", node.name());
        eventually(&what, SOON, async || cluster.ask(node, PORT, 6).await).await?;
    }
    Ok(())
}

pub(crate) async fn the_leader_is_killed(cluster: &Cluster) -> anyhow::Result<()> {
    published(cluster, 2).await?;
    let name = cluster.leader(cluster.manager()).await?;
    let killed = cluster.lab().node(&name)?;
    let survivor = cluster.managers().iter().find(|node| node.name() != name);
    let survivor = survivor.context("no other manager")?;
    // Also the node whose daemon is dead goes on answering: the kernel has all it needs.
    let everyone: Vec<&Node> = cluster.members().iter().collect();
    let watch = Watch::start(cluster.lab(), &everyone, PORT);
    killed.kill(Service::Daemon, "KILL").await?;
    eventually("another leader", SOON, async || {
        ensure!(cluster.leader(survivor).await? != name, "the dead one leads");
        Ok(())
    })
    .await?;
    let create = ["service", "create", "--quiet", "--name", "second", "whoami:latest"];
    survivor.swarmlite(&create).await.context("a new service without the old leader")?;
    killed.start(Service::Daemon).await?;
    cluster.all_ready().await?;
    eventually("the killed one to catch up", SOON, async || {
        let services = cluster.services(killed).await?;
        ensure!(services == cluster.services(survivor).await?, "it sees {services:?}");
        Ok(())
    })
    .await?;
    watch.finish().await
}

pub(crate) async fn all_daemons_are_killed(cluster: &Cluster) -> anyhow::Result<()> {
    published(cluster, 3).await?;
    let containers = cluster.lives("whoami").await?;
    ensure!(containers.len() == 3, "{containers:?}");
    let services = cluster.services(cluster.manager()).await?;
    let everyone: Vec<&Node> = cluster.members().iter().collect();
    let watch = Watch::start(cluster.lab(), &everyone, PORT);
    for node in cluster.members() {
        node.kill(Service::Daemon, "KILL").await?;
    }
    for node in cluster.members() {
        cluster.ask(node, PORT, 6).await.context("with all daemons dead")?;
    }
    for node in cluster.members() {
        node.start(Service::Daemon).await?;
    }
    cluster.all_ready().await?;
    let after = cluster.services(cluster.manager()).await?;
    ensure!(after == services, "before: {services:?}, after: {after:?}");
    // The cluster still works: what it decides from now on is seen in the kernel.
    cluster.create("--name second --publish 8002:8000").await?;
    for node in cluster.members() {
        let what = format!("the second service to answer through {}", node.name());
        eventually(&what, SOON, async || cluster.ask(node, 8002, 1).await).await?;
    }
    let now = cluster.lives("whoami").await?;
    ensure!(now == containers, "before: {containers:?}, after: {now:?}");
    watch.finish().await
}

pub(crate) async fn a_node_is_cut_off(cluster: &Cluster) -> anyhow::Result<()> {
    const REPLICAS: usize = 4;
    published(cluster, REPLICAS as u64).await?;
    let manager = cluster.manager();
    let lost = &cluster.members()[1];
    let rest: Vec<&Node> =
        cluster.members().iter().filter(|node| node.name() != lost.name()).collect();
    let had = cluster.containers(lost, "whoami").await?.len();
    ensure!(had == 1, "four replicas on four nodes, {had} of them on {}", lost.name());
    cluster.lab().cut(lost).await?;
    eventually("the tasks to be replaced elsewhere", MENDED, async || {
        let mut count = 0;
        for node in &rest {
            count += cluster.containers(node, "whoami").await?.len();
        }
        ensure!(count == REPLICAS, "{count} containers");
        Ok(())
    })
    .await?;
    for node in &rest {
        let what = format!("no request through {} to be lost", node.name());
        eventually(&what, SOON, async || cluster.ask(node, PORT, 20).await).await?;
    }
    cluster.lab().heal(lost).await?;
    cluster.all_ready().await?;
    eventually("one container for each slot", MENDED, async || {
        let mut count = 0;
        for node in cluster.members() {
            count += cluster.containers(node, "whoami").await?.len();
        }
        ensure!(count == REPLICAS, "{count} containers");
        let mut slots: Vec<u64> =
            cluster.running(manager, "whoami").await?.iter().map(|task| task.slot).collect();
        slots.sort_unstable();
        ensure!(slots == [1, 2, 3, 4], "slots {slots:?}");
        Ok(())
    })
    .await?;
    let what = format!("{} to answer again", lost.name());
    eventually(&what, SOON, async || cluster.ask(lost, PORT, 20).await).await.map(drop)
}
