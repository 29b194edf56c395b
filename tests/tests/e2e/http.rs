//! HTTP routing: every node answers for the services that have rules, and goes on to while they change.

use std::io::Write;

use anyhow::Context;
use anyhow::ensure;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;
use swarmlite_lab::load::Kind;
use swarmlite_lab::load::Load;
use swarmlite_lab::load::Loop;
use swarmlite_lab::load::Report;
use swarmlite_lab::load::Source;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;
use crate::load::times;

/// The host that is asked for.
const HOST: &str = "shop.example.com";

/// Where the service listens.
const PORT: u16 = 8000;

/// What a command says that has to fail.
async fn failure(cluster: &Cluster, words: &[&str]) -> anyhow::Result<String> {
    match cluster.manager().swarmlite(words).await {
        Ok(said) => anyhow::bail!("{words:?} should fail, and says {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// What `node` answers a client outside of the cluster: the status, and the body.
async fn asked(
    cluster: &Cluster,
    node: &Node,
    options: &[&str],
    url: &str,
) -> anyhow::Result<(String, String)> {
    let mut curl = cluster.lab().client()?.command("curl");
    let resolve = |port: u16| format!("{HOST}:{port}:{}", node.address());
    curl.args([
        "--silent",
        "--show-error",
        "--max-time",
        "5",
        "--write-out",
        "\n%{http_code} %{redirect_url}",
    ]);
    curl.args(["--resolve", &resolve(80), "--resolve", &resolve(443)]).args(options).arg(url);
    let output = curl.output().await.context("run curl")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (body, status) = said.rsplit_once('\n').context("no status")?;
    Ok((status.trim().to_owned(), body.to_owned()))
}

/// Waits until every node answers as expected: that takes as long as the managers need to tell all of them.
async fn all_answer(
    cluster: &Cluster,
    options: &[&str],
    url: &str,
    status: &str,
    text: &str,
) -> anyhow::Result<()> {
    for node in cluster.members() {
        eventually(&format!("{url} of {}", node.name()), SOON, async || {
            let (is, body) = asked(cluster, node, options, url).await?;
            ensure!(is == status && body.contains(text), "{is}: {body}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// A certificate for the host that it signs itself, in `folder` and as the secret `cert`.
async fn certificate(cluster: &Cluster) -> anyhow::Result<String> {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
    let dir = cluster.manager().dir();
    let (authority, both) = (dir.join("http-ca.pem"), dir.join("http-cert.pem"));
    tokio::fs::write(&authority, made.cert.pem()).await?;
    let content = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    tokio::fs::write(&both, content).await?;
    cluster.run(&format!("secret create cert {}", both.display())).await?;
    Ok(authority.display().to_string())
}

pub(crate) async fn every_node_answers_by_host_with_and_without_tls(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let authority = certificate(cluster).await?;
    let rule = format!("{HOST}/cart,port={PORT},rewrite=/");
    let secured = format!("{HOST},port={PORT},tls=cert,https-only");
    let create =
        format!("service create --quiet --name web --http {rule} --http {secured} --replicas 2");
    cluster.run(&format!("{create} {IMAGE} serve --name web")).await?;
    cluster.run("swarm update --http").await?;
    let (plain, tls) = (format!("http://{HOST}"), format!("https://{HOST}"));
    all_answer(cluster, &[], &format!("{plain}/cart"), "200", "web").await?;
    all_answer(cluster, &[], &plain, &format!("308 {tls}/"), "").await?;
    all_answer(cluster, &["--cacert", &authority], &tls, "200", "web").await?;
    all_answer(cluster, &["--header", "Host: other.example.com"], &plain, "404", "").await?;

    let refused = failure(cluster, &["secret", "rm", "cert"]).await?;
    ensure!(refused.contains("secret 'cert' is in use by the following service: web"), "{refused}");
    let create = ["service", "create", "--name", "other"];
    for (options, message) in [
        (["--http", "a b,port=80"], "is no name of a host"),
        (["--http", &secured], "are answered by service 'web'"),
        (["--http", "x,port=80,tls=none"], "secret not found: none"),
        (["--publish", "443:443"], "port '443' is already in use by HTTP routing"),
    ] {
        let refused = failure(cluster, &[&create[..], &options, &[IMAGE]].concat()).await?;
        ensure!(refused.contains(message), "{refused}");
    }
    let shown = cluster.run("service inspect --pretty web").await?;
    ensure!(shown.contains(&format!("HTTP Rules:\n {HOST}/cart,port={PORT},rewrite=/")), "{shown}");
    let found = cluster.run("doctor").await?;
    ensure!(found.contains("answers HTTP on ports 80 and 443"), "{found}");

    let lives = cluster.lives("web").await?;
    cluster.run(&format!("service update --quiet --http-add {rule},sticky=1h web")).await?;
    all_answer(cluster, &["--include"], &format!("{plain}/cart"), "200", "Max-Age=3600").await?;
    ensure!(cluster.lives("web").await? == lives, "another rule has restarted a task");
    cluster
        .run(&format!("service update --quiet --http-rm {HOST} --http-rm {HOST}/cart web"))
        .await?;
    all_answer(cluster, &[], &plain, "404", "").await?;
    cluster.run("swarm update --http=off").await.map(drop)
}

/// Clients outside of the cluster, which ask every node.
fn clients(cluster: &Cluster) -> anyhow::Result<Source> {
    let loops = cluster.members().iter().flat_map(|node| {
        [Kind::NewConnection, Kind::KeepAlive].map(|kind| Loop {
            via: node.name().to_owned(),
            kind,
            target: (node.address(), 80).into(),
            name: "web".to_owned(),
            peer: None,
            host: Some(HOST.to_owned()),
        })
    });
    let network = Some(cluster.lab().client()?.network()?);
    Ok(Source { name: "outside".to_owned(), network, loops: loops.collect() })
}

/// Waits until every client has asked several times.
async fn some_more_requests(load: &Load) -> anyhow::Result<()> {
    let enough = load.requests() + 100;
    eventually("some more requests", SOON, async || {
        ensure!(load.requests() > enough, "too few");
        Ok(())
    })
    .await
}

async fn finish(load: Load) -> anyhow::Result<Report> {
    tokio::task::spawn_blocking(|| load.finish()).await?
}

pub(crate) async fn updates_and_drains_fail_no_request(cluster: &Cluster) -> anyhow::Result<()> {
    let rule = format!("{HOST},port={PORT}");
    let options = format!(
        "--name web --http {rule} --replicas 4 --readiness-http {PORT}/health --readiness-interval 1s --update-parallelism 2 --update-monitor 500ms"
    );
    cluster.run(&format!("service create --quiet {options} {IMAGE} serve --name web")).await?;
    cluster.run("swarm update --http").await?;
    all_answer(cluster, &[], &format!("http://{HOST}"), "200", "web").await?;
    let load = Load::start("nothing happens", vec![clients(cluster)?])?;
    some_more_requests(&load).await?;
    let (updates, drains) = (times(1, 50), times(1, 10));
    load.phase(&format!("{updates} updates"));
    for _ in 0..updates {
        cluster.run("service update --quiet --force web").await?;
    }
    load.phase(&format!("{drains} drains"));
    let worker = cluster.worker().name();
    for _ in 0..drains {
        cluster.run(&format!("node drain {worker}")).await?;
        // So that the next drain has tasks to move.
        cluster.run(&format!("node activate {worker}")).await?;
        cluster.run("service update --quiet --force web").await?;
    }
    load.phase("nothing happens any more");
    some_more_requests(&load).await?;
    let report = finish(load).await?;
    writeln!(std::io::stderr(), "\n{report}")?;
    report.check()?;
    cluster.run("swarm update --http=off").await.map(drop)
}
