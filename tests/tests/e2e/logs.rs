//! Logs of services and tasks, through managers that lead and that do not, by `swarmlite` and by the stock `docker` client.

use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::cluster::SOON;

/// How the two clients are told whom to ask.
const CLIENTS: [&str; 2] = ["SWARMLITE_HOST", "DOCKER_HOST"];

/// What a client printed.
#[derive(Debug)]
struct Printed {
    out: Vec<String>,
    err: String,
    succeeded: bool,
}

/// `service logs` of the client that reads `variable`, asked of `node`.
fn command(node: &Node, variable: &str, args: &[&str]) -> anyhow::Result<Command> {
    let program = if variable == "DOCKER_HOST" {
        "docker".into()
    } else {
        std::env::var_os("SWARMLITE_LAB_SWARMLITE").context("no program")?
    };
    let mut command = Command::new(program);
    command
        .args(["service", "logs"])
        .args(args)
        .env(variable, format!("unix://{}", node.socket().display()))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

async fn logs(node: &Node, variable: &str, args: &[&str]) -> anyhow::Result<Printed> {
    let output = tokio::time::timeout(SOON, command(node, variable, args)?.output())
        .await
        .with_context(|| format!("service logs {args:?} of {} hangs", node.name()))??;
    // No order holds between tasks.
    let mut out: Vec<String> =
        String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect();
    out.sort();
    let err = String::from_utf8(output.stderr)?;
    Ok(Printed { out, err, succeeded: output.status.success() })
}

/// A container of `talker`.
struct Talker<'a> {
    node: &'a Node,
    container: String,
    /// How `service logs` names it.
    label: String,
}

impl Talker<'_> {
    /// Has it write `line`.
    async fn say(&self, cluster: &Cluster, line: &str) -> anyhow::Result<()> {
        let command = format!("get http://127.0.0.1:8000/log?line={line}");
        cluster.inside((self.node, &self.container), &command).await.map(drop)
    }

    /// What is printed for `line`.
    fn printed(&self, line: &str) -> String {
        format!("{}    | {line}", self.label)
    }
}

/// The containers of `talker`, by slot.
async fn talkers(cluster: &Cluster) -> anyhow::Result<Vec<Talker<'_>>> {
    let mut talkers = Vec::new();
    for node in cluster.members() {
        for container in cluster.containers(node, "talker").await? {
            let format = r#"{{index .Config.Labels "com.docker.swarm.task.name"}}"#;
            let name = node.docker(&["inspect", "--format", format, &container]).await?;
            // `talker.1.<id>`, of which the clients print 12 characters.
            let (slot, id) = name.trim().rsplit_once('.').context("no task name")?;
            let id = id.get(..12).context("a short id")?;
            let label = format!("{slot}.{id}@{}", node.name());
            talkers.push(Talker { node, container, label });
        }
    }
    talkers.sort_by(|one, other| one.label.cmp(&other.label));
    Ok(talkers)
}

async fn two_talkers(cluster: &Cluster) -> anyhow::Result<Vec<Talker<'_>>> {
    cluster.create("--name talker --replicas 2").await?;
    let talkers = talkers(cluster).await?;
    ensure!(talkers.len() == 2, "{} containers", talkers.len());
    ensure!(talkers[0].node.name() != talkers[1].node.name(), "both on one node");
    Ok(talkers)
}

pub(crate) async fn every_line_comes_once_with_its_task(cluster: &Cluster) -> anyhow::Result<()> {
    let talkers = two_talkers(cluster).await?;
    for talker in &talkers {
        talker.say(cluster, "one").await?;
        talker.say(cluster, "two").await?;
        talker.say(cluster, "wrong&error=1").await?;
    }
    let expected: Vec<String> =
        talkers.iter().flat_map(|talker| [talker.printed("one"), talker.printed("two")]).collect();
    for manager in cluster.managers() {
        for variable in CLIENTS {
            let at = format!("{variable} at {}", manager.name());
            let printed = logs(manager, variable, &["talker"]).await?;
            ensure!(printed.succeeded && printed.out == expected, "{at}: {printed:?}");
            for talker in &talkers {
                let wrong = talker.printed("wrong");
                ensure!(
                    printed.err.lines().filter(|line| *line == wrong).count() == 1,
                    "{at}: {printed:?}"
                );
            }
        }
    }
    Ok(())
}

