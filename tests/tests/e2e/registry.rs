//! Images from a registry that wants a login: Debian's `docker-registry`, which listens on the loopback interface of every node, as engines
//! want TLS of all others. All of them serve one folder.

use std::path::Path;
use std::path::PathBuf;
use std::process::Output;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;
use tokio::process::Child;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::MENDED;
use crate::cluster::SOON;

const SERVER: &str = "127.0.0.1:5000";
const PRIVATE: &str = "127.0.0.1:5000/private:1";
const PASSWORD: &str = "correct-horse";
/// The password as `htpasswd -Bbn ann` writes it.
const ACCOUNTS: &str = "ann:$2y$05$V9uWHhy7e/kSKLlMsfMf1OnW0KNc4POFQloi1PaFJdLoacdJfeCqO\n";

/// The registry, for as long as this lives.
struct Registry {
    folder: PathBuf,
    /// Each ends with this process, or with its node.
    servers: Vec<Child>,
}

impl Registry {
    /// Starts it on all members, empty.
    async fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        let folder = cluster.manager().dir().join("registry");
        if folder.exists() {
            tokio::fs::remove_dir_all(&folder).await?;
        }
        tokio::fs::create_dir_all(folder.join("login")).await?;
        let accounts = folder.join("accounts");
        tokio::fs::write(&accounts, ACCOUNTS).await?;
        let (data, accounts) = (folder.join("data"), accounts.display().to_string());
        let config = serde_json::json!({
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": data.display().to_string()}},
            "http": {"addr": SERVER, "secret": "of uploads"},
            "auth": {"htpasswd": {"realm": "lab", "path": accounts}},
        });
        let path = folder.join("config.yml");
        // All JSON is YAML.
        tokio::fs::write(&path, config.to_string()).await?;
        let mut registry = Self { folder, servers: Vec::new() };
        for node in cluster.members() {
            registry.serve(node, &path).await?;
        }
        Ok(registry)
    }

    async fn serve(&mut self, node: &Node, config: &Path) -> anyhow::Result<()> {
        // Ends with its standard input, which is this process's.
        let script = "docker-registry serve \"$1\" & read -r _; kill $!";
        let log = std::fs::File::create(self.folder.join(format!("{}.log", node.name())))?;
        let mut command = node.namespace()?.command("bash");
        command.args(["-c", script, "bash"]).arg(config);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        self.servers.push(command.spawn()?);
        eventually(&format!("the registry on {}", node.name()), SOON, async || {
            let test = format!("echo >/dev/tcp/{}", SERVER.replace(':', "/"));
            let output = node.namespace()?.command("bash").args(["-c", &test]).output().await?;
            ensure!(output.status.success(), "nobody listens");
            Ok(())
        })
        .await
    }

    /// Where the docker client keeps its logins.
    fn login(&self) -> PathBuf {
        self.folder.join("login")
    }

    /// Where there are no logins.
    fn no_login(&self) -> PathBuf {
        self.folder.join("nobody")
    }
}

/// Runs `program` against the daemon of `node`, with the logins in `folder`.
async fn client(program: &str, node: &Node, folder: &Path, args: &str) -> anyhow::Result<Output> {
    let host = format!("unix://{}", node.socket().display());
    let mut command = Command::new(program);
    command.args(args.split_whitespace()).stdin(Stdio::null()).kill_on_drop(true);
    command.env("DOCKER_HOST", &host).env("SWARMLITE_HOST", &host);
    command.env("DOCKER_CONFIG", folder).env("DOCKER_BUILDKIT", "0");
    let output = tokio::time::timeout(MENDED, command.output());
    output.await.with_context(|| format!("{program} {args} hangs"))?.context("it does not start")
}

/// What it prints on its two outputs. It must succeed.
async fn fine(
    program: &str,
    node: &Node,
    folder: &Path,
    args: &str,
) -> anyhow::Result<(String, String)> {
    let output = client(program, node, folder, args).await?;
    let err = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{program} {args}: {err}");
    Ok((String::from_utf8(output.stdout)?.trim().to_owned(), err))
}

/// Puts an image into the registry that differs from others by its label `v`, and leaves it on no node.
async fn push(node: &Node, registry: &Registry, v: &str) -> anyhow::Result<()> {
    let context = registry.folder.join("context");
    tokio::fs::create_dir_all(&context).await?;
    tokio::fs::write(context.join("Dockerfile"), format!("FROM {IMAGE}\nLABEL v={v}\n")).await?;
    let login = registry.login();
    let build = format!("build --quiet --tag {PRIVATE} {}", context.display());
    for args in [&*build, &format!("push {PRIVATE}"), &format!("rmi {PRIVATE}")] {
        fine("docker", node, &login, args).await?;
    }
    Ok(())
}

/// The image that the spec of `service` names, on any node that is asked.
async fn image(cluster: &Cluster, node: &Node, service: &str) -> anyhow::Result<String> {
    let service: Value = cluster.read(node, &format!("/services/{service}")).await?;
    let image = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"].as_str();
    Ok(image.context("no image")?.to_owned())
}

