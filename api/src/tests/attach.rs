//! Containers on networks of the cluster: what the engine is asked for.

use axum::Json;
use axum::http::StatusCode;
use axum::routing::get;
use axum::routing::post;
use swarmlite_proto::object::Network;
use tokio::net::UnixListener;

use super::*;

/// An engine with a network of its own and one that stands for `back`. It says what it was asked.
fn fake_engine(folder: &Path, back: &Network) -> std::path::PathBuf {
    let stand_in = json!({"Name": "back", "Id": "e1", "Driver": "swarmlite",
        "Labels": {"swarmlite.network.id": back.id}});
    let listed = json!([stand_in]);
    let find = move |axum::extract::Path(id): axum::extract::Path<String>| {
        let found = match id.as_str() {
            "mine" => Some(json!({"Name": "mine", "Id": "m1", "Driver": "bridge"})),
            "back" | "e1" => Some(stand_in.clone()),
            _ => None,
        };
        let answer = match found {
            Some(network) => (StatusCode::OK, Json(network)),
            None => (StatusCode::NOT_FOUND, Json(json!({"message": "no such network"}))),
        };
        async { answer }
    };
    let echo = |uri: axum::http::Uri, Json(body): Json<Value>| async move {
        (StatusCode::CREATED, Json(json!({"Path": uri.path(), "Body": body})))
    };
    let engine = Router::new()
        .route("/version", get(|| async { Json(json!({"ApiVersion": "1.44"})) }))
        .route("/networks", get(move || async { Json(listed) }))
        .route("/networks/{id}", get(find))
        .route("/networks/{id}/connect", post(echo))
        .route("/networks/{id}/disconnect", post(echo))
        .route("/containers/create", post(echo))
        .route("/v1.41/containers/create", post(echo));
    let path = folder.join("docker.sock");
    let listener = UnixListener::bind(&path).expect("binds");
    tokio::spawn(async move { axum::serve(listener, engine).await });
    path
}

/// A manager with the attachable network `back` and `closed`, which is not.
async fn lab(folder: &Path) -> (Lab, Network) {
    let mut back = fixture::network(201, "back", 4200, "10.0.7.0/24");
    back.spec.attachable = true;
    let lab = Lab::manager_with_engine(&fake_engine(folder, &back));
    let closed = fixture::network(202, "closed", 4201, "10.0.8.0/24");
    lab.commit(Op::PutNetwork(Box::new(back.clone()))).await;
    lab.commit(Op::PutNetwork(Box::new(closed))).await;
    (lab, back)
}

#[tokio::test]
async fn a_container_gets_the_clusters_address_and_name_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lab, back) = lab(folder.path()).await;
    let body = json!({"Image": "x", "HostConfig": {"NetworkMode": back.id, "Memory": 7},
        "NetworkingConfig": {"EndpointsConfig": {back.id.as_str(): {"Aliases": ["db"]}}}});
    let reply = lab.post("/v1.41/containers/create?name=shell", &body).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.body["Path"], "/v1.41/containers/create");
    assert_eq!(
        reply.body["Body"],
        json!({"Image": "x", "HostConfig": {"NetworkMode": "back", "Memory": 7, "Dns": ["10.0.7.1"]},
            "NetworkingConfig": {"EndpointsConfig": {"back": {"Aliases": ["db"],
                "IPAMConfig": {"IPv4Address": "10.0.7.2"}}}}})
    );
    assert_eq!(*lab.node.calls.lock().expect("no panic"), ["attach back db"]);
}

#[tokio::test]
async fn wishes_of_the_user_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lab, _) = lab(folder.path()).await;
    let body = json!({"hostconfig": {"networkMode": "back", "Dns": ["192.0.2.53"]},
        "NetworkingConfig": {"EndpointsConfig": {"back": {"IPAMConfig": {"IPv4Address": "10.0.7.9"}}}}});
    let made = lab.post("/containers/create", &body).await.body["Body"].clone();
    assert_eq!(made["hostconfig"]["Dns"], json!(["192.0.2.53"]));
    let settings = &made["NetworkingConfig"]["EndpointsConfig"]["back"];
    assert_eq!(settings["IPAMConfig"]["IPv4Address"], "10.0.7.9");
}

#[tokio::test]
async fn what_is_not_of_the_cluster_goes_through_untouched() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lab, _) = lab(folder.path()).await;
    for mode in ["", "default", "host", "none", "container:abc", "mine", "nowhere"] {
        let body = json!({"Image": "x", "HostConfig": {"NetworkMode": mode}});
        let reply = lab.post("/containers/create", &body).await;
        assert_eq!((reply.status, &reply.body["Body"]), (201, &body), "{mode}");
    }
    assert!(lab.node.calls.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_network_that_is_not_attachable_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lab, _) = lab(folder.path()).await;
    let text = "Could not attach to network closed: rpc error: code = PermissionDenied desc = network closed not manually attachable";
    let run =
        lab.post("/containers/create", &json!({"HostConfig": {"NetworkMode": "closed"}})).await;
    assert_eq!((run.status, run.message()), (500, text));
    let connect = lab.post("/networks/closed/connect", &json!({"Container": "c1"})).await;
    assert_eq!((connect.status, connect.message()), (500, text));
}

#[tokio::test]
async fn a_container_is_connected_and_disconnected_by_the_engines_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lab, back) = lab(folder.path()).await;
    let body = json!({"Container": "c1", "EndpointConfig": {"Aliases": ["db", "cache"]}});
    let connected = lab.post(&format!("/networks/{}/connect", back.id), &body).await.body;
    assert_eq!(connected["Path"], "/networks/back/connect");
    assert_eq!(
        connected["Body"]["EndpointConfig"],
        json!({"Aliases": ["db", "cache"], "IPAMConfig": {"IPv4Address": "10.0.7.2"}})
    );
    assert_eq!(*lab.node.calls.lock().expect("no panic"), ["attach back db cache"]);
    let body = json!({"Container": "c1", "Force": true});
    let gone = lab.post(&format!("/networks/{}/disconnect", back.id), &body).await.body;
    assert_eq!((&gone["Path"], &gone["Body"]), (&json!("/networks/e1/disconnect"), &body));
}