pub(crate) async fn options_choose_among_the_lines(cluster: &Cluster) -> anyhow::Result<()> {
    let talkers = two_talkers(cluster).await?;
    for talker in &talkers {
        talker.say(cluster, "one").await?;
        talker.say(cluster, "two").await?;
    }
    let manager = &cluster.managers()[2];
    let [first, _] = &talkers[..] else { anyhow::bail!("not two") };
    let task = first.label.split(['.', '@']).nth(2).context("no id")?;
    let last: Vec<String> = talkers.iter().map(|talker| talker.printed("two")).collect();
    for variable in CLIENTS {
        let printed = async |args: &[&str]| logs(manager, variable, args).await;
        // Docker counts the lines of each task, swarmlite those of all together.
        let newest = if variable == "DOCKER_HOST" { &last[..] } else { &last[1..] };
        ensure!(printed(&["--tail", "1", "talker"]).await?.out == newest, "{variable} --tail");
        let of_task = printed(&["-n", "1", task]).await?;
        ensure!(of_task.out == [last[0].clone()], "{variable} of a task: {of_task:?}");
        let raw = printed(&["--raw", "talker"]).await?;
        ensure!(raw.out == ["one", "one", "two", "two"], "{variable} --raw: {raw:?}");
        // Docker's client names the moment in whole seconds: what was printed in this one is still told.
        eventually("a second to pass", SOON, async || {
            let printed = printed(&["--since", "0s", "talker"]).await?.out;
            ensure!(printed.is_empty(), "{variable} --since: {printed:?}");
            Ok(())
        })
        .await?;
        let recent = printed(&["--since", "10m", "--raw", "talker"]).await?;
        ensure!(recent.out.len() == 4, "{variable} --since 10m: {recent:?}");
        let timed = printed(&["--timestamps", "--no-task-ids", task]).await?;
        let (time, rest) = timed.out[0].split_once(' ').context("no time")?;
        let name = format!("talker.1@{}    | one", first.node.name());
        ensure!(time.len() == 30 && rest == name, "{variable} --timestamps: {timed:?}");
        let whole = printed(&["--no-trunc", "--no-resolve", task]).await?;
        ensure!(whole.out[0].contains(task) && !whole.out[0].contains("talker"), "{whole:?}");
        let missing = printed(&["nobody"]).await?;
        let sentence = "no such task or service: nobody\n";
        ensure!(!missing.succeeded && missing.err == sentence, "{variable}: {missing:?}");
        let bad = printed(&["--tail", "x", "talker"]).await?;
        let sentence = r#"tail value must be a positive integer or "all""#;
        ensure!(!bad.succeeded && bad.err.contains(sentence), "{variable}: {bad:?}");
    }
    Ok(())
}

/// A client that follows, and what it has printed.
struct Follower {
    _child: Child,
    lines: tokio::sync::mpsc::UnboundedReceiver<String>,
    variable: &'static str,
}

impl Follower {
    fn start(node: &Node, variable: &'static str) -> anyhow::Result<Self> {
        let mut command = command(node, variable, &["--follow", "--tail", "0", "talker"])?;
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("no output")?;
        let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut out = BufReader::new(out).lines();
            while let Ok(Some(line)) = out.next_line().await {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { _child: child, lines, variable })
    }

    /// Waits for `line`, which has to be the next but for those of `ignored`.
    async fn sees(&mut self, line: &str, ignored: &str) -> anyhow::Result<()> {
        loop {
            let next = tokio::time::timeout(SOON, self.lines.recv());
            let got = next.await.with_context(|| format!("{}: no {line}", self.variable))?;
            let got = got.with_context(|| format!("{} has ended before {line}", self.variable))?;
            if got == line {
                return Ok(());
            }
            ensure!(got.ends_with(ignored), "{}: {got} instead of {line}", self.variable);
        }
    }
}

