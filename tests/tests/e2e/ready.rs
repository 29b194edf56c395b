//! Tasks that run and are not ready get no requests, and are otherwise left alone.

use std::collections::BTreeSet;

use anyhow::Context;
use anyhow::ensure;
use hyper::Method;
use serde_json::json;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
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

/// The processes in a container that serve this port, by the node's numbers.
async fn serving(home: &Node, id: &str, port: &str) -> anyhow::Result<BTreeSet<String>> {
    let listed = home.docker(&["top", id, "-eo", "pid,args"]).await?;
    let serves = |line: &&str| line.ends_with(&format!("--port {port}"));
    let pid = |line: &str| line.split_whitespace().next().map(str::to_owned);
    Ok(listed.lines().filter(serves).filter_map(pid).collect())
}

pub(crate) async fn a_readiness_command_that_takes_too_long_is_killed(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    // It never ends by itself.
    let test = ["CMD", "/whoami", "serve", "--port", "9999"];
    let readiness = json!({"Test": test, "Timeout": 1_000_000_000, "Interval": 1_000_000_000});
    let container = json!({"Image": IMAGE, "Readiness": readiness});
    let service = json!({"Name": "stuck", "TaskTemplate": {"ContainerSpec": container}});
    let manager = cluster.manager();
    let reply = manager.api(Method::POST, "/services/create", &service.to_string()).await?;
    ensure!(reply.status == 201, "status {}: {}", reply.status, reply.body);
    let (home, id, checks) = eventually("a check to run", SOON, async || {
        let (home, id) = cluster.container("stuck").await?;
        let checks = serving(home, &id, "9999").await?;
        ensure!(!checks.is_empty(), "none does");
        Ok((home, id, checks))
    })
    .await?;
    eventually("it to be killed", SOON, async || {
        let now = serving(home, &id, "9999").await?;
        ensure!(now.len() <= 1 && now.is_disjoint(&checks), "{now:?} run, before {checks:?}");
        Ok(())
    })
    .await?;
    let listed = cluster.run("service ps --no-trunc stuck").await?;
    ensure!(listed.contains("not ready: no answer within 1s"), "{listed}");
    Ok(())
}
