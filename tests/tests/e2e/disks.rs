//! Managers whose disks are full: they say so, answer nothing wrong meanwhile, and go on by themselves when there is room again. And one that has
//! lost what was on its disk.

use std::io::Write;

use anyhow::Context;
use anyhow::ensure;
use futures_util::future::try_join_all;
use hyper::Method;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;
use swarmlite_lab::run;

use crate::cluster::Cluster;
use crate::cluster::MENDED;
use crate::durable::Writer;
use crate::durable::chance;
use crate::durable::while_written;
use crate::durable::writes_go_on;
use crate::load::times;

/// What the kernel says of a full disk (errno(3), `ENOSPC`).
const FULL: &str = "No space left on device";

pub(crate) async fn full_disks_stop_managers_until_there_is_room(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    for manager in cluster.managers() {
        shrink(manager).await?;
    }
    cluster.all_ready().await?;
    let outcome = while_written(cluster, async |writers| {
        let outcome = fill_all(cluster, writers).await;
        for manager in cluster.managers() {
            make_room(manager).await?;
        }
        outcome?;
        writes_go_on(writers).await?;
        trouble(cluster, times(4, 1500), writers).await
    })
    .await;
    for manager in cluster.managers() {
        cluster.lab().heal(manager).await?;
        grow(manager).await?;
    }
    let writes = outcome?;
    cluster.all_ready().await?;
    writeln!(std::io::stderr(), "\n{writes} acknowledged writes, none lost")?;
    Ok(())
}

pub(crate) async fn a_manager_whose_log_is_lost_or_damaged_takes_part_anew(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    // All of it; the log alone, which would be that of a manager that has promised nothing; which member it is; and what the log begins with, from where on the
    // database would take all for never written.
    const DAMAGES: [&str; 4] = [
        "rm -r raft",
        "rm -r raft/log",
        "echo spoiled > raft/member.json",
        "dd if=/dev/urandom of=raft/log/db conv=notrunc bs=64k count=4",
    ];
    while_written(cluster, async |writers| {
        for (damage, manager) in DAMAGES.into_iter().zip(cluster.managers().iter().cycle()) {
            manager.kill(Service::Daemon, "KILL").await?;
            script(manager, damage).await?;
            manager.start(Service::Daemon).await?;
            cluster.all_ready().await?;
            writes_go_on(writers).await?;
        }
        Ok(())
    })
    .await?;
    Ok(())
}

/// One after the other, so that the leader is among them, and then more of them than the cluster can do without.
async fn fill_all(cluster: &Cluster, writers: &[Writer<'_>]) -> anyhow::Result<()> {
    for manager in cluster.managers() {
        fill(manager).await?;
        says_so(manager).await?;
        writes_go_on(writers).await?;
        make_room(manager).await?;
        cluster.all_ready().await?;
    }
    for manager in &cluster.managers()[..2] {
        fill(manager).await?;
    }
    for manager in &cluster.managers()[..2] {
        says_so(manager).await?;
    }
    Ok(())
}

/// One trouble after the other: some manager is killed, or it is cut off or its disk is full until writes have gone on without it; or all are killed at once.
async fn trouble(cluster: &Cluster, rounds: usize, writers: &[Writer<'_>]) -> anyhow::Result<()> {
    let (lab, managers) = (cluster.lab(), cluster.managers());
    for round in 0..rounds {
        let victim = managers.get(chance(round) % managers.len()).context("no managers")?;
        match round % 4 {
            0 => kill_at_once(std::slice::from_ref(victim)).await?,
            1 => {
                lab.cut(victim).await?;
                writes_go_on(writers).await?;
                lab.heal(victim).await?;
            }
            2 => {
                fill(victim).await?;
                writes_go_on(writers).await?;
                make_room(victim).await?;
            }
            _ => kill_at_once(managers).await?,
        }
        writes_go_on(writers).await?;
    }
    Ok(())
}

/// Kills all of `managers` before the first of them is started again.
async fn kill_at_once(managers: &[Node]) -> anyhow::Result<()> {
    try_join_all(managers.iter().map(|it| it.kill(Service::Daemon, "KILL"))).await?;
    try_join_all(managers.iter().map(|it| it.start(Service::Daemon))).await?;
    Ok(())
}

/// Waits until it is said in `docker info`, and to whoever asks for something.
async fn says_so(manager: &Node) -> anyhow::Result<()> {
    eventually("a manager to say that its disk is full", MENDED, async || {
        let info = manager.api(Method::GET, "/info", "").await?.json()?;
        let error = info["Swarm"]["Error"].as_str().context("no error")?;
        ensure!(error.contains(FULL), "{error:?}");
        let reply = manager.api(Method::GET, "/services", "").await?;
        ensure!(reply.status == 503 && reply.body.contains(FULL), "{}", reply.body);
        Ok(())
    })
    .await
}

/// Runs a script in the folder that the daemon of `manager` keeps its state in.
async fn script(manager: &Node, script: &str) -> anyhow::Result<()> {
    let script = format!("cd {}; {script}", manager.state_dir().display());
    run(manager.namespace()?.command("sh").args(["-ec", &script])).await.map(drop)
}

/// Gives the log and the snapshots of a manager a small disk of their own.
async fn shrink(manager: &Node) -> anyhow::Result<()> {
    manager.kill(Service::Daemon, "TERM").await?;
    let mount =
        "mv raft kept; mkdir raft; mount -t tmpfs -o size=32m tmpfs raft; cp -a kept/. raft";
    script(manager, mount).await?;
    manager.start(Service::Daemon).await
}

/// Takes that disk away again.
async fn grow(manager: &Node) -> anyhow::Result<()> {
    manager.kill(Service::Daemon, "TERM").await?;
    script(manager, "rm -r kept; cp -a raft kept; umount raft; rmdir raft; mv kept raft").await?;
    manager.start(Service::Daemon).await
}

async fn fill(manager: &Node) -> anyhow::Result<()> {
    script(manager, "! dd if=/dev/zero of=raft/ballast bs=4k 2>/dev/null").await
}

async fn make_room(manager: &Node) -> anyhow::Result<()> {
    script(manager, "rm -f raft/ballast").await
}
