//! What managers have acknowledged stays, whichever of them are killed while they write.
//!
//! Each writer has a service of its own, and counts a label of it up: so what may be read is known at any time. It is what was acknowledged last, or
//! what was sent since and never answered.

use std::cell::Cell;
use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use futures_util::future::try_join_all;
use hyper::Method;
use serde_json::Value;
use serde_json::json;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::backup::replace_machine;
use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::MENDED;
use crate::load::times;
use crate::traffic::pass;

/// How long a writer whose manager is not there waits before it asks again.
const PAUSE: Duration = Duration::from_millis(20);

/// How many writes have to be acknowledged after each kill before the next.
const BETWEEN: u64 = 10;

const LABEL: &str = "count";

/// How many writes a manager misses.
const AHEAD: u64 = 200;

/// Who writes to a service of its own through one manager.
pub(crate) struct Writer<'a> {
    manager: &'a Node,
    service: String,
    /// What was acknowledged last.
    acknowledged: Cell<u64>,
    /// What was sent last.
    sent: Cell<u64>,
    /// How many writes were acknowledged.
    writes: Cell<u64>,
}

pub(crate) async fn what_was_acknowledged_survives_kills(cluster: &Cluster) -> anyhow::Result<()> {
    let kills = times(6, 1000);
    let writes =
        while_written(cluster, async |writers| kill(cluster, kills, writers).await).await?;
    writeln!(std::io::stderr(), "\n{kills} kills, {writes} acknowledged writes, none lost")?;
    Ok(())
}

