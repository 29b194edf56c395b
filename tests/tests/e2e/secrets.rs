//! Secrets and configs: containers have them as files, and the content of a secret is nowhere else.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use hyper::Method;
use serde_json::Value;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::MENDED;
use crate::cluster::SOON;
use crate::socket::print;

/// What is secret. Found nowhere by chance.
const VALUE: &str = "correct horse battery staple 7f3a";

/// The same in base 64, as it travels.
const ENCODED: &str = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSA3ZjNh";

/// Makes a secret or config on `node` out of a file, and gives back its id.
async fn kept(node: &Node, kind: &str, name: &str, content: &str) -> anyhow::Result<String> {
    let file = node.dir().join(format!("{name}.txt"));
    tokio::fs::write(&file, content).await?;
    let path = file.display().to_string();
    let made = node.swarmlite(&[kind, "create", "--label", "made=here", name, &path]).await;
    // Before anything is searched.
    tokio::fs::remove_file(&file).await?;
    Ok(made?.trim().to_owned())
}

/// Permissions and owner of a file in the one container of `service`, and its content.
async fn read(cluster: &Cluster, service: &str, path: &str) -> anyhow::Result<(String, String)> {
    let (node, container) = cluster.container(service).await?;
    let said = cluster.inside((node, &container), &format!("file {path}")).await?;
    let (head, content) = said.split_once('\n').context("no content")?;
    Ok((head.to_owned(), content.to_owned()))
}

async fn ensure_reads(
    cluster: &Cluster,
    path: &str,
    head: &str,
    content: &str,
) -> anyhow::Result<()> {
    let (is_head, is_content) = read(cluster, "web", path).await?;
    ensure!(
        (is_head.as_str(), is_content.as_str()) == (head, content),
        "{path}: {is_head} {is_content}"
    );
    Ok(())
}

