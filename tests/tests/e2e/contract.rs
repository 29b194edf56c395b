//! The OpenAPI document of the API, held against what a cluster answers. That everything in it is described, and that refusals are, is
//! seen by the tests of the API itself.

use std::collections::BTreeMap;

use anyhow::Context;
use anyhow::ensure;
use hyper::Method;
use serde_json::Value;
use serde_json::json;
use swarmlite_lab::Node;
use swarmlite_proto::time::Timestamp;

use crate::cluster::Cluster;

/// Where every node describes itself.
const DOCUMENT: &str = "/swarmlite/v1/openapi.json";

pub(crate) async fn every_answer_is_as_the_document_says(cluster: &Cluster) -> anyhow::Result<()> {
    furnish(cluster).await?;
    let (manager, worker) = (cluster.manager(), cluster.worker());
    let mut document: Value = cluster.read(manager, DOCUMENT).await?;
    for node in [worker, cluster.stranger()] {
        let other: Value = cluster.read(node, DOCUMENT).await?;
        ensure!(other == document, "{} describes another API", node.name());
    }
    close(&mut document);
    let ids = ids(cluster, &document).await?;
    for node in [manager, worker, cluster.stranger()] {
        let asked = ask(node, &document, &ids).await?;
        // One of each kind of object, and what is no object.
        ensure!(asked > 15, "{} was asked only {asked} times", node.name());
    }
    Ok(())
}

/// Makes objects of every kind that there is.
async fn furnish(cluster: &Cluster) -> anyhow::Result<()> {
    let manager = cluster.manager();
    cluster.run("network create --driver overlay back").await?;
    for kind in ["secrets", "configs"] {
        let body = json!({"Name": "tls", "Data": "dGxz"}).to_string();
        let reply = manager.api(Method::POST, &format!("/{kind}/create"), &body).await?;
        ensure!(reply.status == 201, "{kind}: {}", reply.body);
    }
    cluster.create("--name web --network back --publish 8000:8000 --replicas 2").await?;
    cluster.run("service update --quiet --env-add A=B web").await?;
    // It never completes, which is all the same here.
    cluster.create("--detach --name batch --mode replicated-job").await
}

/// Refuses members that are not described, but where the document says that there are others.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        _ => {}
    }
}

/// The paths of the document that are asked for by `GET`, and what is said of each.
fn paths(document: &Value) -> anyhow::Result<Vec<(&String, &Value)>> {
    let paths = document["paths"].as_object().context("the document has no paths")?;
    Ok(paths.iter().filter_map(|(path, item)| Some((path, item.get("get")?))).collect())
}

/// The ids of the objects in each list that the API has, by its path.
async fn ids(cluster: &Cluster, document: &Value) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut ids = BTreeMap::new();
    for (path, _) in paths(document)? {
        let Some((list, _)) = path.split_once("/{id}") else { continue };
        // What swarmlite adds is about the objects that Docker's API lists.
        let docker = list.strip_prefix("/swarmlite/v1").unwrap_or(list);
        let objects: Vec<Value> = cluster.read(cluster.manager(), docker).await?;
        let id = |object: &Value| {
            let id = object.get("ID").or_else(|| object.get("Id"))?;
            Some(id.as_str()?.to_owned())
        };
        let found: Vec<String> = objects.iter().filter_map(id).collect();
        ensure!(!found.is_empty(), "there is nothing in {list}");
        ids.insert(list.to_owned(), found);
    }
    Ok(ids)
}

/// Asks `node` for everything that it can be asked for. Gives back how often.
async fn ask(
    node: &Node,
    document: &Value,
    ids: &BTreeMap<String, Vec<String>>,
) -> anyhow::Result<usize> {
    let mut asked = 0;
    for (path, operation) in paths(document)? {
        let objects = match path.split_once("/{id}") {
            None => vec![path.clone()],
            Some((list, rest)) => ids[list].iter().map(|id| format!("{list}/{id}{rest}")).collect(),
        };
        for object in objects {
            let request = format!("{object}{}", query(operation));
            let reply = node.api(Method::GET, &request, "").await?;
            let what = format!("GET {request} on {}: {} {}", node.name(), reply.status, reply.body);
            // Workers do not know the cluster, nor its networks.
            let fine =
                reply.status == 200 || node.name() != "node1" && matches!(reply.status, 404 | 503);
            ensure!(fine, "{what}");
            let media = format!("/responses/{}/content/application~1json/schema", reply.status);
            ensure!(
                !operation["responses"][reply.status.to_string()].is_null(),
                "not described: {what}"
            );
            if operation.pointer(&media).is_some() {
                let pointer = format!("/paths/{}/get{media}", path.replace('/', "~1"));
                // Streams of events have several values, all others one.
                for value in serde_json::Deserializer::from_str(&reply.body).into_iter() {
                    let faults = faults(document, &pointer, &value?)?;
                    ensure!(faults.is_empty(), "{what}\n{}", faults.join("\n"));
                }
            }
            asked += 1;
        }
    }
    Ok(asked)
}

/// What an operation needs to be asked: which stream of logs, and until when it is to send what happens.
fn query(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array();
    let takes = |name: &str| parameters.is_some_and(|all| all.iter().any(|it| it["name"] == name));
    let (now, _) = Timestamp::now().to_unix();
    match (takes("stdout"), takes("until")) {
        (true, _) => "?stdout=1&stderr=1".to_owned(),
        (_, true) => format!("?since=0&until={now}"),
        _ => String::new(),
    }
}

/// What is wrong with `value` by the schema at `pointer`.
fn faults(document: &Value, pointer: &str, value: &Value) -> anyhow::Result<Vec<String>> {
    let mut root = document.clone();
    // As a fragment of a URI (RFC 6901, section 6).
    root["$ref"] = json!(format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")));
    let validator = jsonschema::draft202012::new(&root)
        .map_err(|error| anyhow::anyhow!("{pointer} is no schema: {error}"))?;
    let fault =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    Ok(validator.iter_errors(value).map(fault).collect())
}
