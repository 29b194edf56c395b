//! What an operator sees of a cluster: its numbers, and what `doctor` finds.

use std::collections::BTreeMap;

use anyhow::Context;
use anyhow::ensure;
use hyper::Method;
use serde_json::Value;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;
use swarmlite_lab::run;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::cluster::MENDED;
use crate::cluster::SOON;

/// The numbers in a text of Prometheus, by their names and labels.
fn numbers(text: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    ensure!(text.ends_with("# EOF\n"), "the text is cut off");
    let number = |line: &str| {
        let (name, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
        Ok((name.to_owned(), value.parse().with_context(|| line.to_owned())?))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(number).collect()
}

async fn scraped(node: &Node) -> anyhow::Result<BTreeMap<String, f64>> {
    let reply = node.api(Method::GET, "/swarmlite/v1/metrics", "").await?;
    ensure!(reply.status == 200, "{}: {}", reply.status, reply.body);
    numbers(&reply.body)
}

fn expect(numbers: &BTreeMap<String, f64>, name: &str, value: f64) -> anyhow::Result<()> {
    let found = numbers.get(name).copied();
    ensure!(found == Some(value), "{name} is {found:?} and not {value}");
    Ok(())
}

pub(crate) async fn every_node_shows_its_numbers(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.create("--name web --publish 8000:8000 --replicas 4").await?;
    let leader = cluster.lab().node(&cluster.leader(cluster.manager()).await?)?;
    let worker = cluster.worker();
    eventually("the numbers of the leader", SOON, async || {
        let numbers = scraped(leader).await?;
        for (name, value) in [
            ("swarm_manager_leader", 1.0),
            ("swarm_manager_nodes{state=\"ready\"}", 4.0),
            ("swarm_manager_tasks_total{state=\"running\"}", 4.0),
            ("swarm_manager_services_total", 1.0),
            ("swarm_node_manager", 1.0),
            ("swarmlite_dispatcher_sessions", 4.0),
            ("swarmlite_raft_managers{reachability=\"reachable\"}", 3.0),
            ("swarmlite_agent_session_connected", 1.0),
            ("swarmlite_agent_engine_up", 1.0),
            ("swarmlite_agent_statuses_waiting", 0.0),
            ("swarmlite_agent_tunnel_peers{state=\"answering\"}", 3.0),
        ] {
            expect(&numbers, name, value)?;
        }
        let delays = numbers.get("swarm_dispatcher_scheduling_delay_seconds_count");
        ensure!(delays.is_some_and(|count| *count >= 4.0), "{delays:?} tasks were seen to run");
        // Every node has programmed what it was told.
        for (name, told) in &numbers {
            if let Some(node) = name.strip_prefix("swarmlite_dispatcher_told_generation") {
                let name = format!("swarmlite_dispatcher_programmed_generation{node}");
                expect(&numbers, &name, *told)?;
            }
        }
        Ok(())
    })
    .await?;
    let numbers = scraped(worker).await?;
    expect(&numbers, "swarm_node_manager", 0.0)?;
    ensure!(!numbers.contains_key("swarm_manager_leader"), "a worker knows who leads");
    let running = cluster.containers(worker, "web").await?.len();
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    expect(&numbers, "swarmlite_agent_tasks{state=\"running\"}", running as f64)?;
    let numbers = scraped(cluster.stranger()).await?;
    ensure!(numbers.keys().all(|name| name.starts_with("swarmlite_build_info")), "{numbers:?}");
    prometheus_has_an_address_of_its_own(worker).await
}

async fn prometheus_has_an_address_of_its_own(node: &Node) -> anyhow::Result<()> {
    node.kill(Service::Daemon, "TERM").await?;
    node.start_with(Service::Daemon, &["--metrics-addr", "127.0.0.1:9323"]).await?;
    numbers(&node.whoami(&["get", "http://127.0.0.1:9323/metrics"]).await?)?;
    let other = node.whoami(&["get", "http://127.0.0.1:9323/info"]).await;
    let error = other.err().context("the address for numbers gives away something else")?;
    ensure!(format!("{error:#}").contains("status 404"), "{error:#}");
    node.restart(Service::Daemon).await
}

/// What `doctor` has found on a node, by the names of the checks.
async fn found(node: &Node) -> anyhow::Result<BTreeMap<String, (String, String)>> {
    let reply = node.api(Method::GET, "/swarmlite/v1/doctor", "").await?;
    let answer = reply.json()?;
    let checks = answer["Checks"].as_array().with_context(|| reply.body.clone())?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let check = |it: &Value| (text(&it["Name"]), (text(&it["Result"]), text(&it["Message"])));
    Ok(checks.iter().map(check).collect())
}

pub(crate) async fn doctor_finds_what_is_wrong(cluster: &Cluster) -> anyhow::Result<()> {
    for node in cluster.members() {
        eventually(&format!("{} to be well", node.name()), SOON, async || {
            node.swarmlite(&["doctor"]).await
        })
        .await?;
    }
    let [manager, .., victim] = cluster.managers() else { anyhow::bail!("too few managers") };
    cluster.lab().cut(victim).await?;
    eventually("the loss to be found", MENDED, async || {
        let found = found(manager).await?;
        let is = |check: &str, result: &str, part: &str| {
            let (was, message) = found.get(check).with_context(|| check.to_owned())?;
            ensure!(was == result && message.contains(part), "{check} {was}: {message}");
            anyhow::Ok(())
        };
        is("engine", "ok", "Docker Engine")?;
        is("quorum", "failed", &format!("not reached: {}", victim.name()))?;
        is("nodes", "failed", victim.name())?;
        is("disk", "ok", "MiB free")?;
        is("tables", "ok", "the kernel holds")
    })
    .await?;
    let error = manager.swarmlite(&["doctor"]).await.err().context("nothing was found")?;
    ensure!(format!("{error:#}").contains("(exit status: 1)"), "{error:#}");
    // The node itself knows what it has lost.
    eventually("the lost one to notice", MENDED, async || {
        let found = found(victim).await?;
        for check in ["session", "quorum", "tunnel"] {
            let (result, message) = found.get(check).with_context(|| check.to_owned())?;
            ensure!(result == "failed", "{check} {result}: {message}");
        }
        Ok(())
    })
    .await?;
    cluster.lab().heal(victim).await?;
    let nowhere = format!("unix://{}/nowhere.sock", manager.dir().display());
    let program = crate::cluster::program("SWARMLITE_LAB_SWARMLITE")?;
    let mut command = Command::new(program);
    let silent = run(command.args(["-H", &nowhere, "doctor"])).await;
    let error = format!("{:#}", silent.err().context("nobody has answered")?);
    ensure!(error.contains("daemon") && error.contains("1 check has failed"), "{error}");
    Ok(())
}
