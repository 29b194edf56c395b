//! `/networks`: those of the cluster, and beside them those of the local engine.
//!
//! Agents make a network in their engine for every network of the cluster that they need. Clients never see these twice.

mod plan;
pub(super) mod prune;
mod verbose;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::State as Extract;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::state::State;
use swarmlite_manager::state::lookup;
use swarmlite_manager::state::network_already_exists;
use swarmlite_proto::api;
use swarmlite_proto::api::NetworkCreateRequest;
use swarmlite_proto::api::NetworkCreateResponse;
use swarmlite_proto::engine::NETWORK_DRIVER;
use swarmlite_proto::engine::NETWORK_ID_LABEL;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::json as lenient;
use swarmlite_proto::object::Network;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::validate;

use crate::engine::segment;
use crate::error::Answer;
use crate::filters::Filters;
use crate::openapi::bodies::AnyNetwork;
use crate::openapi::bodies::AnyNetworkRequest;
use crate::openapi::parameters::ById;
use crate::openapi::parameters::Filtered;
use crate::openapi::parameters::InScope;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Conflict;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Forbidden;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::render;
use crate::request::Params;
use crate::request::RawJson;
use crate::request::no_manager;
use crate::state::ApiState;

const FILTERS: &[&str] = &["dangling", "driver", "id", "label", "name", "scope", "type"];

