//! Two managers and a witness, which has no engine: a cluster that survives the loss of any one of the three.

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Lab;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::LOG_LINES;
use crate::cluster::MENDED;

/// What the managers say of themselves on `node`: their names, and what `node ls` calls them.
async fn managers(node: &Node) -> anyhow::Result<Vec<(String, String)>> {
    let format = "{{.Hostname}} {{.ManagerStatus}}";
    let said = node.swarmlite(&["node", "ls", "--format", format]).await?;
    let pairs = said.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs.map(|(name, status)| (name.to_owned(), status.to_owned())).collect())
}

/// Waits until `node` is called `status` by the managers, as `at` shows it.
async fn is_called(at: &Node, node: &Node, status: &str) -> anyhow::Result<()> {
    eventually("what a node is called", MENDED, async || {
        let known = managers(at).await?;
        let called = (node.name().to_owned(), status.to_owned());
        ensure!(known.contains(&called), "{called:?} is not in {known:?}");
        Ok(())
    })
    .await
}

/// Waits until `node` takes a write, which makes a service `name` without tasks.
async fn writes(node: &Node, name: &str) -> anyhow::Result<()> {
    let create = ["service", "create", "--detach", "--replicas", "0", "--name", name, IMAGE];
    eventually("a write", MENDED, async || node.swarmlite(&create).await.map(drop)).await
}

async fn refuses(node: &Node, command: &[&str], why: &str) -> anyhow::Result<()> {
    let refused = node.swarmlite(command).await.err().with_context(|| format!("{command:?}"))?;
    let said = format!("{refused:#}");
    ensure!(said.contains(why), "{said}");
    Ok(())
}

async fn join(node: &Node, first: &Node, role: &str, options: &[&str]) -> anyhow::Result<String> {
    let token = first.swarmlite(&["join-token", "--quiet", role]).await?;
    let (address, remote) = (node.address().to_string(), format!("{}:2377", first.address()));
    let join = ["join", "--token", token.trim(), "--advertise-addr", &address, &remote];
    node.swarmlite(&[&join, options].concat()).await
}

pub(crate) async fn two_managers_and_a_witness_survive_the_loss_of_any_one(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let lab = cluster.small_lab("witness", 3).await?;
    let outcome = lose_each(&lab).await.map_err(|error| error.context(lab.logs(LOG_LINES)));
    Lab::down(lab.name()).await?;
    outcome
}

async fn lose_each(lab: &Lab) -> anyhow::Result<()> {
    let [first, second, witness] = lab.nodes() else { anyhow::bail!("not three nodes") };
    lab.start_daemons().await?;
    first.swarmlite(&["init", "--advertise-addr", &first.address().to_string()]).await?;
    join(second, first, "manager", &[]).await?;
    witness.kill(Service::Engine, "KILL").await?;
    let voteless = join(witness, first, "worker", &["--witness"]).await.err();
    let voteless = format!("{:#}", voteless.context("a worker has no vote")?);
    ensure!(voteless.contains("it joins with the token of managers"), "{voteless}");
    let said = join(witness, first, "manager", &["--witness"]).await?;
    ensure!(said.contains("This node joined a swarm as a witness."), "{said}");
    is_called(first, witness, "Witness").await?;
    stays_idle(first, witness).await?;
    what_only_it_has_is_kept(lab).await?;
    // It is lost, and comes back.
    witness.kill(Service::Daemon, "KILL").await?;
    is_called(first, witness, "Unreachable").await?;
    writes(first, "without-witness").await?;
    witness.start(Service::Daemon).await?;
    is_called(first, witness, "Witness").await?;
    // And goes, as any manager does.
    first.swarmlite(&["node", "demote", witness.name()]).await?;
    is_called(first, witness, "").await?;
    witness.swarmlite(&["leave"]).await?;
    writes(second, "without-any").await
}

/// It runs nothing, also when every node is to, and serves nothing of the swarm.
async fn stays_idle(first: &Node, witness: &Node) -> anyhow::Result<()> {
    let create = ["service", "create", "--quiet", "--mode", "global", "--update-monitor", "1s"];
    first.swarmlite(&[&create[..], &["--name", "web", "-p", "8000:8000", IMAGE]].concat()).await?;
    let tasks = first.swarmlite(&["service", "ps", "--format", "{{.Node}}", "web"]).await?;
    ensure!(tasks.lines().count() == 2 && !tasks.contains(witness.name()), "{tasks}");
    refuses(witness, &["node", "ls"], "This node is a witness").await?;
    refuses(witness, &["init", "--force-new-cluster"], "Node is not a manager").await?;
    let activate = ["node", "update", "--availability", "active", witness.name()];
    refuses(first, &activate, "is a witness: it runs no tasks").await
}

/// What was acknowledged is on the first manager and the witness only, and then the first one is lost.
async fn what_only_it_has_is_kept(lab: &Lab) -> anyhow::Result<()> {
    let [first, second, _witness] = lab.nodes() else { anyhow::bail!("not three nodes") };
    // So that the first one leads.
    second.kill(Service::Daemon, "KILL").await?;
    writes(first, "kept").await?;
    lab.power_off(first).await?;
    second.start(Service::Daemon).await?;
    writes(second, "after").await?;
    let services = second.swarmlite(&["service", "ls", "--format", "{{.Name}}"]).await?;
    for name in ["web", "kept", "after"] {
        ensure!(services.lines().any(|line| line == name), "{name} is not in {services}");
    }
    lab.power_on(first).await?;
    first.start(Service::Engine).await?;
    first.start(Service::Daemon).await?;
    is_called(first, first, "Reachable").await
}