/// Has the managers written to, one writer for each, while `trouble` goes on, and looks in the end whether all of them have what was acknowledged.
/// Returns how many writes were.
pub(crate) async fn while_written(
    cluster: &Cluster,
    trouble: impl AsyncFnOnce(&[Writer<'_>]) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut writers = Vec::new();
    for manager in cluster.managers() {
        writers.push(Writer::begin(cluster, manager).await?);
    }
    let done = Cell::new(false);
    let writing = try_join_all(writers.iter().map(|writer| writer.write_until(&done)));
    let troubling = async {
        trouble(&writers).await?;
        done.set(true);
        Ok(())
    };
    tokio::try_join!(writing, troubling)?;
    cluster.all_ready().await?;
    for writer in &writers {
        for manager in cluster.managers() {
            let (_, found) = writer.read(manager).await?.context("it does not answer")?;
            writer.check(found)?;
        }
    }
    Ok(acknowledged(&writers))
}

/// How many writes were acknowledged.
fn acknowledged(writers: &[Writer<'_>]) -> u64 {
    writers.iter().map(|writer| writer.writes.get()).sum()
}

/// Waits until so many more writes are acknowledged.
pub(crate) async fn writes_go_on(writers: &[Writer<'_>]) -> anyhow::Result<()> {
    let before = acknowledged(writers);
    eventually("writes to go on", MENDED, async || {
        let now = acknowledged(writers);
        ensure!(now >= before + BETWEEN, "only {}", now - before);
        Ok(())
    })
    .await
}

/// Kills one manager after the other, in no order, each once writes have gone on after the last.
async fn kill(cluster: &Cluster, kills: usize, writers: &[Writer<'_>]) -> anyhow::Result<()> {
    let managers = cluster.managers();
    for round in 0..kills {
        writes_go_on(writers).await?;
        let victim = managers.get(chance(round) % managers.len()).context("no managers")?;
        victim.kill(Service::Daemon, "KILL").await?;
        victim.start(Service::Daemon).await?;
    }
    Ok(())
}

/// A number for each round that looks like chance and is the same in every run: Fibonacci hashing (Knuth, The Art of Computer Programming 6.4).
pub(crate) const fn chance(round: usize) -> usize {
    round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

impl<'a> Writer<'a> {
    async fn begin(cluster: &Cluster, manager: &'a Node) -> anyhow::Result<Self> {
        let service = format!("of-{}", manager.name());
        let none = format!("service create --detach --replicas 0 --label {LABEL}=0");
        cluster.run(&format!("{none} --name {service} {IMAGE}")).await?;
        let (acknowledged, sent, writes) = Default::default();
        Ok(Self { manager, service, acknowledged, sent, writes })
    }

    async fn write_until(&self, done: &Cell<bool>) -> anyhow::Result<()> {
        while !done.get() {
            match self.read(self.manager).await? {
                Some((service, found)) => {
                    self.check(found)?;
                    self.write(service).await?;
                }
                None => pass(PAUSE).await?,
            }
        }
        Ok(())
    }

    /// The service and its count as `manager` has them; `None` if it does not answer, or has nobody to ask.
    async fn read(&self, manager: &Node) -> anyhow::Result<Option<(Value, u64)>> {
        let path = format!("/services/{}", self.service);
        let Ok(reply) = manager.api(Method::GET, &path, "").await else { return Ok(None) };
        if reply.status != 200 {
            // A manager that is not part of the cluster yet, or that knows no leader, for which Docker has another status.
            let has_no_leader = reply.body.contains("does not have a leader");
            ensure!(reply.status == 503 || has_no_leader, "{}: {}", reply.status, reply.body);
            return Ok(None);
        }
        let service = reply.json()?;
        let count = service["Spec"]["Labels"][LABEL].as_str().context("no count")?.parse()?;
        Ok(Some((service, count)))
    }

    fn check(&self, found: u64) -> anyhow::Result<()> {
        let (acknowledged, sent) = (self.acknowledged.get(), self.sent.get());
        ensure!(
            (acknowledged..=sent).contains(&found),
            "{} is {found}, but {acknowledged} was acknowledged and {sent} was sent last",
            self.service
        );
        Ok(())
    }

    /// Counts the service, as it was read, up by one.
    async fn write(&self, mut service: Value) -> anyhow::Result<()> {
        let next = self.sent.get() + 1;
        self.sent.set(next);
        service["Spec"]["Labels"][LABEL] = next.to_string().into();
        let version = &service["Version"]["Index"];
        let path = format!("/services/{}/update?version={version}", self.service);
        let body = service["Spec"].to_string();
        if let Ok(reply) = self.manager.api(Method::POST, &path, &body).await
            && reply.status == 200
        {
            self.acknowledged.set(next);
            self.writes.set(self.writes.get() + 1);
        }
        Ok(())
    }
}

pub(crate) async fn one_of_three_managers_goes_on_from_behind(
    shared: &Cluster,
) -> anyhow::Result<()> {
    shared.on_another("behind", lose_two).await
}

/// The manager that is left has missed a service, and the worker has not.
async fn lose_two(cluster: &Cluster) -> anyhow::Result<()> {
    let (lab, worker) = (cluster.lab(), cluster.worker());
    let [first, second, left] = cluster.managers() else { anyhow::bail!("three managers") };
    cluster.create("--name web --publish 8000:8000 --replicas 4").await?;
    let containers = cluster.containers(worker, "web").await?;
    let [id] = &containers[..] else { anyhow::bail!("{containers:?}") };
    let life = async || {
        let format = "{{.State.StartedAt}} {{.State.Running}}";
        worker.docker(&["inspect", "--format", format, id]).await
    };
    let before = life().await?;
    lab.cut(left).await?;
    cluster.create("--name missed --constraint node.role==worker").await?;
    // One after the other, or one entry of the log would do for many. More than the one that is left will have to say of its own accord.
    for number in 0..AHEAD {
        let spec = json!({
            "Name": format!("missed-{number}"),
            "TaskTemplate": { "ContainerSpec": { "Image": IMAGE } },
            "Mode": { "Replicated": { "Replicas": 0 } },
        });
        let reply = first.api(Method::POST, "/services/create", &spec.to_string()).await?;
        ensure!(reply.status == 201, "{}: {}", reply.status, reply.body);
    }
    eventually("the worker to have been told", MENDED, async || {
        let missed = cluster.containers(worker, "missed").await?;
        ensure!(missed.len() == 1, "{missed:?}");
        Ok(())
    })
    .await?;
    for lost in [first, second] {
        lab.power_off(lost).await?;
    }
    lab.heal(left).await?;
    let here = left.address().to_string();
    left.swarmlite(&["init", "--force-new-cluster", "--advertise-addr", &here]).await?;
    eventually("the worker to do as the manager says", MENDED, async || {
        let missed = cluster.containers(worker, "missed").await?;
        ensure!(missed.is_empty(), "it runs what nobody knows of: {missed:?}");
        let running = cluster.running(left, "web").await?;
        ensure!(running.len() == 4, "{} tasks run", running.len());
        cluster.ask(worker, 8000, 4).await.map(drop)
    })
    .await?;
    ensure!(life().await? == before, "its container was started again");

    // Two others join in the places of those that were lost.
    let token = left.swarmlite(&["join-token", "--quiet", "manager"]).await?;
    for other in [first, second] {
        replace_machine(lab, other).await?;
        let (at, remote) = (other.address().to_string(), format!("{here}:2377"));
        let join = ["join", "--token", token.trim(), "--advertise-addr", &at, &remote];
        other.swarmlite(&join).await?;
    }
    eventually("three managers that know all", MENDED, async || {
        for manager in cluster.managers() {
            let services = cluster.services(manager).await?;
            let names: Vec<&str> = services.iter().map(|service| &*service.spec.name).collect();
            ensure!(names == ["web"], "{} has {names:?}", manager.name());
        }
        let nodes = cluster.nodes(first).await?;
        let managers = nodes.iter().filter(|node| node.manager_status.is_some()).count();
        ensure!(managers == 3, "{managers} managers");
        Ok(())
    })
    .await?;
    ensure!(life().await? == before, "its container was started again");
    Ok(())
}
