//! The stock docker CLI against the API: a client that nobody here wrote. It needs neither root nor an engine.

use std::path::PathBuf;
use std::process::Output;

use swarmlite_proto::object::Task;
use tokio::process::Command;

use super::*;
use crate::bind;
use crate::serve;

/// The CLI, if it is installed.
fn docker() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("docker")).find(|file| file.is_file())
}

/// Runs the CLI against the socket in `folder`.
async fn run(docker: &Path, folder: &Path, args: &str) -> Output {
    Command::new(docker)
        .arg(format!("--host=unix://{}", folder.join("api.sock").display()))
        .args(args.split_whitespace())
        .env("DOCKER_CONFIG", folder)
        .output()
        .await
        .expect("starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// The CLI, against the only manager of a cluster.
struct Cli {
    docker: PathBuf,
    folder: tempfile::TempDir,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    lab: Lab,
}

impl Cli {
    /// Nothing, with a notice, where it is not installed.
    async fn new(test: &str) -> Option<Self> {
        let Some(docker) = docker() else {
            eprintln!("SKIPPED {test}: there is no docker CLI here");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let lab = Lab::manager();
        let listener = bind(&folder.path().join("api.sock")).await.expect("binds");
        let server = tokio::spawn(serve(listener, lab.router.clone()));
        Some(Self { docker, folder, server, lab })
    }

    async fn run(&self, args: &str) -> Output {
        run(&self.docker, self.folder.path(), args).await
    }

    /// What it prints. It must succeed.
    async fn fine(&self, args: &str) -> String {
        let output = self.run(args).await;
        assert!(output.status.success(), "{args}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

#[tokio::test]
async fn the_docker_cli_drives_jobs() {
    let Some(cli) = Cli::new("the_docker_cli_drives_jobs").await else { return };
    let fine = async |args: &str| cli.fine(args).await;
    fine("service create -d --no-resolve-image --name batch --mode replicated-job --replicas 3 --max-concurrent 2 nginx").await;
    fine("service create -d --no-resolve-image --name sweep --mode global-job nginx").await;
    assert_eq!(
        fine("service ls --filter name=batch --format {{.Mode}}|{{.Replicas}}").await,
        "replicated job|0/2 (0/3 completed)"
    );
    assert!(fine("service inspect --pretty batch").await.contains("Name:\t\tbatch"));
    fine("service update -d --force batch").await;
    fine("service scale -d batch=5").await;
    assert_eq!(
        fine("service inspect --format {{.JobStatus.JobIteration.Index}}/{{.Spec.Mode.ReplicatedJob.TotalCompletions}} batch").await,
        "2/5"
    );
    cli.server.abort();
}

#[tokio::test]
async fn the_docker_cli_drives_the_cluster() {
    let Some(cli) = Cli::new("the_docker_cli_drives_the_cluster").await else { return };
    let run = async |args: &str| cli.run(args).await;
    let fine = async |args: &str| cli.fine(args).await;

    assert_eq!(
        fine("node ls --format {{.Hostname}}={{.ManagerStatus}}").await,
        "boss=Leader\nworker="
    );
    assert_eq!(fine("network create -d overlay --label a=b back").await.len(), 25);
    assert_eq!(
        fine("network ls --filter label=a=b --format {{.Name}}/{{.Scope}}").await,
        "back/swarm"
    );
    let create = "service create -d --no-resolve-image --name web -p 8000:80 --replicas 2 --network back nginx";
    assert_eq!(fine(create).await.len(), 25);
    assert_eq!(
        fine("service ls --format {{.Name}}|{{.Mode}}|{{.Replicas}}|{{.Image}}").await,
        "web|replicated|0/2|nginx:latest"
    );
    let service = cli.lab.store.state().service_by_name("web").expect("is there").clone();
    let worker = hostname_id(&cli.lab.store.state(), "worker");
    let task = Task { node_id: Some(worker), ..fixture::task(160, &service, 1) };
    cli.lab.commit(Op::PutTask(Box::new(task))).await;
    assert_eq!(
        fine("service ps web --format {{.Name}}|{{.Node}}|{{.DesiredState}}").await,
        "web.1|worker|Running"
    );
    let pretty = fine("service inspect --pretty web").await;
    for line in ["Name:\t\tweb", " Replicas:\t2", "Endpoint Mode:\tvip", "back"] {
        assert!(pretty.contains(line), "{line:?} is not in {pretty}");
    }
    fine("service scale -d web=5").await;
    assert_eq!(fine("service inspect --format {{.Spec.Mode.Replicated.Replicas}} web").await, "5");
    fine("service update -d --force --env-add A=B --limit-memory 64m web").await;
    fine("service rollback -d web").await;
    fine("node update --availability drain worker").await;
    assert_eq!(fine("node inspect --format {{.Spec.Availability}} worker").await, "drain");
    assert!(fine("swarm join-token -q worker").await.starts_with("SWMTKN-1-"));
    assert_eq!(fine("info --format {{.Swarm.Nodes}}").await, "2");

    let refused = run("service create -d --no-resolve-image --name web nginx").await;
    assert_eq!(
        text(&refused.stderr),
        "Error response from daemon: name conflicts with an existing object: service web already exists"
    );
    let missing = run("service inspect nothing").await;
    assert!(
        text(&missing.stderr).contains("no such service: nothing"),
        "{}",
        text(&missing.stderr)
    );
    fine("service rm web").await;
    cli.server.abort();
}
