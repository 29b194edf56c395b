//! What lies on the disks of managers, and the lock on it; and a manager that goes on after the others are lost.
//!
//! On a cluster of its own: two managers and a worker, so that the one of the other tests is never locked.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use hyper::Method;
use serde_json::Value;
use swarmlite_lab::Lab;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::LOG_LINES;
use crate::cluster::MENDED;
use crate::cluster::SOON;

/// A text that is nowhere but in the environment of a service.
const SECRET: &str = "correct-horse-battery-staple";

/// What docker says of a locked manager.
const LOCKED: &str = "Swarm is encrypted and needs to be unlocked before it can be used.";

/// A small cluster: a leader, another manager and a worker.
pub(crate) struct Small {
    lab: Lab,
}

impl Small {
    /// Makes it, with `options` for init.
    async fn form(cluster: &Cluster, options: &[&str]) -> anyhow::Result<Self> {
        let small = Self { lab: cluster.small_lab("locking", 3).await? };
        small.lab.start_daemons().await?;
        let address = small.first().address().to_string();
        let init = [&["init", "--advertise-addr", &address], options].concat();
        small.first().swarmlite(&init).await?;
        small.join(small.second(), "manager").await?;
        small.join(small.worker(), "worker").await?;
        Ok(small)
    }

    pub(crate) const fn lab(&self) -> &Lab {
        &self.lab
    }

    pub(crate) fn first(&self) -> &Node {
        &self.lab.nodes()[0]
    }

    fn second(&self) -> &Node {
        &self.lab.nodes()[1]
    }

    pub(crate) fn worker(&self) -> &Node {
        &self.lab.nodes()[2]
    }

    pub(crate) async fn join(&self, node: &Node, role: &str) -> anyhow::Result<()> {
        let token = self.first().swarmlite(&["join-token", "--quiet", role]).await?;
        self.join_with(node, token.trim()).await
    }

    async fn join_with(&self, node: &Node, token: &str) -> anyhow::Result<()> {
        let remote = format!("{}:2377", self.first().address());
        let address = node.address().to_string();
        let join = ["join", "--token", token, "--advertise-addr", &address, &remote];
        node.swarmlite(&join).await.with_context(|| format!("{} joins", node.name()))?;
        Ok(())
    }

    /// Makes a service whose environment is secret, on the worker, so that the agents of managers know nothing of it.
    pub(crate) async fn make_secret(&self) -> anyhow::Result<()> {
        let environment = format!("PASSWORD={SECRET}");
        let create = ["service", "create", "--name", "web", "--env", &environment];
        let place = ["--constraint", "node.role==worker", IMAGE];
        self.first().swarmlite(&[&create[..], &place].concat()).await?;
        Ok(())
    }

    async fn state_of(&self, node: &Node) -> anyhow::Result<String> {
        Ok(text(&get(node, "/info").await?["Swarm"]["LocalNodeState"]))
    }

    /// Waits until `node` answers for the cluster, and knows the service.
    async fn knows_all(&self, node: &Node) -> anyhow::Result<()> {
        eventually("the service after a restart", MENDED, async || {
            let services = get(node, "/services").await?;
            ensure!(services[0]["Spec"]["Name"] == "web", "{services}");
            Ok(())
        })
        .await
    }

    /// Restarts the daemon of `node`, which is locked then.
    async fn restart_locked(&self, node: &Node) -> anyhow::Result<()> {
        node.restart(Service::Daemon).await?;
        eventually("a locked manager", SOON, async || {
            let state = self.state_of(node).await?;
            ensure!(state == "locked", "it is {state}");
            Ok(())
        })
        .await
    }
}