/// Lists the networks of the cluster and of the engine of this node.
#[utoipa::path(
    get,
    path = "/networks",
    operation_id = "NetworkList",
    tag = "Network",
    params(Filtered),
    responses(
        (status = 200, description = "The networks.", body = Vec<AnyNetwork>),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn list(
    Extract(api): Extract<ApiState>,
    params: Params,
    uri: Uri,
) -> Answer<Json<Vec<Value>>> {
    let filters = params.filters(FILTERS)?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let manager = api.node.manager();
    let mut networks = match api.engine.get(&format!("/networks{query}")).await {
        Ok(Some(Value::Array(networks))) => networks,
        Ok(_) => Vec::new(),
        // A manager can still tell of the cluster.
        Err(_) if manager.is_some() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    networks.retain(|network| !is_stand_in(network));
    let Some(manager) = manager else {
        networks.extend(stand_ins(&api, &filters).await?);
        return Ok(Json(networks));
    };
    let state = manager.read().await?;
    let of_cluster = state.networks().values().filter(|network| {
        let Network { id, spec, .. } = network.as_ref();
        let is_unused = state.check_unused(network).is_ok();
        matches(&filters, id.as_str(), &spec.name, &spec.labels, is_unused)
    });
    networks.extend(of_cluster.map(|network| to_json(network)));
    Ok(Json(networks))
}

/// The networks of the cluster that this node is on, as its engine has them. None of them is unused.
async fn stand_ins(api: &ApiState, filters: &Filters) -> Result<Vec<Value>> {
    let mark = segment(&json!({"label": [NETWORK_ID_LABEL]}).to_string());
    let all = api.engine.get(&format!("/networks?filters={mark}")).await?;
    let Some(Value::Array(mut all)) = all else { return Ok(Vec::new()) };
    all.retain(is_stand_in);
    all.iter_mut().for_each(render::local_overlay);
    all.retain(|network| {
        let text = |key: &str| network[key].as_str().unwrap_or_default();
        let labels: Labels = serde_json::from_value(network["Labels"].clone()).unwrap_or_default();
        matches(filters, text("Id"), text("Name"), &labels, false)
    });
    Ok(all)
}

/// Whether a network of the engine stands for one of the cluster.
pub(super) fn is_stand_in(network: &Value) -> bool {
    network["Driver"] == NETWORK_DRIVER
}

fn to_json(network: &Network) -> Value {
    serde_json::to_value(render::network(network)).unwrap_or_default()
}

/// Whether a network of the cluster meets `filters`.
fn matches(filters: &Filters, id: &str, name: &str, labels: &Labels, is_unused: bool) -> bool {
    filters.prefix("id", id)
        && filters.any("name", |value| has_name(name, value))
        && filters.labels("label", labels)
        && filters.any("driver", |value| value == "overlay")
        && filters.any("scope", |value| value == "swarm")
        && filters.any("type", |value| value == "custom")
        && filters.any("dangling", |value| {
            let wanted = matches!(value, "true" | "1");
            wanted == is_unused
        })
}

/// Whether `name` contains `wanted`. In Docker that is a regular expression; of these only `^` and `$` mean something here.
fn has_name(name: &str, wanted: &str) -> bool {
    match (wanted.strip_prefix('^'), wanted.strip_suffix('$')) {
        (Some(rest), Some(_)) => rest.strip_suffix('$') == Some(name),
        (Some(start), None) => name.starts_with(start),
        (None, Some(end)) => name.ends_with(end),
        (None, None) => name.contains(wanted),
    }
}

/// Shows a network.
#[utoipa::path(
    get,
    path = "/networks/{id}",
    operation_id = "NetworkInspect",
    tag = "Network",
    params(ById, InScope),
    responses(
        (status = 200, description = "The network.", body = AnyNetwork),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn inspect(
    Extract(api): Extract<ApiState>,
    Path(id): Path<String>,
    params: Params,
) -> Answer<Response> {
    let verbose = params.strict_bool("verbose")?;
    let local_too = matches!(params.text("scope"), "" | "local");
    let cluster_too = matches!(params.text("scope"), "" | "swarm");
    let state = match api.node.manager() {
        Some(manager) if cluster_too => Some(manager.read().await?),
        _ => None,
    };
    if let Some(state) = &state
        && let Some(network) = exact(state, &id)
    {
        return Ok(Json(in_full(&api, state, network, verbose).await).into_response());
    }
    let path = format!("/networks/{}", segment(&id));
    let of_engine = api.engine.get(&path).await.ok().flatten();
    let of_engine = match of_engine {
        None if state.is_none() => stand_in_of(&api, &id).await,
        found => found.filter(|found| local_too || is_stand_in(found)),
    };
    match (of_engine, state) {
        (Some(network), _) if !is_stand_in(&network) => Ok(Json(network).into_response()),
        (_, Some(state)) => {
            let network = lookup::network(&state, &id)?;
            Ok(Json(in_full(&api, &state, network, verbose).await).into_response())
        }
        (Some(mut network), None) if cluster_too => {
            render::local_overlay(&mut network);
            Ok(Json(network).into_response())
        }
        (_, None) => Err(Error::not_found(format!("network {id} not found")).into()),
    }
}

/// The network of the cluster that has exactly this id or name.
fn exact<'a>(state: &'a State, reference: &str) -> Option<&'a Network> {
    let network = lookup::network(state, reference).ok()?;
    (network.id.as_str() == reference || network.spec.name == reference).then_some(network)
}

/// The network of the engine that stands for the one of the cluster with this id.
pub(super) async fn stand_in_of(api: &ApiState, id: &str) -> Option<Value> {
    let filters = json!({"label": [format!("{NETWORK_ID_LABEL}={id}")]}).to_string();
    let path = format!("/networks?filters={}", segment(&filters));
    let listed = api.engine.get(&path).await.ok()??;
    let name = listed.get(0).filter(|network| is_stand_in(network))?["Id"].as_str()?;
    // Lists do not have the containers.
    api.engine.get(&format!("/networks/{}", segment(name))).await.ok()?
}

/// A network of the cluster, with the nodes on it and the containers of this one; with its services too, if it is to be `verbose`.
async fn in_full(api: &ApiState, state: &State, network: &Network, verbose: bool) -> Value {
    let shown = api::Network {
        peers: Some(verbose::peers(state, network)),
        services: verbose.then(|| verbose::services(state, network)),
        ..render::network(network)
    };
    let mut json = serde_json::to_value(shown).unwrap_or_default();
    // The stand-in has the network's name or its id, whichever the engine could take.
    for name in [network.spec.name.as_str(), network.id.as_str()] {
        let path = format!("/networks/{}", segment(name));
        let local = api.engine.get(&path).await.ok().flatten();
        if let Some(local) = local.filter(is_stand_in)
            && local["Containers"].is_object()
        {
            json["Containers"] = local["Containers"].clone();
            break;
        }
    }
    json
}

/// The members of a request for a network that tell whose it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Routing {
    name: String,
    driver: String,
    scope: String,
    ingress: bool,
}

