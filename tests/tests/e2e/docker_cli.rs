//! The stock docker CLI, of each version that is installed, through the socket of a manager that does not lead; and `swarmlite` beside it,
//! which prints the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::MENDED;

/// Every docker CLI in `PATH`, each program once.
fn clis() -> anyhow::Result<Vec<PathBuf>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for folder in std::env::split_paths(&path) {
        let program = folder.join("docker");
        if program.is_file() && seen.insert(std::fs::canonicalize(&program)?) {
            found.push(program);
        }
    }
    ensure!(!found.is_empty(), "there is no docker CLI");
    Ok(found)
}

/// A client and the node that it talks to.
#[derive(Clone, Copy)]
struct Client<'a> {
    program: &'a Path,
    node: &'a Node,
}

impl Client<'_> {
    async fn run(&self, args: &str) -> anyhow::Result<Output> {
        let host = format!("unix://{}", self.node.socket().display());
        let mut command = Command::new(self.program);
        command.args(args.split_whitespace()).stdin(Stdio::null()).kill_on_drop(true);
        command.env("DOCKER_HOST", &host).env("SWARMLITE_HOST", &host);
        let output = tokio::time::timeout(MENDED, command.output());
        output.await.with_context(|| format!("{} hangs", self.show(args)))?.context("no program")
    }

    /// What it prints. It must succeed.
    async fn fine(&self, args: &str) -> anyhow::Result<String> {
        let output = self.run(args).await?;
        let err = text(&output.stderr);
        ensure!(output.status.success(), "{}: {err}", self.show(args));
        Ok(text(&output.stdout))
    }

    /// What it says when it fails. It must fail with 1.
    async fn refused(&self, args: &str) -> anyhow::Result<String> {
        let output = self.run(args).await?;
        ensure!(output.status.code() == Some(1), "{}: {}", self.show(args), output.status);
        Ok(text(&output.stderr))
    }

    fn show(&self, args: &str) -> String {
        format!("{} {args}", self.program.display())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// A manager that does not lead.
async fn follower(cluster: &Cluster) -> anyhow::Result<&Node> {
    let leader = cluster.leader(cluster.manager()).await?;
    let follower = cluster.managers().iter().find(|node| node.name() != leader);
    follower.context("no manager follows")
}

pub(crate) async fn each_version_takes_a_service_through_its_life(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = follower(cluster).await?;
    for program in clis()? {
        let docker = Client { program: &program, node };
        // Without -d it waits until the tasks run, by its own rules.
        docker.fine("network create --driver overlay --label a=b back").await?;
        let monitor = "--update-monitor 1s --rollback-monitor 1s";
        let create = format!("service create --name web --replicas 2 --network back {monitor}");
        docker.fine(&format!("{create} --no-resolve-image {IMAGE}")).await?;
        let again = docker.refused(&format!("{create} --no-resolve-image {IMAGE}")).await?;
        let conflict = "Error response from daemon: name conflicts with an existing object: service web already exists";
        ensure!(again == conflict, "{again}");
        docker.fine("service update --env-add A=B --limit-memory 64m web").await?;
        docker.fine("service scale web=3").await?;
        let spec = "{{.Spec.TaskTemplate.ContainerSpec.Env}}{{.Spec.Mode.Replicated.Replicas}}";
        let inspect = format!("service inspect --format {spec} web");
        ensure!(docker.fine(&inspect).await? == "[A=B]3", "not as changed");
        docker.fine("service rollback web").await?;
        ensure!(docker.fine(&inspect).await? == "[A=B]2", "not as before");
        let running = "service ps --quiet --filter desired-state=running web";
        ensure!(docker.fine(running).await?.lines().count() == 2, "not two tasks");
        docker.fine("service logs --tail 1 web").await?;
        let worker = cluster.worker().name();
        docker
            .fine(&format!("node update --label-add disk=ssd --availability drain {worker}"))
            .await?;
        let drained = format!(
            "node inspect --format {{{{.Spec.Availability}}}}{{{{.Spec.Labels.disk}}}} {worker}"
        );
        ensure!(docker.fine(&drained).await? == "drainssd", "not drained");
        docker.fine(&format!("node update --label-rm disk --availability active {worker}")).await?;
        docker.fine("service rm web").await?;
        docker.fine("system df").await?;
        ensure!(docker.fine("info --format {{.Swarm.Nodes}}").await? == "4", "not four nodes");
        gone(docker, "network rm back").await?;
    }
    Ok(())
}

/// A network goes once the tasks on it have ended.
async fn gone(docker: Client<'_>, command: &str) -> anyhow::Result<()> {
    eventually(command, MENDED, async || docker.fine(command).await.map(drop)).await
}

/// What both print alike, character for character.
const ALIKE: [&str; 14] = [
    "node ls",
    "node ls --quiet",
    "node ls --filter role=worker",
    "node ls --format {{.Hostname}}={{.Status}}/{{.Availability}}/{{.ManagerStatus}}",
    "service ls",
    "service ls --quiet",
    "service ls --filter mode=global",
    "service ls --format {{.Name}}|{{.Mode}}|{{.Replicas}}|{{.Image}}|{{.Ports}}",
    "service ps --quiet web",
    "service ps --format {{.Name}}|{{.Image}}|{{.Node}}|{{.DesiredState}} web",
    "network ls --filter scope=swarm",
    "network ls --quiet --filter name=back",
    "network inspect back",
    "swarm join-token --quiet worker",
];

/// What both refuse in the same words.
const REFUSED: [&str; 4] = [
    "node ls --filter bogus=1",
    "service ls --filter bogus=1",
    "service ps nope",
    "service scale sweep=2",
];

pub(crate) async fn swarmlite_prints_what_docker_prints(cluster: &Cluster) -> anyhow::Result<()> {
    let node = follower(cluster).await?;
    let program = PathBuf::from(std::env::var("SWARMLITE_LAB_SWARMLITE")?);
    let swarmlite = Client { program: &program, node };
    swarmlite.fine("network create --driver overlay back").await?;
    let options = "--quiet --no-resolve-image --network back";
    swarmlite
        .fine(&format!("service create {options} --name web --publish 8000:8000 {IMAGE}"))
        .await?;
    swarmlite.fine(&format!("service create {options} --name sweep --mode global {IMAGE}")).await?;
    for program in clis()? {
        let docker = Client { program: &program, node };
        for command in ALIKE {
            let (ours, dockers) = (swarmlite.fine(command).await?, docker.fine(command).await?);
            ensure!(ours == dockers, "{}:\n{dockers}\nswarmlite:\n{ours}", docker.show(command));
        }
        for command in REFUSED {
            let (ours, dockers) =
                (swarmlite.refused(command).await?, docker.refused(command).await?);
            ensure!(ours == dockers, "{}:\n{dockers}\nswarmlite:\n{ours}", docker.show(command));
        }
    }
    Ok(())
}
