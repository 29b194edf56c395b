//! Refusals of the HTTP interface: Docker's code, Docker's text, and nothing changed.

use anyhow::ensure;
use hyper::Method;
use serde_json::Value;
use serde_json::json;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;

/// Sends `body` to make a service, which has to be refused with `status` and a text that begins with `text`.
async fn refused(cluster: &Cluster, body: &str, status: u16, text: &str) -> anyhow::Result<()> {
    let manager = cluster.manager();
    let before: Value = cluster.read(manager, "/services").await?;
    for path in ["/services/create", "/v1.41/services/create"] {
        let reply = manager.api(Method::POST, path, body).await?;
        let message = reply.message()?;
        ensure!(reply.status == status, "{path}: {} {message}", reply.status);
        ensure!(message.starts_with(text), "{path}: {message}");
    }
    let after: Value = cluster.read(manager, "/services").await?;
    ensure!(after == before, "before: {before}, after: {after}");
    Ok(())
}

/// A service as clients send it.
fn service(name: &str) -> Value {
    json!({
        "Name": name,
        "TaskTemplate": { "ContainerSpec": { "Image": IMAGE } },
        "Mode": { "Replicated": { "Replicas": 1 } },
    })
}

pub(crate) async fn malformed_json_changes_nothing(cluster: &Cluster) -> anyhow::Result<()> {
    for body in ["{", "{\"Name\":", "nonsense"] {
        refused(cluster, body, 400, "invalid JSON: ").await?;
    }
    let two = format!("{} {{}}", service("one"));
    refused(cluster, &two, 400, "unexpected content after JSON").await
}

pub(crate) async fn an_unknown_network_changes_nothing(cluster: &Cluster) -> anyhow::Result<()> {
    let mut body = service("one");
    body["TaskTemplate"]["Networks"] = json!([{ "Target": "nowhere" }]);
    refused(cluster, &body.to_string(), 500, "network nowhere not found").await
}

pub(crate) async fn a_published_port_is_taken_once(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.create("--name first --publish 8000:8000").await?;
    let mut body = service("second");
    let port = json!({ "Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8000 });
    body["EndpointSpec"] = json!({ "Ports": [port] });
    let id = &cluster.services(cluster.manager()).await?[0].id;
    let text =
        format!("port '8000' is already in use by service 'first' ({id}) as an ingress port");
    refused(cluster, &body.to_string(), 400, &text).await
}

pub(crate) async fn a_name_is_taken_once(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.create("--name first").await?;
    let text = "name conflicts with an existing object: service first already exists";
    refused(cluster, &service("first").to_string(), 409, text).await
}

pub(crate) async fn nodes_that_are_no_managers_say_so(cluster: &Cluster) -> anyhow::Result<()> {
    let worker = "This node is not a swarm manager. Worker nodes can't be used to view or modify \
                  cluster state. Please run this command on a manager node or promote the current \
                  node to a manager.";
    let stranger = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm \
                    join\" to connect this node to swarm and try again.";
    for (node, text) in [(cluster.worker(), worker), (cluster.stranger(), stranger)] {
        for (method, path) in [(Method::GET, "/services"), (Method::POST, "/services/create")] {
            let body =
                if method == Method::POST { service("one").to_string() } else { String::new() };
            let reply = node.api(method, path, &body).await?;
            let message = reply.message()?;
            ensure!(reply.status == 503, "{path} on {}: {} {message}", node.name(), reply.status);
            ensure!(message == text, "{path} on {}: {message}", node.name());
        }
    }
    Ok(())
}