/// What a command says that has to fail.
async fn failure(cluster: &Cluster, words: &[&str]) -> anyhow::Result<String> {
    match cluster.manager().swarmlite(words).await {
        Ok(said) => anyhow::bail!("{words:?} should fail, and says {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

pub(crate) async fn a_service_reads_its_secrets_and_configs(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let manager = cluster.manager();
    let id = kept(manager, "secret", "tls", VALUE).await?;
    kept(manager, "config", "site", "server {}\n").await?;
    let options = "--name web --secret tls --secret source=tls,target=/etc/key,uid=33,gid=34,mode=0400 \
                   --config site --config source=site,target=/etc/web/site.conf,mode=0440";
    cluster.create(options).await?;
    ensure_reads(cluster, "/run/secrets/tls", "0444 0:0", VALUE).await?;
    ensure_reads(cluster, "/etc/key", "0400 33:34", VALUE).await?;
    ensure_reads(cluster, "/site", "0444 0:0", "server {}\n").await?;
    ensure_reads(cluster, "/etc/web/site.conf", "0440 0:0", "server {}\n").await?;

    // Any manager says the same, and takes the same.
    let other = &cluster.managers()[1];
    let version = cluster.read::<Value>(other, "/secrets/tls").await?["Version"]["Index"].clone();
    let body = r#"{"Name": "tls", "Labels": {"tier": "front"}}"#;
    let path = format!("/secrets/{id}/update?version={version}");
    let reply = other.api(Method::POST, &path, body).await?;
    ensure!(reply.status == 200, "{}: {}", reply.status, reply.body);
    let labels = ["secret", "inspect", "--format", "{{json .Spec.Labels}}", "tls"];
    ensure!(manager.swarmlite(&labels).await?.trim() == r#"{"tier":"front"}"#);
    let refused = failure(cluster, &["secret", "rm", "tls"]).await?;
    let text = "secret 'tls' is in use by the following service: web";
    ensure!(refused.contains(text), "{refused}");
    ensure!(failure(cluster, &["config", "rm", "site"]).await?.contains("is in use by"));
    let missing = ["service", "create", "--detach", "--secret", "none", IMAGE];
    ensure!(failure(cluster, &missing).await?.contains("secret not found: none"));
    manager.swarmlite(&["service", "rm", "web"]).await?;
    ensure!(manager.swarmlite(&["secret", "rm", "tls"]).await?.trim() == "tls");
    Ok(())
}

pub(crate) async fn the_docker_client_keeps_and_uses_them_too(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let manager = &cluster.managers()[1];
    let file = manager.dir().join("content.txt");
    tokio::fs::write(&file, VALUE).await?;
    let path = file.display().to_string();
    print(manager, &["secret", "create", "--label", "a=b", "tls", &path]).await?;
    print(manager, &["config", "create", "site", &path]).await?;
    let listed =
        print(manager, &["secret", "ls", "--filter", "name=t", "--format", "{{.Name}}"]).await?;
    ensure!(listed == "tls", "{listed}");
    let pretty = print(manager, &["config", "inspect", "--pretty", "site"]).await?;
    ensure!(pretty.ends_with(VALUE), "{pretty}");
    // Its own pages are ours.
    for (kind, name) in [("secret", "tls"), ("config", "site")] {
        let theirs = print(manager, &[kind, "inspect", name]).await?;
        let ours = manager.swarmlite(&[kind, "inspect", name]).await?;
        let [theirs, ours] = [&theirs, &ours].map(|text| serde_json::from_str::<Value>(text));
        ensure!(theirs? == ours?, "{kind}");
        let theirs = print(manager, &[kind, "ls"]).await?;
        let ours = manager.swarmlite(&[kind, "ls"]).await?;
        let heading = |text: &str| {
            text.lines().next().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        ensure!(heading(&theirs) == heading(&ours), "{theirs}\n{ours}");
    }
    let create = [
        "service",
        "create",
        "--quiet",
        "--no-resolve-image",
        "--name",
        "web",
        "--secret",
        "tls",
        "--config",
        "source=site,target=/etc/site,mode=0400",
        IMAGE,
    ];
    print(manager, &create).await?;
    ensure_reads(cluster, "/run/secrets/tls", "0444 0:0", VALUE).await?;
    ensure_reads(cluster, "/etc/site", "0400 0:0", VALUE).await?;
    print(manager, &["service", "update", "--quiet", "--config-rm", "site", "web"]).await?;
    let (node, container) = cluster.container("web").await?;
    ensure!(cluster.inside((node, &container), "file /etc/site").await.is_err(), "it is there");
    print(manager, &["config", "rm", "site"]).await?;
    tokio::fs::remove_file(&file).await?;
    Ok(())
}

pub(crate) async fn placeholders_are_replaced_for_each_task(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let manager = cluster.manager();
    kept(manager, "secret", "tls", VALUE).await?;
    let file = manager.dir().join("template.txt");
    let text = "{{.Service.Name}}.{{.Task.Slot}} on {{.Node.Hostname}}: {{secret \"tls\"}} {{env \"TIER\"}}";
    tokio::fs::write(&file, text).await?;
    let path = file.display().to_string();
    manager.swarmlite(&["config", "create", "--template-driver", "golang", "site", &path]).await?;
    cluster.create("--name web --secret tls --config site --env TIER=front").await?;
    let (node, _) = cluster.container("web").await?;
    let expected = format!("web.1 on {}: {VALUE} front", node.name());
    ensure_reads(cluster, "/site", "0444 0:0", &expected).await?;
    tokio::fs::remove_file(&file).await?;
    // What has a secret in it is one.
    ensure_absent(&node.state_dir()).await
}

pub(crate) async fn a_rotation_gives_the_new_content_and_frees_the_old(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let manager = cluster.manager();
    kept(manager, "secret", "key.1", "first").await?;
    kept(manager, "secret", "key.2", "second").await?;
    cluster.create("--name web --secret source=key.1,target=key --update-monitor 1s").await?;
    ensure_reads(cluster, "/run/secrets/key", "0444 0:0", "first").await?;
    let change = "--secret-rm key.1 --secret-add source=key.2,target=key";
    cluster.run(&format!("service update --quiet {change} web")).await?;
    ensure_reads(cluster, "/run/secrets/key", "0444 0:0", "second").await?;
    manager.swarmlite(&["secret", "rm", "key.1"]).await?;
    // Back is where nobody can go any more.
    let refused = failure(cluster, &["service", "rollback", "web"]).await?;
    ensure!(refused.contains("secret not found: key.1"), "{refused}");
    ensure_reads(cluster, "/run/secrets/key", "0444 0:0", "second").await
}

pub(crate) async fn containers_find_their_files_when_they_are_started_again(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    kept(cluster.manager(), "secret", "tls", VALUE).await?;
    kept(cluster.manager(), "config", "site", "server {}\n").await?;
    let worker = cluster.worker();
    let place = format!("--constraint node.hostname=={}", worker.name());
    cluster.create(&format!("--name web --secret tls --config site {place}")).await?;
    let (_, before) = cluster.container("web").await?;
    ensure_in_memory(worker).await?;
    // The daemon goes and comes back, and then the engine, with all containers: nobody is to make files anew.
    worker.restart(Service::Daemon).await?;
    ensure_reads(cluster, "/run/secrets/tls", "0444 0:0", VALUE).await?;
    worker.restart(Service::Engine).await?;
    eventually("the container to run again", MENDED, async || {
        let (_, now) = cluster.container("web").await?;
        ensure!(now == before, "{now} is another");
        Ok(())
    })
    .await?;
    ensure_reads(cluster, "/run/secrets/tls", "0444 0:0", VALUE).await?;
    ensure_reads(cluster, "/site", "0444 0:0", "server {}\n").await?;
    // With the container go its files.
    cluster.manager().swarmlite(&["service", "rm", "web"]).await?;
    eventually("the files to be gone", SOON, async || {
        let list = "ls -A /run/swarmlite/secrets; ls -A \"$0\" 2>/dev/null || true";
        let configs = worker.state_dir().join("configs").display().to_string();
        let mut command = worker.namespace()?.command("sh");
        let output = command.args(["-c", list, &configs]).output().await?;
        ensure!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    })
    .await
}

pub(crate) async fn the_content_of_a_secret_is_nowhere_else(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let manager = cluster.manager();
    // By the standard input, so that not even a file was there before.
    let mut create = crate::socket::docker(manager, &["secret", "create", "tls", "-"]);
    let mut create = create.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let mut input = create.stdin.take().context("no input")?;
    tokio::io::AsyncWriteExt::write_all(&mut input, VALUE.as_bytes()).await?;
    drop(input);
    ensure!(create.wait().await?.success());
    let worker = cluster.worker();
    let place = format!("--constraint node.hostname=={}", worker.name());
    cluster.create(&format!("--name web --secret tls {place}")).await?;
    ensure_reads(cluster, "/run/secrets/tls", "0444 0:0", VALUE).await?;
    // What is only in memory of a daemon can come to the disk when it ends.
    worker.restart(Service::Daemon).await?;
    cluster.all_ready().await?;

    let (node, container) = cluster.container("web").await?;
    let shown = node.docker(&["inspect", &container]).await?;
    ensure_not_in("what the engine says of the container", &shown)?;
    for path in
        ["/secrets", "/secrets/tls", "/services", "/services/web", "/tasks", "/info", "/swarm"]
    {
        for manager in cluster.managers() {
            let reply = manager.api(Method::GET, path, "").await?;
            ensure!(reply.status == 200, "{path}: {}", reply.status);
            ensure_not_in(path, &reply.body)?;
        }
    }
    for node in cluster.members() {
        for service in [Service::Daemon, Service::Engine] {
            let log = node.dir().join(format!("{}.log", service.name()));
            ensure_not_in("a log", &tokio::fs::read_to_string(&log).await?)?;
        }
    }
    // The state of the daemons, the files of the engines, and all else that the machines have, managers included.
    for node in cluster.members() {
        ensure_absent(node.dir()).await?;
    }
    Ok(())
}

/// Secrets have a file system in memory of their own, for root only, that does not grow without end.
async fn ensure_in_memory(node: &Node) -> anyhow::Result<()> {
    let mut command = node.namespace()?.command("grep");
    let output = command.args([" /run/swarmlite/secrets ", "/proc/self/mounts"]).output().await?;
    let mounted = String::from_utf8_lossy(&output.stdout);
    for word in [" tmpfs ", "size=65536k", "mode=700", "nosuid", "nodev", "noexec"] {
        ensure!(mounted.contains(word), "no {word}: {mounted}");
    }
    Ok(())
}

fn ensure_not_in(what: &str, text: &str) -> anyhow::Result<()> {
    ensure!(!text.contains(VALUE), "{what} has the secret: {text}");
    ensure!(!text.contains(ENCODED), "{what} has the secret in base 64: {text}");
    Ok(())
}

/// No file below `folder` has the secret, as it is or in base 64. What is mounted there is not looked into: it is on no disk.
async fn ensure_absent(folder: &Path) -> anyhow::Result<()> {
    for form in [VALUE, ENCODED] {
        let mut command = Command::new("grep");
        command.args(["--recursive", "--fixed-strings", "--files-with-matches", "--devices=skip"]);
        let output = command.args(["--regexp", form]).arg(folder).output().await?;
        let found = String::from_utf8_lossy(&output.stdout);
        ensure!(found.is_empty(), "in clear on the disk: {found}");
        // 1: nothing was found. Anything else means that not everything was searched, but for files that go away meanwhile.
        let said = String::from_utf8_lossy(&output.stderr);
        let all = said.lines().all(|line| line.ends_with("No such file or directory"));
        ensure!(output.status.code() == Some(1) || all, "grep: {said}");
    }
    Ok(())
}