impl Routing {
    const fn is_of_cluster(&self) -> bool {
        matches!(self.driver.as_bytes(), b"overlay")
            || matches!(self.scope.as_bytes(), b"swarm")
            || self.ingress
    }
}

/// Makes a network: one of the cluster if its driver is `overlay`, and otherwise one of the engine of this node.
#[utoipa::path(
    post,
    path = "/networks/create",
    operation_id = "NetworkCreate",
    tag = "Network",
    request_body = AnyNetworkRequest,
    responses(
        (status = 201, description = "The id of the network.", body = NetworkCreateResponse),
        BadRequest, Failed, Unavailable, Forbidden, NotFound, Conflict,
    )
)]
pub(super) async fn create(
    Extract(api): Extract<ApiState>,
    RawJson(body): RawJson,
) -> Answer<Response> {
    let routing: Routing = lenient::peek(&body)?;
    if routing.driver == NETWORK_DRIVER {
        return Err(Error::invalid(format!(
            "networks of driver {NETWORK_DRIVER} are made by the cluster: use driver overlay"
        ))
        .into());
    }
    let manager = api.node.manager();
    if routing.is_of_cluster() {
        let request: NetworkCreateRequest = lenient::from_slice(&body)?;
        let manager = manager.ok_or_else(|| refuse_overlay(&api, &routing))?;
        return create_overlay(&api, &manager, request).await;
    }
    if let Some(manager) = manager
        && manager.read().await?.network_by_name(&routing.name).is_some()
    {
        return Err(network_already_exists(&routing.name).into());
    }
    Ok(api.engine.forward(Method::POST, "/networks/create", body).await?)
}

/// Docker has no 503 here.
fn refuse_overlay(api: &ApiState, routing: &Routing) -> Error {
    use swarmlite_proto::api::LocalNodeState;
    let membership = api.node.membership();
    match membership.local_node_state {
        LocalNodeState::Inactive if !matches!(routing.driver.as_str(), "" | "overlay") => {
            Error::denied("cannot create a swarm scoped network when swarm is not active")
        }
        LocalNodeState::Active if !membership.control_available => Error::denied(
            "Cannot create a multi-host network from a worker node. Please create the network from a manager node.",
        ),
        _ => Error::denied(no_manager(&membership)),
    }
}

async fn create_overlay(
    api: &ApiState,
    manager: &ManagerAccess,
    request: NetworkCreateRequest,
) -> Answer<Response> {
    let spec = validate::network(request)?;
    // The agents of the cluster make stand-ins under the same name.
    let path = format!("/networks/{}", segment(&spec.name));
    let local = api.engine.get(&path).await.ok().flatten();
    if local.is_some_and(|local| local["Name"] == spec.name.as_str() && !is_stand_in(&local)) {
        return Err(network_already_exists(&spec.name).into());
    }
    let change =
        |state: &State| plan::create(state, spec.clone(), Timestamp::now(), &mut rand::rng());
    let id = manager.change(change).await?;
    let response = NetworkCreateResponse { id: id.to_string(), warning: String::new() };
    Ok((StatusCode::CREATED, Json(response)).into_response())
}

/// Removes a network.
#[utoipa::path(
    delete,
    path = "/networks/{id}",
    operation_id = "NetworkDelete",
    tag = "Network",
    params(ById),
    responses(
        (status = 204, description = "Done."),
        BadRequest, Failed, Unavailable, Forbidden, NotFound,
    )
)]
pub(super) async fn remove(
    Extract(api): Extract<ApiState>,
    Path(id): Path<String>,
) -> Answer<Response> {
    let path = format!("/networks/{}", segment(&id));
    let local = api.engine.get(&path).await;
    if let Some(manager) = api.node.manager() {
        let state = manager.read().await?;
        let is_local = matches!(&local, Ok(Some(network)) if !is_stand_in(network));
        if exact(&state, &id).is_some() || !is_local {
            let change = |state: &State| Ok(((), plan::remove(state, &id, Timestamp::now())?));
            manager.change(change).await?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    match local? {
        Some(network) if is_stand_in(&network) => Err(stand_in_refusal(&api).into()),
        _ => Ok(api.engine.forward(Method::DELETE, &path, Bytes::new()).await?),
    }
}

fn stand_in_refusal(api: &ApiState) -> Error {
    Error::unavailable(no_manager(&api.node.membership()))
}
