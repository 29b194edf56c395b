//! What clients ask first: `/_ping`, `/version`, `/info`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::PRAGMA;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::error::Result;
use utoipa::ToSchema;

use crate::engine::BUILDER;
use crate::render;
use crate::state::ApiState;
use crate::version::ApiVersion;

/// Docker's warning about a cluster that is worse off than with one manager (moby `daemon/cluster/swarm.go`).
const TWO_MANAGERS: &str = "WARNING: Running Swarm in a two-manager configuration. This configuration provides\n         no fault tolerance, and poses a high risk to lose control over the cluster.\n         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the\n         Swarm for fault-tolerance.";

/// `GET /version`: the engine's, with swarmlite as a component and the versions of the API that are served here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionInfo {
    /// The newest version of the API that is served here: the engine understands it, too.
    #[serde(rename = "ApiVersion")]
    api_version: String,
    /// The oldest.
    #[serde(rename = "MinAPIVersion")]
    min_api_version: String,
    /// The engine, its parts, and swarmlite, each with `Name` and `Version`.
    #[serde(rename = "Components")]
    components: Vec<Value>,
    /// What else the engine says.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// `GET /info`: the engine's, with the cluster in place of its own swarm.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Info {
    /// This node's place in the cluster.
    swarm: SwarmInfo,
    /// What deserves attention, in the cluster and on this node.
    warnings: Vec<String>,
    /// What else the engine says.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// The members of an object of the engine.
fn members(object: Value) -> BTreeMap<String, Value> {
    match object {
        Value::Object(members) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

/// Tells that this node answers, and its place in the cluster.
#[utoipa::path(
    method(get, head),
    path = "/_ping",
    operation_id = "SystemPing",
    tag = "System",
    responses(
        (status = 200, description = "This node answers.", body = String, headers(
            ("Swarm", description = "`inactive`, `pending`, `locked`, `error`, `active/manager` or `active/worker`."),
            ("Builder-Version", description = "What the engine builds images with, if it says so."),
            ("Api-Version", description = "The newest version of the API that is served here. Every answer has it."),
        )),
    )
)]
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

/// Tells the versions of the engine and of swarmlite, and those of the API that are served here.
#[utoipa::path(
    get,
    path = "/version",
    operation_id = "SystemVersion",
    tag = "System",
    responses(
        (status = 200, description = "The versions.", body = VersionInfo),
    )
)]
pub(super) async fn version(State(state): State<ApiState>) -> Json<VersionInfo> {
    let engine = state.engine.get("/version").await.ok().flatten();
    let own = || json!({"Version": env!("CARGO_PKG_VERSION"), "Os": "linux", "Arch": std::env::consts::ARCH});
    let mut rest = members(engine.unwrap_or_else(own));
    let api_version = state.engine.api_version().await.to_string();
    let min_api_version = ApiVersion::MIN.to_string();
    let mut components = match rest.remove("Components") {
        Some(Value::Array(components)) => components,
        _ => Vec::new(),
    };
    components.push(json!({"Name": "swarmlite", "Version": env!("CARGO_PKG_VERSION"),
        "Details": {"ApiVersion": api_version, "MinAPIVersion": min_api_version}}));
    Json(VersionInfo { api_version, min_api_version, components, rest })
}

/// Tells what the engine says of this node, with the cluster in place of its own swarm. Answers without an engine, too.
#[utoipa::path(
    get,
    path = "/info",
    operation_id = "SystemInfo",
    tag = "System",
    responses(
        (status = 200, description = "This node.", body = Info),
    )
)]
pub(super) async fn info(State(state): State<ApiState>) -> Json<Info> {
    let swarm = swarm_info(&state).await;
    let mut warnings = swarm.warnings.clone();
    let mut rest = match state.engine.get("/info").await {
        Ok(info) => members(info.unwrap_or_default()),
        Err(error) => {
            warnings.push(format!("WARNING: {error}"));
            members(json!({"OSType": "linux"}))
        }
    };
    if let Some(Value::Array(own)) = rest.remove("Warnings") {
        warnings.extend(own.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    rest.remove("Swarm");
    Json(Info { swarm, warnings, rest })
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
