//! The lab itself, without swarmlite: what the end-to-end tests take for granted.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use libtest_mimic::Failed;
use swarmlite_lab::Lab;
use swarmlite_lab::Node;
use swarmlite_lab::Options;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;
use swarmlite_lab::run_as_root;
use tokio::runtime::Runtime;

/// The names of the labs that are made here.
const NAMES: [&str; 2] = ["selftest-a", "selftest-b"];
const LIMIT: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
enum Case {
    OutsideWorld,
    Cut,
    Engine,
    Power,
    SideBySide,
    Crash,
}

fn main() -> anyhow::Result<ExitCode> {
    let cases = vec![
        ("the_outside_world_reaches_a_container", Case::OutsideWorld),
        ("nothing_passes_a_cut_cable", Case::Cut),
        ("a_killed_engine_starts_again", Case::Engine),
        ("a_node_without_power_keeps_its_disk", Case::Power),
        ("labs_side_by_side_do_not_meet", Case::SideBySide),
        ("what_a_crash_leaves_is_found_and_removed", Case::Crash),
    ];
    Ok(run_as_root("tests of the lab", cases, run)?.exit_code())
}

fn run(case: Case) -> Result<(), Failed> {
    let outcome = Runtime::new()?.block_on(async {
        let outcome = tokio::time::timeout(LIMIT, check(case)).await;
        for name in NAMES {
            Lab::down(name).await?;
        }
        outcome?
    });
    outcome.map_err(|error| format!("{error:#}").into())
}

async fn check(case: Case) -> anyhow::Result<()> {
    match case {
        Case::OutsideWorld => the_outside_world_reaches_a_container(&lab(0, 1).await?).await,
        Case::Cut => nothing_passes_a_cut_cable(&lab(0, 2).await?).await,
        Case::Engine => a_killed_engine_starts_again(&lab(0, 1).await?.nodes()[0]).await,
        Case::Power => a_node_without_power_keeps_its_disk(&lab(0, 1).await?).await,
        Case::SideBySide => labs_side_by_side_do_not_meet(&lab(0, 1).await?, &lab(1, 1).await?),
        Case::Crash => what_a_crash_leaves_is_found_and_removed(&lab(0, 1).await?).await,
    }
}

async fn lab(index: usize, nodes: u8) -> anyhow::Result<Lab> {
    let whoami = std::env::var_os("SWARMLITE_LAB_WHOAMI").map(PathBuf::from);
    let options = Options {
        name: NAMES[index].to_owned(),
        nodes,
        swarmlite: PathBuf::new(),
        whoami: whoami.context("SWARMLITE_LAB_WHOAMI is not set: use tests/run.sh")?,
        host_access: false,
    };
    Lab::up(options).await
}

/// Runs the workload on `node`, by its engine alone.
async fn serve(lab: &Lab, node: &Node) -> anyhow::Result<String> {
    let image = "whoami:latest";
    node.docker(&["run", "--detach", "--name", "web", "--publish", "8000:8000", image]).await?;
    let url = format!("http://{}:8000/", node.address());
    eventually("the container to answer", SOON, async || lab.ask(&["get", &url]).await).await?;
    Ok(url)
}

async fn the_outside_world_reaches_a_container(lab: &Lab) -> anyhow::Result<()> {
    let url = serve(lab, &lab.nodes()[0]).await?;
    let answers = lab.ask(&["get", &url]).await?;
    ensure!(answers[0].client.ip() == lab.client_address(), "{answers:?}");
    Ok(())
}

async fn nothing_passes_a_cut_cable(lab: &Lab) -> anyhow::Result<()> {
    let [lost, other] = lab.nodes() else { anyhow::bail!("two nodes") };
    let url = serve(lab, lost).await?;
    lab.cut(lost).await?;
    ensure!(lab.ask(&["get", &url]).await.is_err(), "the outside world still reaches it");
    ensure!(other.get(&url, 1).await.is_err(), "the other node still reaches it");
    ensure!(lost.get("http://127.0.0.1:8000/", 1).await.is_ok(), "it does not reach itself");
    lab.heal(lost).await?;
    eventually("the way back", SOON, async || other.get(&url, 1).await).await.map(drop)
}

async fn a_killed_engine_starts_again(node: &Node) -> anyhow::Result<()> {
    ensure!(node.start(Service::Engine).await.is_err(), "an engine was started twice");
    for signal in ["KILL", "TERM"] {
        node.kill(Service::Engine, signal).await?;
        ensure!(node.docker(&["version"]).await.is_err(), "the engine answers after {signal}");
        node.start(Service::Engine).await?;
        node.docker(&["version"]).await?;
    }
    Ok(())
}

async fn a_node_without_power_keeps_its_disk(lab: &Lab) -> anyhow::Result<()> {
    let node = &lab.nodes()[0];
    let url = serve(lab, node).await?;
    lab.power_off(node).await?;
    ensure!(lab.ask(&["get", &url]).await.is_err(), "a container outlived its machine");
    lab.power_on(node).await?;
    node.start(Service::Engine).await?;
    node.docker(&["start", "web"]).await?;
    eventually("the container to answer", SOON, async || lab.ask(&["get", &url]).await).await?;
    Ok(())
}

fn labs_side_by_side_do_not_meet(one: &Lab, other: &Lab) -> anyhow::Result<()> {
    ensure!(one.client_address() != other.client_address(), "they have the same addresses");
    let names = Lab::names()?;
    ensure!(NAMES.iter().all(|name| names.iter().any(|known| known == name)), "{names:?}");
    Ok(())
}

async fn what_a_crash_leaves_is_found_and_removed(lab: &Lab) -> anyhow::Result<()> {
    let node = &lab.nodes()[0];
    serve(lab, node).await?;
    let state = node.kernel_state().await?;
    ensure!(state == node.kernel_state().await?, "the dump of an idle node changes");
    // Another process knows nothing but the name.
    Lab::down(lab.name()).await?;
    ensure!(Lab::open(lab.name()).is_err(), "the lab is still there");
    ensure!(node.namespace().is_err(), "a node is still there");
    ensure!(!node.dir().exists(), "its files are still there");
    Ok(())
}
