//! A service under load from everywhere: the outside world, the nodes themselves, and a container beside it.

use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use hyper::Method;
use serde_json::Value;
use serde_json::json;
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

/// The service.
pub(crate) const NAME: &str = "web";
/// How many tasks it has: one for each node.
pub(crate) const REPLICAS: usize = 4;

const HTTP: u16 = 8000;
const ECHO: u16 = 8001;

/// The service as clients of the HTTP interface send it: two published ports, a network of its own, and changes two tasks at a time.
pub(crate) fn service() -> Value {
    let port = |port: u16| json!({ "Protocol": "tcp", "TargetPort": port, "PublishedPort": port });
    json!({
        "Name": NAME,
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": IMAGE,
                "Args": ["serve", "--name", NAME, "--echo", ECHO.to_string()],
                // A container runs a moment before its program listens.
                "Readiness": { "Test": ["HTTP", format!("{HTTP}/health")], "Interval": 1_000_000_000 },
            },
            "Networks": [{ "Target": "back" }],
        },
        "Mode": { "Replicated": { "Replicas": REPLICAS } },
        "UpdateConfig": { "Parallelism": 2, "Monitor": 500_000_000 },
        "RollbackConfig": { "Parallelism": 2, "Monitor": 500_000_000 },
        "EndpointSpec": { "Ports": [port(HTTP), port(ECHO)] },
    })
}

/// The service, and clients that never stop asking it.
pub(crate) struct Traffic {
    /// Until it is finished.
    load: Option<Load>,
}

impl Traffic {
    /// Makes `service` and waits until everything is as it should be; then lets all clients loose through the nodes in `through`.
    pub(crate) async fn start(
        cluster: &Cluster,
        service: Value,
        through: &[Node],
    ) -> anyhow::Result<Self> {
        cluster.run("network create --driver overlay back").await?;
        let manager = cluster.manager();
        let reply = manager.api(Method::POST, "/services/create", &service.to_string()).await?;
        ensure!(reply.status == 201, "status {}: {}", reply.status, reply.body);
        // On the first manager, and not where nodes are drained or lost.
        let place = format!("node.hostname=={}", manager.name());
        cluster.create(&format!("--name asker --network back --constraint {place}")).await?;
        settled(cluster, REPLICAS).await?;
        let mut sources = vec![outside(cluster, through)?, beside(cluster).await?];
        for (index, node) in through.iter().enumerate() {
            let next = &through[(index + 1) % through.len()];
            sources.push(Source {
                name: node.name().to_owned(),
                network: Some(node.namespace()?.network()?),
                loops: vec![
                    web("127.0.0.1", Kind::NewConnection, IpAddr::from([127, 0, 0, 1])),
                    web("itself", Kind::KeepAlive, node.address().into()),
                    web(next.name(), Kind::Lines, next.address().into()),
                ],
            });
        }
        let traffic = Self { load: Some(Load::start("nothing happens", sources)?) };
        traffic.some_more_requests().await?;
        Ok(traffic)
    }

    /// Does `work` as a phase of the load.
    pub(crate) async fn during<T>(
        &self,
        name: &str,
        work: impl AsyncFnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let load = self.load.as_ref().context("it is finished")?;
        load.phase(name);
        let before = load.failures();
        let done = work().await.with_context(|| name.to_owned());
        // Long before the table, and at the time at which somebody may look for the cause.
        let failed = load.failures() - before;
        if failed > 0 {
            writeln!(std::io::stderr(), "{failed} requests failed during {name}")?;
        }
        done
    }

    /// Waits until every client has asked several times.
    async fn some_more_requests(&self) -> anyhow::Result<()> {
        let load = self.load.as_ref().context("it is finished")?;
        let enough = load.requests() + 200;
        eventually("some more requests", SOON, async || {
            ensure!(load.requests() > enough, "too few");
            Ok(())
        })
        .await
    }

    /// Ends the load, prints its table, and returns it.
    pub(crate) async fn finish(mut self) -> anyhow::Result<Report> {
        self.load.as_ref().context("it is finished")?.phase("nothing happens any more");
        self.some_more_requests().await?;
        let load = self.load.take().context("it is finished")?;
        let report = tokio::task::spawn_blocking(|| load.finish()).await??;
        writeln!(std::io::stderr(), "\n{report}")?;
        Ok(report)
    }
}

impl Drop for Traffic {
    /// What was done has failed, or did not end: what became of the requests tells why, perhaps.
    fn drop(&mut self) {
        if let Some(Ok(report)) = self.load.take().map(Load::finish) {
            let _ = writeln!(std::io::stderr(), "\n{report}");
        }
    }
}

/// Clients in the outside world, of all kinds through all nodes; the service has to see their own address.
fn outside(cluster: &Cluster, through: &[Node]) -> anyhow::Result<Source> {
    let peer = Some(IpAddr::from(cluster.lab().client_address()));
    let loops = through.iter().flat_map(|node| {
        let kinds = [Kind::NewConnection, Kind::KeepAlive, Kind::Line, Kind::Lines];
        kinds.map(|kind| Loop { peer, ..web(node.name(), kind, node.address().into()) })
    });
    let network = Some(cluster.lab().client()?.network()?);
    Ok(Source { name: "outside".to_owned(), network, loops: loops.collect() })
}

/// Clients in a container on the network of the service, which ask its virtual address.
async fn beside(cluster: &Cluster) -> anyhow::Result<Source> {
    let (node, id) = cluster.container("asker").await?;
    let address: IpAddr = {
        let said = cluster.inside((node, &id), &format!("lookup {NAME}")).await?;
        said.trim().parse().with_context(|| format!("the address of {NAME}: {said:?}"))?
    };
    let process = node.docker(&["inspect", "--format", "{{.State.Pid}}", &id]).await?;
    let network = node.namespace()?.network_of(process.trim().parse()?)?;
    let kinds = [Kind::NewConnection, Kind::KeepAlive, Kind::Line, Kind::Lines];
    let loops = kinds.map(|kind| web("the virtual address", kind, address)).to_vec();
    Ok(Source { name: "a container".to_owned(), network: Some(network), loops })
}

fn web(via: &str, kind: Kind, address: IpAddr) -> Loop {
    let port = match kind {
        Kind::Line | Kind::Lines => ECHO,
        _ => HTTP,
    };
    let target = SocketAddr::from((address, port));
    let (via, name) = (via.to_owned(), NAME.to_owned());
    Loop { via, kind, target, name, peer: None, host: None, root: None }
}

/// Waits until exactly `count` tasks of the service run, all of them routed, and no change of it is under way.
pub(crate) async fn settled(cluster: &Cluster, count: usize) -> anyhow::Result<()> {
    eventually(&format!("{count} routed tasks"), 4 * SOON, async || {
        let manager = cluster.manager();
        let service = cluster.service(manager, NAME).await?;
        let state = service.update_status.map(|status| status.state).unwrap_or_default();
        ensure!(!["updating", "rollback_started"].contains(&&*state), "it is {state}");
        let tasks = cluster.tasks(manager, NAME).await?;
        let live: Vec<_> = tasks.iter().filter(|task| !task.has_ended()).collect();
        let routed = live.iter().filter(|task| task.routing == "routed").count();
        ensure!(live.len() == count && routed == count, "{} tasks, {routed} routed", live.len());
        Ok(())
    })
    .await
}

/// Lets time pass: here it is what is tested.
pub(crate) async fn pass(time: Duration) -> anyhow::Result<()> {
    tokio::time::sleep(time).await;
    Ok(())
}
