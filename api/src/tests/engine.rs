//! What is passed on to the local engine, and what its answers become.

use axum::Json;
use axum::http::StatusCode;
use axum::routing::get;
use axum::routing::post;
use tokio::net::UnixListener;

use super::*;

/// An engine with two networks of its own and one that stands for a network of the cluster.
pub(super) fn fake_engine(folder: &Path) -> std::path::PathBuf {
    let networks = json!([
        {"Name": "bridge", "Id": "b1", "Driver": "bridge", "Scope": "local"},
        {"Name": "mine", "Id": "m1", "Driver": "bridge", "Scope": "local"},
        {"Name": "ingress", "Id": "i1", "Driver": "swarmlite", "Scope": "local", "Containers": {"c1": {"Name": "web.1"}}},
    ]);
    let find = |networks: Value, id: &str| {
        let found = networks
            .as_array()
            .and_then(|all| all.iter().find(|one| one["Name"] == id || one["Id"] == id).cloned());
        found.map_or(
            (StatusCode::NOT_FOUND, Json(json!({"message": format!("network {id} not found")}))),
            |one| (StatusCode::OK, Json(one)),
        )
    };
    let by_id = networks.clone();
    let engine = Router::new()
        .route("/version", get(|| async { Json(json!({"Version": "20.10.24", "ApiVersion": "1.43", "Components": []})) }))
        .route("/info", get(|| async {
            Json(json!({"Name": "host", "Swarm": {"LocalNodeState": "inactive"}, "Warnings": ["WARNING: No swap limit support"]}))
        }))
        .route("/networks", get(move || async { Json(networks) }))
        .route("/networks/create", post(|body: Json<Value>| async move {
            (StatusCode::CREATED, Json(json!({"Id": "n1", "Warning": body["Name"]})))
        }))
        .route("/networks/prune", post(|| async { Json(json!({"NetworksDeleted": ["mine"]})) }))
        .route("/networks/{id}", get(move |axum::extract::Path(id): axum::extract::Path<String>| async move {
            find(by_id, &id)
        }).delete(|| async { StatusCode::NO_CONTENT }));
    let path = folder.join("docker.sock");
    let listener = UnixListener::bind(&path).expect("binds");
    tokio::spawn(async move { axum::serve(listener, engine).await });
    path
}

fn names(networks: &Value) -> Vec<&str> {
    networks
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["Name"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn version_and_info_are_the_engines_with_the_cluster_in_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Lab::manager_with_engine(&fake_engine(folder.path()));
    let version = lab.get("/version").await;
    assert_eq!(version.header("Api-Version"), "1.43");
    assert_eq!(version.body["Version"], "20.10.24");
    assert_eq!(version.body["ApiVersion"], "1.43");
    assert_eq!(version.body["Components"][0]["Name"], "swarmlite");
    let info = lab.get("/info").await.body;
    assert_eq!(info["Name"], "host");
    assert_eq!(info["Swarm"]["LocalNodeState"], "active");
    assert_eq!(info["Warnings"], json!(["WARNING: No swap limit support"]));
}

#[tokio::test]
async fn two_managers_deserve_a_warning() {
    let lab = Lab::manager();
    let mut second = named_node(150, 3, "second");
    second.manager =
        Some(ManagerRecord { raft_id: 2, addr: "10.9.0.3:2377".parse().expect("an address") });
    lab.commit(Op::PutNode(Box::new(second))).await;
    let info = lab.get("/info").await.body;
    let warning = info["Swarm"]["Warnings"][0].as_str().expect("a warning");
    assert!(warning.starts_with("WARNING: Running Swarm in a two-manager configuration."));
    assert_eq!(info["Warnings"][0], warning);
}

#[tokio::test]
async fn networks_of_the_engine_and_of_the_cluster_are_listed_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = fake_engine(folder.path());
    let lab = Lab::manager_with_engine(&engine);
    let networks = lab.get("/networks").await.body;
    assert_eq!(names(&networks), ["bridge", "mine", "ingress"]);
    assert_eq!(networks[2]["Scope"], "swarm");
    let ingress = lab.get("/networks/ingress").await.body;
    assert_eq!(ingress["Containers"]["c1"]["Name"], "web.1");
    assert_eq!(lab.get("/networks/mine").await.body["Id"], "m1");

    let worker = Lab::not_manager(LocalNodeState::Active, &engine);
    let networks = worker.get("/networks").await.body;
    assert_eq!(names(&networks), ["bridge", "mine", "ingress"]);
    assert_eq!(
        (&networks[2]["Scope"], &networks[2]["Driver"]),
        (&json!("swarm"), &json!("overlay"))
    );
}

#[tokio::test]
async fn local_networks_are_the_engines_business() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = fake_engine(folder.path());
    let lab = Lab::manager_with_engine(&engine);
    let body = json!({"Name": "new", "Driver": "bridge", "ConfigFrom": {"Network": "x"}});
    let created = lab.post("/networks/create", &body).await;
    assert_eq!((created.status, &created.body["Warning"]), (201, &json!("new")));
    assert_eq!(lab.delete("/networks/mine").await.status, 204);
    let taken = lab.post("/networks/create", &json!({"Name": "mine", "Driver": "overlay"})).await;
    assert_eq!((taken.status, taken.message()), (409, "network with name mine already exists"));
    assert_eq!(
        lab.delete("/networks/ingress").await.status,
        204,
        "of the cluster, not of the engine"
    );

    let worker = Lab::not_manager(LocalNodeState::Active, &engine);
    assert_eq!(worker.delete("/networks/mine").await.status, 204);
    assert_eq!(worker.delete("/networks/ingress").await.status, 503);
}

#[tokio::test]
async fn services_cannot_use_local_networks() {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Lab::manager_with_engine(&fake_engine(folder.path()));
    let mut body = web();
    body["TaskTemplate"]["Networks"] = json!([{"Target": "mine"}]);
    let reply = lab.post("/services/create", &body).await;
    assert_eq!(reply.status, 403);
    assert!(reply.message().starts_with("The network mine cannot be used with services."));
}
