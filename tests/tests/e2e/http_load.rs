//! Requests of every kind, with and without TLS, through every node: none fails while their service changes, and none but those under way when a
//! node is lost.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;
use swarmlite_lab::load::Kind;
use swarmlite_lab::load::Load;
use swarmlite_lab::load::Loop;
use swarmlite_lab::load::Report;
use swarmlite_lab::load::Source;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::MENDED;
use crate::cluster::SOON;
use crate::http::HOST;
use crate::http::PORT;
use crate::http::all_answer;
use crate::http::certificate;
use crate::load::times;
use crate::loss::AVOIDED;
use crate::traffic::NAME;
use crate::traffic::REPLICAS;
use crate::traffic::pass;
use crate::traffic::settled;

/// How clients ask, each of them with and without TLS.
const KINDS: [Kind; 4] = [Kind::NewConnection, Kind::KeepAlive, Kind::Http2, Kind::WebSocket];

/// The service, and clients outside of the cluster that ask it through the nodes in `through`.
async fn start(cluster: &Cluster, through: &[Node]) -> anyhow::Result<Load> {
    let root = CertificateDer::from_pem_file(certificate(cluster).await?)?;
    let options = format!(
        "--name {NAME} --http {HOST},port={PORT},tls=cert --replicas {REPLICAS} --readiness-http {PORT}/health --readiness-interval 1s --update-parallelism 2 --update-monitor 500ms"
    );
    cluster.run(&format!("service create --quiet {options} {IMAGE} serve --name {NAME}")).await?;
    cluster.run("swarm update --http").await?;
    all_answer(cluster, &[], &format!("http://{HOST}"), "200", NAME).await?;
    all_answer(cluster, &["--insecure"], &format!("https://{HOST}"), "200", NAME).await?;
    let loops = through.iter().flat_map(|node| {
        let one = |kind: Kind, port: u16, root: Option<&CertificateDer<'static>>| Loop {
            via: node.name().to_owned(),
            kind,
            target: SocketAddr::from((node.address(), port)),
            name: NAME.to_owned(),
            peer: None,
            host: Some(HOST.to_owned()),
            root: root.cloned(),
        };
        let root = &root;
        KINDS.into_iter().flat_map(move |kind| [one(kind, 80, None), one(kind, 443, Some(root))])
    });
    let network = Some(cluster.lab().client()?.network()?);
    let source = Source { name: "outside".to_owned(), network, loops: loops.collect() };
    let load = Load::start("nothing happens", vec![source])?;
    some_more_requests(&load).await?;
    Ok(load)
}

/// Waits until every client has asked several times.
async fn some_more_requests(load: &Load) -> anyhow::Result<()> {
    let enough = load.requests() + 200;
    eventually("some more requests", SOON, async || {
        ensure!(load.requests() > enough, "too few");
        Ok(())
    })
    .await
}

/// Ends the load, and prints its table.
async fn finish(cluster: &Cluster, load: Load) -> anyhow::Result<Report> {
    load.phase("nothing happens any more");
    some_more_requests(&load).await?;
    let report = tokio::task::spawn_blocking(|| load.finish()).await??;
    writeln!(std::io::stderr(), "\n{report}")?;
    cluster.run("swarm update --http=off").await?;
    Ok(report)
}

pub(crate) async fn updates_and_drains_fail_no_request(cluster: &Cluster) -> anyhow::Result<()> {
    let load = start(cluster, cluster.members()).await?;
    let (updates, drains) = (times(2, 50), times(1, 10));
    load.phase(&format!("{updates} updates"));
    for order in ["stop-first", "start-first"].into_iter().cycle().take(updates) {
        let update = format!("service update --quiet --force --update-order {order} {NAME}");
        cluster.run(&update).await?;
    }
    load.phase(&format!("{drains} drains"));
    let worker = cluster.worker().name();
    for _ in 0..drains {
        cluster.run(&format!("node drain {worker}")).await?;
        cluster.run(&format!("node activate {worker}")).await?;
        // So that the next drain has tasks to move.
        cluster.run(&format!("service update --quiet --force {NAME}")).await?;
    }
    finish(cluster, load).await?.check()
}

pub(crate) async fn a_lost_node_fails_nothing_that_begins_later(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let lost = cluster.worker();
    // Through the lost node itself nobody can be served.
    let load = start(cluster, cluster.managers()).await?;
    let phase = "a node is cut off";
    load.phase(phase);
    cluster.lab().cut(lost).await?;
    pass(AVOIDED).await?;
    load.phase("the others avoid it");
    // None fails that begins after that, whether the task is replaced already or not.
    pass(Duration::from_secs(10)).await?;
    eventually("its task to be replaced", MENDED, async || {
        let tasks = cluster.running(cluster.manager(), NAME).await?;
        let routed = tasks.iter().filter(|task| task.routing == "routed").count();
        ensure!(routed == REPLICAS, "{routed} routed tasks");
        let nodes = cluster.nodes(cluster.manager()).await?;
        let down = nodes.iter().find(|node| node.status.state == "down").context("no node")?;
        ensure!(down.description.hostname == lost.name(), "{} is down", down.description.hostname);
        Ok(())
    })
    .await?;
    load.phase("the node returns");
    cluster.lab().heal(lost).await?;
    cluster.all_ready().await?;
    settled(cluster, REPLICAS).await?;
    let report = finish(cluster, load).await?;
    // A message over a WebSocket belongs to the task at its other end. Every other request is one that the next task can answer.
    let failed = report.failed(phase);
    let tunnels = failed.iter().filter(|who| who.contains(Kind::WebSocket.name()));
    ensure!(tunnels.count() == failed.len(), "failed during {phase:?}: {failed:?}");
    report.check_without(phase)
}
