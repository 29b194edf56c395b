//! What clients ask first: `/_ping`, `/version`, `/info`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::PRAGMA;
use axum::response::IntoResponse;
use serde_json::Value;
use serde_json::json;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::error::Result;

use super::ApiState;
use super::ManagerAccess;
use super::engine::BUILDER;
use super::error::Answer;
use super::render;
use super::version::ApiVersion;

/// Docker's warning about a cluster that is worse off than with one manager (moby `daemon/cluster/swarm.go`).
const TWO_MANAGERS: &str = "WARNING: Running Swarm in a two-manager configuration. This configuration provides\n         no fault tolerance, and poses a high risk to lose control over the cluster.\n         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the\n         Swarm for fault-tolerance.";

/// `GET` and `HEAD /_ping`.
pub(super) async fn ping(State(state): State<ApiState>) -> impl IntoResponse {
    let membership = state.node.membership();
    let swarm = match membership.local_node_state {
        LocalNodeState::Active if membership.control_available => "active/manager",
        LocalNodeState::Active => "active/worker",
        other => other.as_str(),
    };
    let headers = [
        (HeaderName::from_static("swarm"), swarm),
        (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (PRAGMA, "no-cache"),
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
    ];
    let builder = state.engine.builder().await.map(|builder| [(BUILDER, builder)]);
    (headers, builder, "OK")
}

/// `GET /version`: the engine's, with swarmlite as a component and the versions of the API that are served here.
pub(super) async fn version(State(state): State<ApiState>) -> Json<Value> {
    let engine = state.engine.get("/version").await.ok().flatten();
    let mut version = engine.unwrap_or_else(|| {
        json!({"Version": env!("CARGO_PKG_VERSION"), "Os": "linux", "Arch": std::env::consts::ARCH})
    });
    let api_version = state.engine.api_version().await.to_string();
    version["ApiVersion"] = api_version.as_str().into();
    version["MinAPIVersion"] = ApiVersion::MIN.to_string().into();
    let swarmlite = json!({"Name": "swarmlite", "Version": env!("CARGO_PKG_VERSION"),
        "Details": {"ApiVersion": api_version, "MinAPIVersion": ApiVersion::MIN.to_string()}});
    match version.get_mut("Components").and_then(Value::as_array_mut) {
        Some(components) => components.push(swarmlite),
        None => version["Components"] = json!([swarmlite]),
    }
    Json(version)
}

/// `GET /info`: the engine's, with the cluster in place of its own swarm. Answers without an engine, too.
pub(super) async fn info(State(state): State<ApiState>) -> Answer<Json<Value>> {
    let swarm = swarm_info(&state).await;
    let mut warnings: Vec<Value> = swarm.warnings.iter().map(|text| text.as_str().into()).collect();
    let mut info = match state.engine.get("/info").await {
        Ok(Some(info)) => info,
        Ok(None) => json!({}),
        Err(error) => {
            warnings.push(format!("WARNING: {error}").into());
            json!({"OSType": "linux"})
        }
    };
    if let Some(own) = info.get("Warnings").and_then(Value::as_array) {
        warnings.extend(own.iter().cloned());
    }
    info["Warnings"] = warnings.into();
    info["Swarm"] = serde_json::to_value(swarm).unwrap_or_default();
    Ok(Json(info))
}

/// The node's place in the cluster. A cluster that cannot be read is a text in it and no failure.
async fn swarm_info(state: &ApiState) -> SwarmInfo {
    let mut info = state.node.membership();
    if let Some(manager) = state.node.manager()
        && let Err(error) = add_cluster(&mut info, &manager).await
    {
        info.error = error.message;
    }
    info
}

async fn add_cluster(info: &mut SwarmInfo, manager: &ManagerAccess) -> Result<()> {
    let state = manager.read().await?;
    let managers = state.nodes().values().filter(|node| node.manager.is_some()).count();
    info.nodes = state.nodes().len() as u64;
    info.managers = managers as u64;
    info.cluster = state.cluster().map(|cluster| render::cluster(cluster));
    if managers == 2 {
        info.warnings.push(TWO_MANAGERS.to_owned());
    }
    Ok(())
}
