//! The socket as a whole Docker endpoint: what is about one machine reaches the node's engine, by the stock `docker` client.

use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;

/// The `docker` client, asking the daemon of `node` and not its engine.
pub(crate) fn docker(node: &Node, args: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command
        .args(args)
        .env("DOCKER_HOST", format!("unix://{}", node.socket().display()))
        // Which builder is installed beside the client does not matter here.
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What it prints. It must succeed.
pub(crate) async fn print(node: &Node, args: &[&str]) -> anyhow::Result<String> {
    let output = tokio::time::timeout(SOON, docker(node, args).output());
    let output = output.await.with_context(|| format!("docker {args:?} hangs"))??;
    let err = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "docker {args:?}: {err}");
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

pub(crate) async fn containers_images_and_files_are_the_engines(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    for node in [cluster.manager(), cluster.worker(), cluster.stranger()] {
        let run = ["run", "--detach", "--name", "own", "--network", "none", IMAGE, "serve"];
        let id = print(node, &run).await?;
        let listed = print(node, &["ps", "--no-trunc", "--format", "{{.ID}}"]).await?;
        ensure!(listed.lines().any(|line| line == id), "{}: {listed}", node.name());
        ensure!(node.docker(&["inspect", "--format", "{{.Name}}", &id]).await?.trim() == "/own");
        // A file goes in as an archive and comes back as one.
        let file = node.dir().join("hello.txt");
        tokio::fs::write(&file, "hello").await?;
        let source = file.display().to_string();
        print(node, &["cp", &source, "own:/hello.txt"]).await?;
        print(node, &["cp", "own:/hello.txt", &format!("{source}.back")]).await?;
        ensure!(tokio::fs::read_to_string(format!("{source}.back")).await? == "hello");
        // A context goes up as a stream, and the progress comes back as one.
        let context = node.dir().join("context");
        tokio::fs::create_dir_all(&context).await?;
        tokio::fs::write(context.join("Dockerfile"), format!("FROM {IMAGE}\nLABEL a=b\n")).await?;
        print(node, &["build", "--tag", "built", &context.display().to_string()]).await?;
        let label = ["image", "inspect", "--format", "{{.Config.Labels.a}}", "built"];
        ensure!(print(node, &label).await? == "b");
        print(node, &["rm", "--force", "own"]).await?;
        print(node, &["rmi", "built"]).await?;
    }
    Ok(())
}

pub(crate) async fn connections_that_stop_being_http_go_through(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = cluster.manager();
    let run = ["run", "--detach", "--name", "own", "--network", "none", IMAGE, "serve"];
    print(node, &run).await?;
    let executed = print(node, &["exec", "own", "/whoami", "--help"]).await?;
    ensure!(executed.contains("serve"), "{executed}");
    follows(node).await?;
    print(node, &["rm", "--force", "own"]).await.map(drop)
}

/// `docker logs --follow` prints a line as soon as it is written, and ends with its container.
async fn follows(node: &Node) -> anyhow::Result<()> {
    let mut following =
        docker(node, &["logs", "--follow", "own"]).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(following.stdout.take().context("no output")?).lines();
    print(node, &["exec", "own", "/whoami", "get", "http://127.0.0.1:8000/log?line=heard"]).await?;
    let heard = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains("heard") {
                return Ok(());
            }
        }
        anyhow::bail!("the line did not come")
    };
    tokio::time::timeout(SOON, heard).await.context("nothing comes")??;
    print(node, &["kill", "own"]).await?;
    let ended = tokio::time::timeout(SOON, following.wait()).await.context("it goes on")??;
    ensure!(ended.success(), "{ended}");
    Ok(())
}

pub(crate) async fn input_goes_in_and_its_end_too(cluster: &Cluster) -> anyhow::Result<()> {
    let node = cluster.manager();
    // An archive on the standard input, whose end the engine has to see before it answers.
    let mut import = docker(node, &["import", "-", "imported"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = import.stdin.take().context("no input")?;
    // The smallest archive there is: two empty blocks.
    input.write_all(&[0; 1024]).await?;
    drop(input);
    let output =
        tokio::time::timeout(SOON, import.wait_with_output()).await.context("it hangs")??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    print(node, &["rmi", "imported"]).await.map(drop)
}
