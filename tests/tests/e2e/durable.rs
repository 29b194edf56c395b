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
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

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

/// Who writes to a service of its own through one manager.
struct Writer<'a> {
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
    let mut writers = Vec::new();
    for manager in cluster.managers() {
        let service = format!("of-{}", manager.name());
        let none = format!("service create --detach --replicas 0 --label {LABEL}=0");
        cluster.run(&format!("{none} --name {service} {IMAGE}")).await?;
        let (acknowledged, sent, writes) = Default::default();
        writers.push(Writer { manager, service, acknowledged, sent, writes });
    }
    let done = Cell::new(false);
    let writing = try_join_all(writers.iter().map(|writer| writer.write_until(&done)));
    let killing = async {
        kill(cluster, kills, &writers).await?;
        done.set(true);
        Ok(())
    };
    tokio::try_join!(writing, killing)?;
    cluster.all_ready().await?;
    for writer in &writers {
        for manager in cluster.managers() {
            let (_, found) = writer.read(manager).await?.context("it does not answer")?;
            writer.check(found)?;
        }
    }
    let all: u64 = writers.iter().map(|writer| writer.writes.get()).sum();
    writeln!(std::io::stderr(), "\n{kills} kills, {all} acknowledged writes, none lost")?;
    Ok(())
}

/// Kills one manager after the other, in no order, each once writes have gone on after the last.
async fn kill(cluster: &Cluster, kills: usize, writers: &[Writer<'_>]) -> anyhow::Result<()> {
    let acknowledged = || writers.iter().map(|writer| writer.writes.get()).sum::<u64>();
    let managers = cluster.managers();
    for round in 0..kills {
        let before = acknowledged();
        eventually("writes to go on", MENDED, async || {
            ensure!(acknowledged() >= before + BETWEEN, "only {}", acknowledged() - before);
            Ok(())
        })
        .await?;
        // Fibonacci hashing (Knuth, The Art of Computer Programming 6.4): it looks like chance and is the same in every run.
        let hash = (round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let victim = usize::try_from(hash)? % managers.len();
        let victim = managers.get(victim).context("no managers")?;
        victim.kill(Service::Daemon, "KILL").await?;
        victim.start(Service::Daemon).await?;
    }
    Ok(())
}

impl Writer<'_> {
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
            // A manager that is not part of the cluster yet, or that knows no leader.
            ensure!(reply.status == 503, "status {}: {}", reply.status, reply.body);
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
