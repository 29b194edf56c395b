//! An authority outside of the cluster, which alone has the key: it takes the place of the cluster's own, and gives it back.

mod server;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use serde_json::Value;
use swarmlite_lab::eventually;
use tokio::process::Child;

use self::server::Authority;
use crate::cluster::Cluster;
use crate::cluster::SOON;
use crate::locking::Small;
use crate::locking::get;
use crate::locking::on_small;

pub(crate) async fn an_authority_outside_signs_in_the_place_of_the_own_one(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    on_small(cluster, &[], sign_outside).await
}

async fn sign_outside(small: &Small) -> anyhow::Result<()> {
    small.make_secret().await?;
    let first = small.first();
    let before = get(first, "/swarm").await?;
    let own = trusted(&before)?;
    let authority = Authority::make(small.lab(), &own).await?;
    let (certificate, option) = (authority.certificate(), authority.option());
    let rotate = ["swarm", "ca", "--rotate", "--quiet"];
    let outside = [&rotate[..], &["--ca-cert", &certificate, "--external-ca", &option]].concat();

    refused(first.swarmlite(&outside).await, "valid, reachable external CA")?;
    ensure!(get(first, "/swarm").await?["Version"] == before["Version"], "something has changed");

    let server = authority.serve(small.lab()).await?;
    first.swarmlite(&outside).await?;
    let root = tokio::fs::read_to_string(&certificate).await?;
    all_trust(small, &root).await?;
    let after = get(first, "/swarm").await?;
    ensure!(after["JoinTokens"] != before["JoinTokens"], "tokens name the authority");
    ensure!(after.pointer(SERVERS).is_some(), "{after}");
    let runs = ["service", "ps", "web", "--format", "{{.CurrentState}}"];
    let tasks = first.swarmlite(&runs).await?;
    ensure!(tasks.lines().count() == 1 && tasks.starts_with("Running"), "{tasks}");

    let _server = admit_only_while_it_signs(small, &authority, server).await?;
    first.swarmlite(&rotate).await?;
    let back = get(first, "/swarm").await?;
    let new = trusted(&back)?;
    ensure!(new != root && new != own, "it is a new one of the cluster's own");
    ensure!(back.pointer(SERVERS).is_none(), "{back}");
    all_trust(small, &new).await
}

/// Who signs for the cluster, in what it says of itself.
const SERVERS: &str = "/Spec/CAConfig/ExternalCAs";

fn trusted(swarm: &Value) -> anyhow::Result<String> {
    let root = swarm.pointer("/TLSInfo/TrustRoot").and_then(Value::as_str);
    root.map(str::to_owned).context("no authority")
}

/// Has a machine leave, and come in again, which it can only while `server` is there. Another one is there at the end.
async fn admit_only_while_it_signs(
    small: &Small,
    authority: &Authority,
    server: Child,
) -> anyhow::Result<Child> {
    let worker = small.worker();
    worker.swarmlite(&["leave"]).await?;
    // What is down would have to renew its certificate, too.
    small.first().swarmlite(&["node", "rm", "--force", worker.name()]).await?;
    drop(server);
    refused(small.join(worker, "worker").await, "the external CA does not sign")?;
    let server = authority.serve(small.lab()).await?;
    small.join(worker, "worker").await?;
    let signed = authority.log().await?.matches("signature request received").count();
    ensure!(signed >= 4, "for three nodes and one more: {}", authority.log().await?);
    Ok(server)
}

/// Waits until all nodes that are there trust `root`, and have certificates of it.
async fn all_trust(small: &Small, root: &str) -> anyhow::Result<()> {
    eventually("all nodes to trust the authority", SOON, async || {
        let swarm = get(small.first(), "/swarm").await?;
        for node in get(small.first(), "/nodes").await?.as_array().into_iter().flatten() {
            let info: &Value = &node["Description"]["TLSInfo"];
            let is_ready = node["Status"]["State"] == "ready";
            ensure!(!is_ready || info["TrustRoot"] == root, "{node}");
            ensure!(!is_ready || *info == swarm["TLSInfo"], "{node}");
        }
        Ok(())
    })
    .await
}

fn refused<T>(outcome: anyhow::Result<T>, why: &str) -> anyhow::Result<()> {
    match outcome {
        Ok(_) => bail!("it is not refused: {why}"),
        Err(error) => {
            let said = format!("{error:#}");
            ensure!(said.contains(why), "{said}");
            Ok(())
        }
    }
}
