//! Certificates by ACME: got and renewed for the whole cluster, whichever node the server asks, and whichever manager leads.

mod pebble;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use swarmlite_lab::Node;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;

use self::pebble::Pebble;
use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::MENDED;
use crate::cluster::SOON;

const HOST: &str = "shop.example.com";

/// For how long certificates are valid, in seconds: they are renewed when a third of it is left.
const VALID: u32 = 60;

/// How long a renewal may take to be seen.
const RENEWED: Duration = Duration::from_secs(60);

/// One request with TLS of a client outside of the cluster, by the authority of the ACME server: what is wrong with the answer, if anything.
async fn ask(cluster: &Cluster, authority: &str, node: &Node, host: &str) -> anyhow::Result<()> {
    let mut curl = cluster.lab().client()?.command("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "5", "--cacert", authority]);
    curl.args(["--resolve", &format!("{host}:443:{}", node.address())]);
    let output = curl.arg(format!("https://{host}/")).output().await.context("run curl")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Waits until every node serves a host with a certificate of the server.
async fn all_serve(cluster: &Cluster, authority: &str, host: &str) -> anyhow::Result<()> {
    for node in cluster.members() {
        eventually(&format!("{host} of {}", node.name()), SOON, async || {
            ask(cluster, authority, node, host).await
        })
        .await?;
    }
    Ok(())
}

/// What the first of the managers that answers says of the certificate of a host.
async fn certificate(cluster: &Cluster, node: &Node, host: &str) -> anyhow::Result<Value> {
    let service: Value = cluster.read(node, "/services/web").await?;
    let all = service["Endpoint"]["HttpCertificates"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|it| it["Host"] == host).context("no certificate is wanted")
}

/// Clients that ask every node with TLS, a new connection for each request, until they are told to stop.
struct Clients {
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Clients {
    /// Has them ask while `meanwhile` is done, and fails if one request does.
    async fn ask_while(
        cluster: &Cluster,
        authority: &str,
        meanwhile: impl AsyncFnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let clients = Self { asked: Arc::default(), stop: Arc::default() };
        let loops = cluster.members().iter().map(|node| clients.ask(cluster, authority, node));
        let all = futures_util::future::try_join_all(loops);
        let stop = Arc::clone(&clients.stop);
        let done = async {
            let outcome = meanwhile().await;
            stop.store(true, Ordering::Relaxed);
            outcome
        };
        tokio::try_join!(all, done)?;
        Ok(clients.asked.load(Ordering::Relaxed))
    }

    async fn ask(&self, cluster: &Cluster, authority: &str, node: &Node) -> anyhow::Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            ask(cluster, authority, node, HOST)
                .await
                .with_context(|| format!("a request through {}", node.name()))?;
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

pub(crate) async fn a_certificate_is_got_and_renewed_without_failing_a_request(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    // The server asks a node that is no manager.
    let pebble = Pebble::start(cluster, cluster.worker().address(), (VALID, 0)).await?;
    let rule = format!("{HOST},port=8000,tls=acme");
    let create = format!("service create --quiet --name web --http {rule} --replicas 2");
    cluster.run(&format!("{create} {IMAGE} serve --name web")).await?;
    cluster.run("swarm update --http").await?;
    let shown = cluster.run("service inspect --pretty web").await?;
    ensure!(shown.contains("nobody has agreed to the terms of service"), "{shown}");

    cluster.run(&format!("swarm update {}", pebble.options())).await?;
    all_serve(cluster, &pebble.authority(), HOST).await?;
    let first = certificate(cluster, cluster.manager(), HOST).await?;
    let mut renewed = 0;
    let asked = Clients::ask_while(cluster, &pebble.authority(), async || {
        let mut before = first.clone();
        for _ in 0..2 {
            eventually("a renewal", RENEWED, async || {
                let now = certificate(cluster, cluster.manager(), HOST).await?;
                ensure!(now["NotAfter"] != before["NotAfter"], "{now}");
                before = now;
                Ok(())
            })
            .await?;
            renewed += 1;
        }
        Ok(())
    })
    .await?;
    writeln!(std::io::stderr(), "{asked} requests, none failed, {renewed} renewals")?;
    let secrets = cluster.run("secret ls --quiet").await?;
    ensure!(secrets.lines().count() == 1, "old certificates are still there: {secrets}");
    let log = pebble.log().await?;
    ensure!(log.contains(&format!("validate w/ HTTP: http://{HOST}:80/")), "{log}");

    a_host_that_is_not_ours_says_why(cluster, &pebble).await?;
    without_http_the_server_asks_over_tls(cluster, &pebble).await?;
    cluster.run("service rm web").await?;
    cluster.run("swarm update --http=off --acme-accept-terms=false").await.map(drop)
}

async fn a_host_that_is_not_ours_says_why(
    cluster: &Cluster,
    pebble: &Pebble,
) -> anyhow::Result<()> {
    let host = "elsewhere.example.com";
    pebble.name(cluster, host, cluster.lab().client_address()).await?;
    let add = format!("service update --quiet --http-add {host},port=8000,tls=acme web");
    cluster.run(&add).await?;
    eventually("the reason", SOON, async || {
        let shown = cluster.run("service inspect --pretty web").await?;
        let line = shown.lines().find(|line| line.contains(&format!("{host}: none yet; ")));
        let line = line.with_context(|| shown.clone())?;
        ensure!(line.contains("tried again at"), "{line}");
        writeln!(std::io::stderr(), "{line}").map_err(Into::into)
    })
    .await?;
    all_serve(cluster, &pebble.authority(), HOST).await?;
    cluster.run(&format!("service update --quiet --http-rm {host} web")).await.map(drop)
}

async fn without_http_the_server_asks_over_tls(
    cluster: &Cluster,
    pebble: &Pebble,
) -> anyhow::Result<()> {
    let host = "tls.example.com";
    cluster.run("swarm update --http=0,443").await?;
    let add = format!("service update --quiet --http-add {host},port=8000,tls=acme web");
    cluster.run(&add).await?;
    // Nobody answers on port 80, so that the server has asked on port 443.
    all_serve(cluster, &pebble.authority(), host).await
}

pub(crate) async fn a_new_leader_goes_on_with_an_order(cluster: &Cluster) -> anyhow::Result<()> {
    // Long enough for another leader to be there before the server has looked.
    let pebble = Pebble::start(cluster, cluster.worker().address(), (3600, 15)).await?;
    cluster.run(&format!("swarm update --http {}", pebble.options())).await?;
    let rule = format!("{HOST},port=8000,tls=acme");
    let create = format!("service create --quiet --name web --http {rule}");
    cluster.run(&format!("{create} {IMAGE} serve --name web")).await?;
    let leader = cluster.leader(cluster.manager()).await?;
    let killed = cluster.lab().node(&leader)?;
    let survivor = cluster.managers().iter().find(|it| it.name() != leader).context("no other")?;
    eventually("an order", SOON, async || {
        let log = pebble.log().await?;
        ensure!(log.contains("Pulled a task from the Tasks queue"), "{log}");
        Ok(())
    })
    .await?;
    killed.kill(Service::Daemon, "KILL").await?;
    eventually("a certificate", MENDED, async || {
        let now = certificate(cluster, survivor, HOST).await?;
        ensure!(now["NotAfter"].is_string(), "{now}");
        Ok(())
    })
    .await?;
    let log = pebble.log().await?;
    ensure!(log.matches("Added order").count() == 1, "it was ordered again: {log}");
    killed.start(Service::Daemon).await?;
    all_serve(cluster, &pebble.authority(), HOST).await?;
    survivor.swarmlite(&["service", "rm", "web"]).await?;
    survivor
        .swarmlite(&["swarm", "update", "--http=off", "--acme-accept-terms=false"])
        .await
        .map(drop)
}
