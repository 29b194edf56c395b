//! Standalone containers on networks of the cluster, made by the stock `docker` client on managers and workers.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use swarmlite_lab::Answer;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;
use crate::socket::docker;
use crate::socket::print;

/// An attachable network `back` with a service `server` on the first manager.
async fn back(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.run("network create --driver overlay --attachable back").await?;
    let there = format!("--constraint node.hostname=={}", cluster.manager().name());
    cluster.create(&format!("--name server --network back {there}")).await
}

/// Runs a container on `back`.
async fn run(node: &Node, name: &str, options: &[&str]) -> anyhow::Result<()> {
    let mut args = vec!["run", "--detach", "--network", "back", "--name", name];
    args.extend(options);
    args.extend([IMAGE, "serve", "--name", name]);
    print(node, &args).await.map(drop)
}

/// The address of a container on `back`.
async fn address(node: &Node, name: &str) -> anyhow::Result<Ipv4Addr> {
    let format = "{{.NetworkSettings.Networks.back.IPAddress}}";
    print(node, &["inspect", "--format", format, name]).await?.parse().context("no address")
}

/// Has a container ask `url` until it is answered by who is called `expected`.
async fn reaches(from: (&Node, &str), host: &str, expected: &str) -> anyhow::Result<()> {
    let (node, container) = from;
    let url = format!("http://{host}:8000/");
    eventually(&format!("{container} to reach {host}"), SOON, async || {
        let text = node.docker(&["exec", container, "/whoami", "get", &url]).await?;
        let answer = &Answer::parse_all(&text)?[0];
        ensure!(answer.name == expected, "{host} was answered by {answer:?}");
        Ok(())
    })
    .await
}

async fn remove(node: &Node, name: &str) -> anyhow::Result<()> {
    print(node, &["rm", "--force", name]).await.map(drop)
}

/// What `docker` says when it fails.
async fn refusal(node: &Node, args: &[&str]) -> anyhow::Result<String> {
    let output = docker(node, args).output().await?;
    ensure!(!output.status.success(), "docker {args:?} is accepted");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) async fn a_container_of_a_user_is_one_of_the_cluster(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    back(cluster).await?;
    let (worker, manager) = (cluster.worker(), &cluster.managers()[1]);
    run(worker, "shell", &["--network-alias", "db"]).await?;
    run(manager, "other", &[]).await?;
    // Both ways, by name, by alias, and across nodes.
    let (home, server) = cluster.container("server").await?;
    for (from, host, expected) in [
        ((worker, "shell"), "server", "whoami"),
        ((manager, "other"), "server", "whoami"),
        ((home, server.as_str()), "shell", "shell"),
        ((home, server.as_str()), "db", "shell"),
        ((home, server.as_str()), "other", "other"),
        ((manager, "other"), "shell", "shell"),
        ((worker, "shell"), "other", "other"),
    ] {
        reaches(from, host, expected).await?;
    }
    let network =
        ["network", "inspect", "--format", "{{range .Containers}}{{.Name}} {{end}}", "back"];
    let listed = print(manager, &network).await?;
    ensure!(listed.contains("other"), "on the manager: {listed}");
    let tasks = print(manager, &["node", "ps", "--quiet", manager.name(), worker.name()]).await?;
    ensure!(tasks.is_empty(), "containers of users are no tasks: {tasks}");
    let both = BTreeSet::from([address(worker, "shell").await?, address(manager, "other").await?]);
    ensure!(both.len() == 2, "both have {both:?}");
    let Err(used) = cluster.run("network rm back").await else { bail!("a network in use is gone") };
    ensure!(used.to_string().contains("is in use by"), "{used:#}");
    for (node, name) in [(worker, "shell"), (manager, "other")] {
        remove(node, name).await?;
    }
    cluster.run("service rm server").await?;
    eventually("the addresses to be free", SOON, async || {
        cluster.run("network rm back").await.map(drop)
    })
    .await
}

pub(crate) async fn an_attached_container_outlives_what_carries_it(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    back(cluster).await?;
    let worker = cluster.worker();
    run(worker, "shell", &["--restart", "always"]).await?;
    let (home, server) = cluster.container("server").await?;
    let before = address(worker, "shell").await?;
    reaches((home, &server), "shell", "shell").await?;
    worker.restart(Service::Daemon).await?;
    reaches((worker, "shell"), "server", "whoami").await?;
    print(worker, &["restart", "--time", "0", "shell"]).await?;
    reaches((home, &server), "shell", "shell").await?;
    worker.restart(Service::Engine).await?;
    reaches((home, &server), "shell", "shell").await?;
    ensure!(address(worker, "shell").await? == before, "it has got another address");
    remove(worker, "shell").await
}

pub(crate) async fn an_attached_container_comes_up_with_its_machine(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    back(cluster).await?;
    let worker = cluster.worker();
    run(worker, "shell", &["--restart", "unless-stopped"]).await?;
    let before = address(worker, "shell").await?;
    cluster.lab().power_off(worker).await?;
    cluster.lab().power_on(worker).await?;
    // As the systemd units are ordered: the engine asks the network driver before it answers.
    worker.start(Service::Daemon).await?;
    worker.start(Service::Engine).await?;
    let failed = "Failed to start container";
    let log = worker.log_end(Service::Engine, 100);
    ensure!(!log.contains(failed), "the engine did not find the network driver: {log}");
    let (home, server) = cluster.container("server").await?;
    reaches((home, &server), "shell", "shell").await?;
    ensure!(address(worker, "shell").await? == before, "it has got another address");
    remove(worker, "shell").await
}

pub(crate) async fn a_container_comes_and_goes_by_connect(cluster: &Cluster) -> anyhow::Result<()> {
    back(cluster).await?;
    let worker = cluster.worker();
    let own = ["run", "--detach", "--name", "own", IMAGE, "serve", "--name", "own"];
    print(worker, &own).await?;
    print(worker, &["network", "connect", "--alias", "db", "back", "own"]).await?;
    let (home, server) = cluster.container("server").await?;
    reaches((home, &server), "own", "own").await?;
    reaches((home, &server), "db", "own").await?;
    reaches((worker, "own"), "server", "whoami").await?;
    worker.swarmlite(&["network", "disconnect", "back", "own"]).await?;
    eventually("the name to be gone", SOON, async || {
        let found = cluster.inside((home, &server), "lookup own").await;
        ensure!(found.is_err(), "it is {found:?}");
        Ok(())
    })
    .await?;
    let wanted = ["network", "connect", "--ip", "10.99.0.1", "back", "own"];
    let refused = worker.swarmlite(&wanted).await;
    let Err(refused) = refused else { bail!("an address of another network is accepted") };
    ensure!(refused.to_string().contains("Invalid address 10.99.0.1"), "{refused:#}");
    remove(worker, "own").await
}

pub(crate) async fn a_network_that_is_not_attachable_takes_none(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    cluster.run("network create --driver overlay closed").await?;
    for node in [cluster.manager(), cluster.worker()] {
        let text = refusal(node, &["run", "--network", "closed", "--name", "own", IMAGE]).await?;
        ensure!(
            text.contains("Could not attach to network closed: rpc error: code = PermissionDenied desc = network closed not manually attachable"),
            "{text}"
        );
        ensure!(node.docker(&["ps", "--all", "--quiet"]).await?.is_empty());
    }
    let text = refusal(cluster.worker(), &["run", "--network", "nowhere", "--name", "own", IMAGE]);
    let text = text.await?;
    ensure!(text.contains("network nowhere not found"), "{text}");
    // The engine makes it before it looks for the network.
    remove(cluster.worker(), "own").await
}
