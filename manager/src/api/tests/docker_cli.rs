//! The stock docker CLI against the API: a client that nobody here wrote. It needs neither root nor an engine.

use std::path::PathBuf;
use std::process::Output;

use swarmlite_proto::object::Task;
use tokio::process::Command;

use super::super::bind;
use super::super::serve;
use super::*;

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

#[tokio::test]
async fn the_docker_cli_drives_the_cluster() {
    let Some(docker) = docker() else {
        eprintln!("SKIPPED the_docker_cli_drives_the_cluster: there is no docker CLI here");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let lab = Lab::manager();
    let listener = bind(&folder.join("api.sock")).await.expect("binds");
    let server = tokio::spawn(serve(listener, lab.router.clone()));
    let run = async |args: &str| run(&docker, folder, args).await;
    let fine = async |args: &str| {
        let output = run(args).await;
        assert!(output.status.success(), "{args}: {}", text(&output.stderr));
        text(&output.stdout)
    };

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
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    let worker = hostname_id(&lab.store.state(), "worker");
    let task = Task { node_id: Some(worker), ..fixture::task(160, &service, 1) };
    lab.commit(Op::PutTask(Box::new(task))).await;
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
    server.abort();
}
