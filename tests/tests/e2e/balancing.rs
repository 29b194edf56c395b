//! A service chooses how connections are spread over its tasks.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::SOON;

const PORT: u16 = 8000;
const REPLICAS: usize = 3;

/// So many clients go to the same task by chance about once in a hundred thousand runs.
const CLIENTS: u8 = 12;

pub(crate) async fn a_client_stays_with_its_task_until_the_service_lets_it_go(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    cluster
        .create("--name web --publish 8000:8000 --replicas 3 --endpoint-option sticky=10m")
        .await?;
    for node in cluster.members() {
        let what = format!("one task to answer through {}", node.name());
        eventually(&what, SOON, async || {
            let names = names(cluster, node).await?;
            ensure!(names.iter().all(|name| *name == names[0]), "{names:?}");
            Ok(())
        })
        .await?;
    }
    let clients = clients(cluster);
    let each = |verb: &str| -> String {
        clients.iter().map(|client| format!("ip address {verb} {client}/32 dev eth0\n")).collect()
    };
    outside(cluster, &each("replace")).await?;
    let spread = spread_over(cluster, &clients).await;
    speak_as(cluster, cluster.lab().client_address()).await?;
    outside(cluster, &each("delete")).await?;
    let tasks = spread?;
    ensure!(tasks.len() > 1, "{} clients were all sent to {tasks:?}", clients.len());

    let before = containers(cluster).await?;
    ensure!(before.len() == REPLICAS, "{} containers", before.len());
    cluster.run("service update --quiet --endpoint-option-rm sticky web").await?;
    for node in cluster.members() {
        let what = format!("the tasks to take turns through {}", node.name());
        eventually(&what, SOON, async || {
            let names = names(cluster, node).await?;
            let in_turn = names
                .windows(REPLICAS)
                .all(|some| some.iter().collect::<BTreeSet<_>>().len() == REPLICAS);
            ensure!(in_turn, "{names:?}");
            Ok(())
        })
        .await?;
    }
    let after = containers(cluster).await?;
    ensure!(after == before, "containers before: {before:?}, after: {after:?}");
    Ok(())
}

pub(crate) async fn what_the_nodes_cannot_do_is_refused(cluster: &Cluster) -> anyhow::Result<()> {
    let refused = cluster.create("--name web --endpoint-option scheduler=lc").await;
    let message = format!("{:#}", refused.err().context("it was taken")?);
    let expected = "endpoint option scheduler=lc is not supported by nftables, the data plane of \
                    node1, node2, node3 and 1 more: it has rr, wrr, sh";
    ensure!(message.contains(expected), "{message}");
    let services = cluster.services(cluster.manager()).await?;
    ensure!(services.is_empty(), "{services:?}");
    Ok(())
}

/// The containers that answer the next requests through `node`.
async fn names(cluster: &Cluster, node: &Node) -> anyhow::Result<Vec<String>> {
    let answers = cluster.ask(node, PORT, 9).await?;
    Ok(answers.into_iter().map(|answer| answer.hostname).collect())
}

/// The containers that all clients together are sent to, each of them to the same through every node.
async fn spread_over(cluster: &Cluster, clients: &[Ipv4Addr]) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for client in clients {
        speak_as(cluster, *client).await?;
        let mut tasks = BTreeSet::new();
        for node in cluster.members() {
            let answers = cluster.ask(node, PORT, 4).await?;
            let seen: BTreeSet<_> = answers.iter().map(|answer| answer.client.ip()).collect();
            ensure!(seen == [(*client).into()].into(), "{client} was seen as {seen:?}");
            tasks.extend(answers.into_iter().map(|answer| answer.hostname));
        }
        ensure!(tasks.len() == 1, "{client} was sent to {tasks:?}");
        all.extend(tasks);
    }
    Ok(all)
}

/// Addresses for the outside world, below its own and above those of all nodes.
fn clients(cluster: &Cluster) -> Vec<Ipv4Addr> {
    let [a, b, c, own] = cluster.lab().client_address().octets();
    (1..=CLIENTS).map(|offset| Ipv4Addr::new(a, b, c, own - offset)).collect()
}

/// Makes the outside world send from `address`, which it has.
async fn speak_as(cluster: &Cluster, address: Ipv4Addr) -> anyhow::Result<()> {
    let [a, b, c, _] = address.octets();
    outside(cluster, &format!("ip route replace {a}.{b}.{c}.0/24 dev eth0 src {address}")).await
}

/// Runs a script in the outside world.
async fn outside(cluster: &Cluster, script: &str) -> anyhow::Result<()> {
    let output = cluster.lab().client()?.command("sh").args(["-ec", script]).output().await?;
    ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

async fn containers(cluster: &Cluster) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for node in cluster.members() {
        all.extend(cluster.containers(node, "web").await?);
    }
    Ok(all)
}