pub(crate) async fn followers_see_new_lines_and_new_tasks(cluster: &Cluster) -> anyhow::Result<()> {
    let talkers_before = two_talkers(cluster).await?;
    talkers_before[0].say(cluster, "before").await?;
    let mut followers = Vec::new();
    for (variable, manager) in CLIENTS.into_iter().zip(&cluster.managers()[1..]) {
        followers.push(Follower::start(manager, variable)?);
    }
    // When a follower has begun cannot be seen but by its first line.
    for talker in &talkers_before {
        for follower in &mut followers {
            eventually("the first line", SOON, async || {
                talker.say(cluster, "begin").await?;
                let line =
                    tokio::time::timeout(std::time::Duration::from_secs(1), follower.lines.recv());
                let line = line.await.context("none yet")?.context("has ended")?;
                ensure!(line == talker.printed("begin"), "{line}");
                Ok(())
            })
            .await?;
        }
    }
    for talker in &talkers_before {
        talker.say(cluster, "new").await?;
        for follower in &mut followers {
            follower.sees(&talker.printed("new"), "| begin").await?;
        }
    }
    cluster.run("service scale talker=3").await?;
    let after = talkers(cluster).await?;
    let third = after.get(2).context("no third task")?;
    third.say(cluster, "third").await?;
    for follower in &mut followers {
        follower.sees(&third.printed("third"), "| begin").await?;
    }
    Ok(())
}

pub(crate) async fn a_node_that_is_gone_gives_a_note(cluster: &Cluster) -> anyhow::Result<()> {
    let talkers = two_talkers(cluster).await?;
    for talker in &talkers {
        talker.say(cluster, "one").await?;
    }
    let manager = cluster.manager();
    let lost = talkers.iter().find(|talker| talker.node.name() != manager.name());
    let lost = lost.context("all on the manager")?;
    let kept = talkers.iter().find(|talker| talker.node.name() != lost.node.name());
    let kept = kept.context("all on the lost node")?;
    let inspect = ["node", "inspect", "--format", "{{.ID}}", lost.node.name()];
    let id = manager.swarmlite(&inspect).await?.trim().to_owned();
    cluster.lab().cut(lost.node).await?;
    // At first the cluster believes that it is still there, and then that it is not.
    for moment in ["at first", "later"] {
        let note = "warning: incomplete log stream. some logs could not be retrieved for the following reasons:";
        // The lost node may have led: the other one is heard once it is in session with the next leader.
        let printed = eventually("the log of the other node", SOON, async || {
            let printed = logs(manager, "SWARMLITE_HOST", &["talker"]).await?;
            ensure!(printed.out.contains(&kept.printed("one")), "{moment}: {printed:?}");
            Ok(printed)
        })
        .await?;
        ensure!(printed.succeeded && printed.err.starts_with(note), "{moment}: {printed:?}");
        ensure!(printed.err.contains(&format!("node {id} is not available")), "{printed:?}");
        let printed = logs(manager, "DOCKER_HOST", &["talker"]).await?;
        let docker =
            "error from daemon in stream: Error grabbing logs: rpc error: code = Unknown desc = ";
        ensure!(
            printed.err.contains(&format!("{docker}{note} node {id}")),
            "{moment}: {printed:?}"
        );
        ensure!(printed.out.contains(&kept.printed("one")), "{moment}: {printed:?}");
        eventually("the node to be down", crate::cluster::MENDED, async || {
            let nodes = cluster.nodes(manager).await?;
            ensure!(nodes.iter().any(|node| node.status.state == "down"), "all are up");
            Ok(())
        })
        .await?;
    }
    cluster.lab().heal(lost.node).await?;
    cluster.all_ready().await
}

pub(crate) async fn tasks_that_have_ended_keep_their_logs(cluster: &Cluster) -> anyhow::Result<()> {
    let talkers = two_talkers(cluster).await?;
    talkers[0].say(cluster, "last").await?;
    cluster.run("service update --quiet --force talker").await?;
    let printed = logs(cluster.manager(), "SWARMLITE_HOST", &["--raw", "talker"]).await?;
    ensure!(printed.succeeded && printed.out == ["last"], "{printed:?}");
    Ok(())
}