/// Waits until all members run a container of `service` whose image has the label `v`.
async fn runs_everywhere(cluster: &Cluster, service: &str, v: &str) -> anyhow::Result<()> {
    eventually(&format!("{service} of version {v} on all nodes"), MENDED, async || {
        for node in cluster.members() {
            let ids = cluster.containers(node, service).await?;
            ensure!(ids.len() == 1, "{} has {} containers", node.name(), ids.len());
            let label = ["inspect", "--format", "{{.Config.Labels.v}}", &ids[0]];
            let found = node.docker(&label).await?;
            ensure!(found.trim() == v, "{} runs {found}", node.name());
        }
        Ok(())
    })
    .await
}

fn program() -> anyhow::Result<String> {
    Ok(std::env::var("SWARMLITE_LAB_SWARMLITE")?)
}

pub(crate) async fn every_node_pulls_with_the_login_that_came_with_the_service(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let registry = Registry::start(cluster).await?;
    let (login, nobody) = (registry.login(), registry.no_login());
    let (swarmlite, follower) = (&*program()?, follower(cluster).await?);
    let signed_in = format!("login --username ann --password {PASSWORD} {SERVER}");
    fine("docker", follower, &login, &signed_in).await?;
    push(follower, &registry, "1").await?;

    without_a_login_nobody_gets_it(cluster, follower, &nobody).await?;
    let create = format!(
        "service create --quiet --name private --mode global --with-registry-auth {PRIVATE}"
    );
    let (_, warned) = fine(swarmlite, follower, &login, &create).await?;
    ensure!(warned.is_empty(), "{warned}");
    runs_everywhere(cluster, "private", "1").await?;
    let first = image(cluster, follower, "private").await?;
    ensure!(first.starts_with(&format!("{PRIVATE}@sha256:")), "{first}");

    // The tag moves. What is named by its digest does not.
    push(follower, &registry, "2").await?;
    fine(swarmlite, follower, &nobody, "service update --quiet --force private").await?;
    runs_everywhere(cluster, "private", "1").await?;
    let update = format!("service update --quiet --with-registry-auth --image {PRIVATE} private");
    fine("docker", follower, &login, &update).await?;
    runs_everywhere(cluster, "private", "2").await?;
    ensure!(image(cluster, follower, "private").await? != first, "the digest is the same");
    fine(swarmlite, follower, &nobody, "service rollback --quiet private").await?;
    runs_everywhere(cluster, "private", "1").await?;
    ensure!(image(cluster, follower, "private").await? == first, "not rolled back");
    is_nowhere(cluster, PASSWORD).await
}

/// Neither the client nor the nodes get anywhere, and both say why.
async fn without_a_login_nobody_gets_it(
    cluster: &Cluster,
    follower: &Node,
    nobody: &Path,
) -> anyhow::Result<()> {
    let swarmlite = &*program()?;
    let create = format!("service create --detach --name open --restart-condition none {PRIVATE}");
    let (_, warned) = fine(swarmlite, follower, nobody, &create).await?;
    ensure!(
        warned.starts_with(&format!(
            "image {PRIVATE} could not be accessed on a registry to record\nits digest."
        )),
        "{warned}"
    );
    eventually("a rejected task", SOON, async || {
        let tasks: Vec<Value> = cluster.read(follower, "/tasks").await?;
        let task = tasks.first().context("no task")?;
        ensure!(task["Status"]["State"] == "rejected", "{}", task["Status"]);
        let err = task["Status"]["Err"].as_str().unwrap_or_default();
        ensure!(
            err.starts_with("No such image: ") && err.contains("no basic auth credentials"),
            "{err}"
        );
        Ok(())
    })
    .await?;
    fine(swarmlite, follower, nobody, "service rm open").await.map(drop)
}

/// A manager that does not lead.
async fn follower(cluster: &Cluster) -> anyhow::Result<&Node> {
    let leader = cluster.leader(cluster.manager()).await?;
    let follower = cluster.managers().iter().find(|node| node.name() != leader);
    follower.context("no manager follows")
}

/// Looks for a secret where nobody should find it: in answers, in logs, and on the disk of a worker.
async fn is_nowhere(cluster: &Cluster, secret: &str) -> anyhow::Result<()> {
    // In the state it is part of a header, and of JSON.
    for node in cluster.managers() {
        for path in ["/services", "/services/private?insertDefaults=true", "/tasks"] {
            let answer: Value = cluster.read(node, path).await?;
            ensure!(!answer.to_string().contains(secret), "{path}: {answer}");
        }
    }
    for node in cluster.members() {
        let log = tokio::fs::read_to_string(node.dir().join("swarmlite.log")).await?;
        ensure!(!log.contains(secret), "it is in the log of {}", node.name());
    }
    let state = cluster.worker().state_dir();
    let found =
        Command::new("grep").args(["--recursive", "--quiet", secret]).arg(&state).status().await?;
    ensure!(found.code() == Some(1), "it is in {}", state.display());
    Ok(())
}
