//! What the `docker` client hears of a node's engine and of the cluster, in one stream.

use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::ChildStdout;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;
use crate::socket::docker;
use crate::socket::print;

/// Reads until `wanted` comes.
async fn hear(lines: &mut Lines<BufReader<ChildStdout>>, wanted: &str) -> anyhow::Result<()> {
    let mut heard = Vec::new();
    let heard_it = async {
        while let Some(line) = lines.next_line().await? {
            if line == wanted {
                return Ok(());
            }
            heard.push(line);
        }
        anyhow::bail!("the stream has ended")
    };
    let outcome = tokio::time::timeout(SOON, heard_it).await;
    outcome
        .unwrap_or_else(|_| anyhow::bail!("it does not come"))
        .with_context(|| format!("{wanted} after {heard:?}"))
}

pub(crate) async fn one_stream_tells_of_the_cluster_and_of_the_engine(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = cluster.manager();
    let format = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}";
    let mut listening =
        docker(node, &["events", "--format", format]).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(listening.stdout.take().context("no output")?).lines();
    // Until the client listens, what happens is not heard.
    let label = ["node", "update", "--label-add", "heard=1", node.name()];
    let mut first = String::new();
    while first.is_empty() {
        print(node, &label).await?;
        print(node, &["node", "update", "--label-rm", "heard", node.name()]).await?;
        let wait = tokio::time::timeout(std::time::Duration::from_secs(1), lines.next_line());
        if let Ok(line) = wait.await {
            first = line?.context("the stream has ended")?;
        }
    }
    ensure!(first == format!("node update {}", node.name()), "{first}");
    cluster.create("--name told --replicas 1").await?;
    hear(&mut lines, "service create told").await?;
    cluster.run("service scale --detach told=2").await?;
    hear(&mut lines, "service update told").await?;
    print(node, &["run", "--name", "own", "--network", "none", IMAGE, "serve", "--help"]).await?;
    hear(&mut lines, "container start own").await?;
    cluster.run("service rm told").await?;
    hear(&mut lines, "service remove told").await?;
    cluster.run("network create heard").await?;
    hear(&mut lines, "network create heard").await?;
    print(node, &["rm", "own"]).await?;
    listening.kill().await?;
    // What has been is told to who asks for it, by whichever manager, and ends.
    let filters = ["--filter", "type=service", "--filter", "service=told"];
    let past =
        [&["events", "--since", "5m", "--until", "0s"], &filters[..], &["--format", "{{.Action}}"]];
    let past = past.concat();
    for node in cluster.managers() {
        let told = node.swarmlite(&past).await?;
        let told: Vec<&str> = told.lines().collect();
        ensure!(told.first() == Some(&"create") && told.last() == Some(&"remove"), "{told:?}");
    }
    Ok(())
}