/// Runs `test` on a small cluster, which is gone afterwards.
pub(crate) async fn on_small(
    cluster: &Cluster,
    options: &[&str],
    test: impl AsyncFnOnce(&Small) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let small = Small::form(cluster, options).await?;
    let outcome = test(&small).await.map_err(|error| error.context(small.lab.logs(LOG_LINES)));
    Lab::down(small.lab.name()).await?;
    outcome
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn get(node: &Node, path: &str) -> anyhow::Result<Value> {
    let reply = node.api(Method::GET, path, "").await?;
    ensure!(reply.status == 200, "{}: {}", reply.status, reply.body);
    reply.json()
}

async fn unlock(node: &Node, key: &str) -> anyhow::Result<(u16, String)> {
    let body = serde_json::json!({"UnlockKey": key}).to_string();
    let reply = node.api(Method::POST, "/swarm/unlock", &body).await?;
    Ok((reply.status, reply.body))
}

async fn unlock_key(node: &Node) -> anyhow::Result<String> {
    Ok(text(&get(node, "/swarm/unlockkey").await?["UnlockKey"]))
}

/// Where `needle` is in the files under `folder`.
fn search(folder: &Path, needle: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(search(&path, needle)?);
        } else if path.is_file() {
            let bytes = std::fs::read(&path)?;
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// What is nowhere under `folder`: the secret, and the secret part of the join token.
async fn is_sealed(small: &Small, node: &Node, folder: &Path) -> anyhow::Result<()> {
    let token = small.first().swarmlite(&["join-token", "--quiet", "worker"]).await?;
    let secret_part = token.trim().rsplit('-').next().context("not a token")?.to_owned();
    for needle in [SECRET, &secret_part] {
        let found = search(folder, needle)?;
        ensure!(found.is_empty(), "{} has {needle} in {found:?}", node.name());
    }
    Ok(())
}

pub(crate) async fn a_locked_manager_needs_its_key(cluster: &Cluster) -> anyhow::Result<()> {
    on_small(cluster, &[], lock_and_unlock).await
}

async fn lock_and_unlock(small: &Small) -> anyhow::Result<()> {
    small.make_secret().await?;
    // So that snapshots are searched too.
    small.first().swarmlite(&["swarm", "update", "--snapshot-interval", "1"]).await?;
    for node in [small.first(), small.second()] {
        let raft = node.state_dir().join("raft");
        eventually("a snapshot", SOON, async || {
            ensure!(raft.join("snapshot").is_file(), "there is none on {}", node.name());
            Ok(())
        })
        .await?;
        is_sealed(small, node, &raft).await?;
    }
    let said = small.first().swarmlite(&["swarm", "update", "--autolock=true"]).await?;
    let key = unlock_key(small.first()).await?;
    ensure!(key.starts_with("SWMKEY-1-") && said.contains(&key), "{said}");
    let second = small.second();
    locks_itself(small, second).await?;

    small.restart_locked(second).await?;
    let refused = second.api(Method::GET, "/nodes", "").await?;
    ensure!(refused.status == 503 && refused.body.contains(LOCKED), "{refused:?}");
    ensure!(unlock(second, "SWMKEY-1-nonsense").await?.0 == 400);
    let other = "SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (status, message) = unlock(second, other).await?;
    ensure!(status == 401 && message.contains("invalid key provided"), "{status}: {message}");
    ensure!(small.state_of(second).await? == "locked");
    let (status, message) = unlock(second, &key).await?;
    ensure!(status == 200, "{status}: {message}");
    small.knows_all(second).await?;
    let (status, _) = unlock(second, &key).await?;
    ensure!(status == 409, "{status} where nothing is locked");
    Ok(())
}

/// Waits until nothing on the disk of `node` can be read without the unlock key.
async fn locks_itself(small: &Small, node: &Node) -> anyhow::Result<()> {
    let certificates = node.state_dir().join("certificates");
    eventually("the lock", SOON, async || {
        let keys = std::fs::read_to_string(certificates.join("swarm-manager.keys"))?;
        ensure!(keys.contains("\"locked\": true"), "the keys are not locked");
        let key = std::fs::read_to_string(certificates.join("swarm-node.key"))?;
        ensure!(!key.contains("BEGIN PRIVATE KEY"), "the key of the certificate is not sealed");
        Ok(())
    })
    .await?;
    is_sealed(small, node, &node.state_dir()).await
}

pub(crate) async fn a_new_unlock_key_replaces_the_old_one(cluster: &Cluster) -> anyhow::Result<()> {
    on_small(cluster, &["--autolock"], rotate_the_key).await
}

async fn rotate_the_key(small: &Small) -> anyhow::Result<()> {
    small.make_secret().await?;
    let first = unlock_key(small.first()).await?;
    let second = small.second();
    locks_itself(small, second).await?;
    let before = std::fs::read(second.state_dir().join("certificates/swarm-manager.keys"))?;
    small.first().swarmlite(&["swarm", "unlock-key", "--rotate"]).await?;
    let new = unlock_key(small.first()).await?;
    ensure!(new != first, "it is the same");
    eventually("another lock", SOON, async || {
        let now = std::fs::read(second.state_dir().join("certificates/swarm-manager.keys"))?;
        ensure!(now != before, "the keys are not locked anew");
        Ok(())
    })
    .await?;
    small.restart_locked(second).await?;
    ensure!(unlock(second, &first).await?.0 == 401, "the old key opens it");
    ensure!(unlock(second, &new).await?.0 == 200, "the new key does not open it");
    small.knows_all(second).await?;
    small.first().swarmlite(&["swarm", "update", "--autolock=false"]).await?;
    eventually("no lock", SOON, async || {
        let keys = second.state_dir().join("certificates/swarm-manager.keys");
        ensure!(std::fs::read_to_string(keys)?.contains("\"locked\": false"), "it is locked");
        Ok(())
    })
    .await?;
    second.restart(Service::Daemon).await?;
    small.knows_all(second).await?;
    Ok(())
}

pub(crate) async fn a_manager_goes_on_after_the_others_are_lost(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    on_small(cluster, &[], lose_the_others).await
}

async fn lose_the_others(small: &Small) -> anyhow::Result<()> {
    small.make_secret().await?;
    let (first, second) = (small.first(), small.second());
    let tokens = get(first, "/swarm").await?["JoinTokens"].clone();
    second.kill(Service::Daemon, "KILL").await?;
    eventually("no majority", MENDED, async || {
        let reply = first.api(Method::GET, "/services", "").await?;
        ensure!(reply.status == 500, "it answers {}", reply.status);
        Ok(())
    })
    .await?;
    let address = first.address().to_string();
    let init = ["init", "--force-new-cluster", "--advertise-addr", &address];
    let said = first.swarmlite(&init).await?;
    ensure!(said.contains("is now a manager"), "{said}");
    small.knows_all(first).await?;
    ensure!(get(first, "/swarm").await?["JoinTokens"] == tokens, "the tokens have changed");
    eventually("the task goes on and the lost manager is down", MENDED, async || {
        let tasks =
            first.swarmlite(&["service", "ps", "web", "--format", "{{.CurrentState}}"]).await?;
        ensure!(tasks.lines().count() == 1 && tasks.starts_with("Running"), "{tasks}");
        let nodes = get(first, "/nodes").await?;
        let lost = nodes.as_array().into_iter().flatten();
        let mut lost = lost.filter(|node| node["Description"]["Hostname"] == second.name());
        let lost = lost.next().context("it is no node any more")?;
        ensure!(lost["Status"]["State"] == "down", "{lost}");
        ensure!(lost["ManagerStatus"].is_null(), "{lost}");
        Ok(())
    })
    .await?;
    // It comes back, has no say, leaves and joins anew.
    second.start(Service::Daemon).await?;
    first.swarmlite(&["service", "update", "--detach", "--replicas", "2", "web"]).await?;
    second.swarmlite(&["leave", "--force"]).await?;
    let id = |node: &Value| text(&node["ID"]);
    let nodes = get(first, "/nodes").await?;
    let old = nodes.as_array().into_iter().flatten();
    let mut old = old.filter(|node| node["Description"]["Hostname"] == second.name());
    first.swarmlite(&["node", "rm", "--force", &id(old.next().context("it is gone")?)]).await?;
    small.join(second, "manager").await?;
    small.knows_all(second).await?;
    Ok(())
}

pub(crate) async fn the_authority_is_replaced_while_the_cluster_runs(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    on_small(cluster, &[], replace_the_authority).await
}

async fn replace_the_authority(small: &Small) -> anyhow::Result<()> {
    small.make_secret().await?;
    let (first, second, worker) = (small.first(), small.second(), small.worker());
    let before = get(first, "/swarm").await?;
    first.swarmlite(&["swarm", "ca", "--rotate", "--quiet"]).await?;
    let after = get(first, "/swarm").await?;
    for member in ["/TLSInfo/TrustRoot", "/JoinTokens/Worker", "/JoinTokens/Manager"] {
        let same = before.pointer(member) == after.pointer(member);
        ensure!(!same, "{member} is the same");
    }
    ensure!(after["RootRotationInProgress"] == false, "it goes on");
    eventually("all nodes to trust the new authority", SOON, async || {
        for node in get(first, "/nodes").await?.as_array().into_iter().flatten() {
            ensure!(node["Status"]["State"] == "ready", "{}", node["Status"]);
            ensure!(node["Description"]["TLSInfo"] == after["TLSInfo"], "{node}");
        }
        Ok(())
    })
    .await?;
    second.restart(Service::Daemon).await?;
    small.knows_all(second).await?;
    let tasks = first.swarmlite(&["service", "ps", "web", "--format", "{{.CurrentState}}"]).await?;
    ensure!(tasks.lines().count() == 1 && tasks.starts_with("Running"), "{tasks}");
    worker.swarmlite(&["leave"]).await?;
    let old = text(&before["JoinTokens"]["Worker"]);
    match small.join_with(worker, &old).await {
        Ok(()) => bail!("the old token lets it in"),
        Err(error) => {
            ensure!(format!("{error:#}").contains("does not match fingerprint"), "{error:#}");
        }
    }
    small.join(worker, "worker").await
}

pub(crate) async fn rotated_tokens_let_nobody_in(cluster: &Cluster) -> anyhow::Result<()> {
    let (manager, stranger) = (cluster.manager(), cluster.stranger());
    let old = cluster.token("worker").await?;
    manager.swarmlite(&["swarm", "join-token", "--rotate", "--quiet", "worker"]).await?;
    let remote = cluster.remote();
    let address = stranger.address().to_string();
    let join = ["join", "--token", &old, "--advertise-addr", &address, &remote];
    match stranger.swarmlite(&join).await {
        Ok(said) => bail!("the old token lets it in: {said}"),
        Err(error) => ensure!(error.to_string().contains("A valid join token"), "{error}"),
    }
    let new = cluster.token("worker").await?;
    let join = ["join", "--token", &new, "--advertise-addr", &address, &remote];
    stranger.swarmlite(&join).await?;
    // Down at once, and not after the time for missed heartbeats, which is 15 s.
    stranger.swarmlite(&["leave"]).await?;
    let left = async || {
        let nodes = get(manager, "/nodes").await?;
        let nodes = nodes.as_array().into_iter().flatten().cloned();
        let mut left = nodes.filter(|node| node["Description"]["Hostname"] == stranger.name());
        let node = left.next().context("it is gone")?;
        ensure!(node["Status"]["State"] == "down", "{}", node["Status"]);
        Ok(text(&node["ID"]))
    };
    eventually("its leave", Duration::from_secs(5), async || left().await.map(drop)).await?;
    manager.swarmlite(&["node", "rm", &left().await?]).await?;
    Ok(())
}
