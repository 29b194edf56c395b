//! Who is let in, and who may call what.

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::rpc;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::tls;

use crate::cluster::Cluster;

/// Lets the stranger join with `token`, and returns what it was told. Nothing may have changed.
async fn refused(cluster: &Cluster, token: &str) -> anyhow::Result<String> {
    let stranger = cluster.stranger();
    let address = stranger.address().to_string();
    let remote = cluster.remote();
    let join = ["join", "--token", token, "--advertise-addr", &address, &remote];
    let error = match stranger.swarmlite(&join).await {
        Ok(said) => bail!("it was let in: {said}"),
        Err(error) => error.to_string(),
    };
    let info: serde_json::Value = cluster.read(stranger, "/info").await?;
    let state = &info["Swarm"]["LocalNodeState"];
    ensure!(state == "inactive", "after the refusal it is {state}");
    let nodes = cluster.nodes(cluster.manager()).await?.len();
    ensure!(nodes == cluster.members().len(), "there are {nodes} nodes");
    Ok(error)
}

/// `token` with the part number `index` (of those between hyphens) made wrong.
fn damaged(token: &str, index: usize) -> anyhow::Result<String> {
    let mut parts: Vec<String> = token.split('-').map(str::to_owned).collect();
    let part = parts.get_mut(index).context("not a token")?;
    let last = if part.ends_with('0') { "1" } else { "0" };
    part.replace_range(part.len() - 1.., last);
    Ok(parts.join("-"))
}

pub(crate) async fn a_wrong_token_is_refused(cluster: &Cluster) -> anyhow::Result<()> {
    let token = damaged(&cluster.token("worker").await?, 3)?;
    let error = refused(cluster, &token).await?;
    ensure!(error.contains("A valid join token is necessary to join this cluster"), "{error}");
    let error = refused(cluster, "SWMTKN-1-nonsense").await?;
    ensure!(error.contains("invalid join token"), "{error}");
    Ok(())
}

pub(crate) async fn a_wrong_ca_digest_is_refused(cluster: &Cluster) -> anyhow::Result<()> {
    let token = damaged(&cluster.token("manager").await?, 2)?;
    let error = refused(cluster, &token).await?;
    ensure!(error.contains("remote CA does not match fingerprint. Expected: "), "{error}");
    Ok(())
}

/// Who `node` is, from the files that its daemon keeps.
pub(crate) fn identity(node: &Node) -> anyhow::Result<Identity> {
    let read = |name: &str| {
        let path = node.state_dir().join("certificates").join(name);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let certificate = read("swarm-node.crt")?;
    let peer = tls::peer_of_pem(&certificate)?;
    Ok(Identity {
        node_id: peer.node_id,
        cluster_id: peer.cluster_id,
        role: peer.role,
        certificate,
        key: read("swarm-node.key")?,
        root_ca: read("swarm-root-ca.crt")?,
    })
}

/// Calls a harmless thing that is for managers only, on each of them.
async fn call_managers(cluster: &Cluster, client: &Client) -> Vec<Result<u64, CallError>> {
    let mut outcomes = Vec::new();
    for manager in cluster.managers() {
        let address = (manager.address(), 2377).into();
        outcomes.push(client.call(address, rpc::READ_INDEX, &()).await);
    }
    outcomes
}

fn all_refused(outcomes: &[Result<u64, CallError>], kind: ErrorKind) -> anyhow::Result<()> {
    for outcome in outcomes {
        match outcome {
            Err(CallError::Refused(error)) if error.kind == kind => {}
            other => bail!("{other:?} instead of a refusal"),
        }
    }
    Ok(())
}

pub(crate) async fn a_worker_cannot_call_what_is_for_managers(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let worker = Client::new(&identity(cluster.worker())?)?;
    all_refused(&call_managers(cluster, &worker).await, ErrorKind::PermissionDenied)?;
    // The same call by a manager is answered: the refusal was for the role.
    let manager = Client::new(&identity(cluster.manager())?)?;
    let outcomes = call_managers(cluster, &manager).await;
    ensure!(outcomes.iter().any(Result::is_ok), "no manager may call: {outcomes:?}");
    Ok(())
}

pub(crate) async fn a_caller_without_a_certificate_is_refused(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let root_ca = identity(cluster.worker())?.root_ca;
    let nobody = Client::with_tls(tls::joining_config(&root_ca)?);
    all_refused(&call_managers(cluster, &nobody).await, ErrorKind::Unauthenticated)
}

pub(crate) async fn plain_http_on_the_port_of_managers_is_refused(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    for manager in cluster.managers() {
        let url = format!("http://{}:2377/", manager.address());
        match cluster.lab().ask(&["get", &url]).await {
            Ok(answers) => bail!("it was answered: {answers:?}"),
            Err(error) => ensure!(error.to_string().contains("TLS"), "{error}"),
        }
    }
    Ok(())
}
