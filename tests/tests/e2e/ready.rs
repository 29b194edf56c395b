//! Tasks that run and are not ready get no requests, and are otherwise left alone.

use std::collections::BTreeSet;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::SOON;
use crate::watch::Watch;

const PORT: u16 = 8000;

/// The host names that answer through `node`.
async fn answering(cluster: &Cluster, node: &Node) -> anyhow::Result<BTreeSet<String>> {
    let answers = cluster.ask(node, PORT, 20).await?;
    Ok(answers.into_iter().map(|answer| answer.hostname).collect())
}

pub(crate) async fn a_task_that_is_not_ready_gets_no_requests(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let check = "--readiness-http 8000/ready --readiness-interval 200ms --readiness-retries 2";
    cluster.create(&format!("--name whoami --publish 8000:8000 --replicas 2 {check}")).await?;
    let everyone: Vec<&Node> = cluster.members().iter().collect();
    for node in &everyone {
        let what = format!("both to answer through {}", node.name());
        eventually(&what, SOON, async || {
            let names = answering(cluster, node).await?;
            ensure!(names.len() == 2, "{names:?}");
            Ok(())
        })
        .await?;
    }
    let mut found = Vec::new();
    for node in cluster.members() {
        found.extend(cluster.containers(node, "whoami").await?.into_iter().map(|id| (node, id)));
    }
    let (home, id) = found.first().context("no container")?;
    let inspect = ["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", id];
    let life = home.docker(&inspect).await?;
    let watch = Watch::start(cluster.lab(), &everyone, PORT);
    for (switch, count) in [("off", 1), ("on", 2)] {
        let url = format!("get http://127.0.0.1:8000/ready/{switch}");
        cluster.inside((home, id), &url).await?;
        for node in &everyone {
            let what = format!("{count} to answer through {} when {switch}", node.name());
            eventually(&what, SOON, async || {
                let names = answering(cluster, node).await?;
                ensure!(names.len() == count, "{names:?}");
                let own = names.iter().any(|name| id.starts_with(name));
                ensure!(own == (switch == "on"), "{names:?}, of which {id} is {own}");
                Ok(())
            })
            .await?;
        }
        let listed = cluster.run("service ps --no-trunc whoami").await?;
        let says = listed.contains("not ready: HTTP status 503");
        ensure!(says == (switch == "off"), "{listed}");
    }
    ensure!(home.docker(&inspect).await? == life, "it was restarted");
    watch.finish().await
}
