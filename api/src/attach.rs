//! Containers that users put on networks of the cluster: `docker run --network`, `docker network connect` and `disconnect`.
//!
//! The engine makes and connects the container as it does any other. Before that the cluster gives it an address, and its node has a Docker
//! network under the name of the cluster's. What becomes of the container afterwards is seen by the agent, whoever asks the engine for it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use axum::body::Body;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::Request;
use axum::extract::State as Extract;
use axum::http::Method;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::engine::NETWORK_ID_LABEL;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::error::Result;
use swarmlite_proto::json as lenient;

use crate::control::Reservation;
use crate::engine::segment;
use crate::error::Answer;
use crate::networks::is_stand_in;
use crate::networks::stand_in_of;
use crate::openapi::bodies::EngineObject;
use crate::openapi::parameters::ById;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Conflict;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Forbidden;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::passthrough;
use crate::request::RawJson;
use crate::state::ApiState;

/// What is looked at of a request for a container. All else is the engine's.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    host_config: HostConfig,
    networking_config: NetworkingConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkingConfig {
    endpoints_config: BTreeMap<String, Option<Endpoint>>,
}

/// What is looked at of a container's wishes for one network.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Endpoint {
    aliases: Vec<String>,
    #[serde(rename = "IPAMConfig")]
    ipam_config: EndpointIpam,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EndpointIpam {
    #[serde(rename = "IPv4Address")]
    ipv4_address: String,
}

/// Makes a container. If it is to be on attachable networks of the cluster, it gets its addresses there; all else is the engine's.
#[utoipa::path(
    post,
    path = "/containers/create",
    operation_id = "ContainerCreate",
    tag = "Container",
    request_body = EngineObject,
    responses(
        (status = 201, description = "What the engine answers.", body = EngineObject),
        BadRequest, Failed, Unavailable, NotFound, Conflict,
    )
)]
pub(super) async fn create_container(
    Extract(api): Extract<ApiState>,
    request: Request,
) -> Answer<Response> {
    let (mut parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| Error::invalid(format!("cannot read the request body: {error}")))?;
    let mut body = body.to_bytes();
    // What cannot be read is for the engine to refuse, in its own words.
    let asked: Container = lenient::peek(&body).unwrap_or_default();
    let places = places(&api, asked).await?;
    if !places.is_empty() {
        body = placed(&body, &places)?;
        parts.headers.remove(CONTENT_LENGTH);
    }
    let made = passthrough::pass(&api.engine, Request::from_parts(parts, Body::from(body))).await;
    drop(places);
    Ok(made?)
}

/// The places of a container, by what the request calls their networks.
async fn places(api: &ApiState, asked: Container) -> Result<BTreeMap<String, Reservation>> {
    let mut wanted = asked.networking_config.endpoints_config;
    wanted.entry(asked.host_config.network_mode).or_default();
    let mut places: BTreeMap<String, Reservation> = BTreeMap::new();
    for (network, endpoint) in wanted {
        let is_known = |place: &Reservation| {
            place.attached.network_name == network || place.attached.network_id.as_str() == network
        };
        if !places.values().any(is_known)
            && let Some(place) = place(api, &network, &endpoint.unwrap_or_default()).await?
        {
            places.insert(network, place);
        }
    }
    Ok(places)
}

/// A place on `network`, if that is one of the cluster's.
async fn place(api: &ApiState, network: &str, endpoint: &Endpoint) -> Result<Option<Reservation>> {
    let is_of_engine = matches!(network, "" | "default" | "bridge" | "host" | "none")
        || network.starts_with("container:");
    if is_of_engine || api.node.membership().local_node_state != LocalNodeState::Active {
        return Ok(None);
    }
    let path = format!("/networks/{}", segment(network));
    let network = match api.engine.get(&path).await?.map(|local| cluster_id(&local)) {
        None => network.to_owned(),
        Some(Some(id)) => id,
        // One of its own.
        Some(None) => return Ok(None),
    };
    let addr = match endpoint.ipam_config.ipv4_address.as_str() {
        "" => None,
        text => Some(
            text.parse::<Ipv4Addr>()
                .map_err(|_| Error::invalid(format!("invalid IPv4 address: {text}")))?,
        ),
    };
    let request = AttachRequest { network, addr, aliases: endpoint.aliases.clone() };
    match api.node.attach(request).await {
        Ok(place) => Ok(Some(place)),
        // Nobody's: the engine says so.
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The network of the cluster that a network of the engine stands for.
fn cluster_id(local: &Value) -> Option<String> {
    let id = local["Labels"][NETWORK_ID_LABEL].as_str();
    id.filter(|_| is_stand_in(local)).map(str::to_owned)
}

/// The request for a container, with the addresses of its `places`.
fn placed(body: &Bytes, places: &BTreeMap<String, Reservation>) -> Result<Bytes> {
    let invalid = |error| Error::invalid(format!("invalid JSON: {error}"));
    let mut body: Value = serde_json::from_slice(body).map_err(invalid)?;
    let host = member(&mut body, "HostConfig");
    let mode = member(host, "NetworkMode");
    let first = mode.as_str().and_then(|mode| places.get(mode));
    if let Some(place) = first {
        *mode = place.attached.network_name.as_str().into();
    }
    // Names of the cluster are known to its own name service, and all others are handed on by it.
    if let Some(place) = first.or_else(|| places.values().next()) {
        let dns = member(host, "Dns");
        if dns.as_array().is_none_or(Vec::is_empty) {
            *dns = json!([place.attached.gateway]);
        }
    }
    let endpoints = member(member(&mut body, "NetworkingConfig"), "EndpointsConfig");
    for (network, place) in places {
        let mut endpoint = match endpoints.as_object_mut() {
            Some(endpoints) => endpoints.remove(network).unwrap_or_default(),
            None => Value::Null,
        };
        settle(&mut endpoint, place);
        *exact_member(endpoints, &place.attached.network_name) = endpoint;
    }
    Ok(Bytes::from(body.to_string()))
}

/// Puts the address of `place` into a container's wishes for its network.
fn settle(endpoint: &mut Value, place: &Reservation) {
    let addr = place.attached.addr.addr().to_string();
    *member(member(endpoint, "IPAMConfig"), "IPv4Address") = addr.into();
}

/// A member of an object, whatever the case of its name; made if it is not there. What is no object becomes one.
fn member<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    let known = value
        .as_object()
        .and_then(|object| object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned());
    exact_member(value, &known.unwrap_or_else(|| name.to_owned()))
}

fn exact_member<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    &mut value[name]
}

/// What is looked at of `POST /networks/{id}/connect`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Connect {
    endpoint_config: Option<Endpoint>,
}

/// Connects a container of this node with a network, of the cluster if it is attachable, or of the engine.
#[utoipa::path(
    post,
    path = "/networks/{id}/connect",
    operation_id = "NetworkConnect",
    tag = "Network",
    params(ById),
    request_body = EngineObject,
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, Forbidden, NotFound, Conflict,
    )
)]
pub(super) async fn connect(
    Extract(api): Extract<ApiState>,
    Path(id): Path<String>,
    RawJson(body): RawJson,
) -> Answer<Response> {
    let asked: Connect = lenient::peek(&body)?;
    let Some(place) = place(&api, &id, &asked.endpoint_config.unwrap_or_default()).await? else {
        let path = format!("/networks/{}/connect", segment(&id));
        return Ok(api.engine.forward(Method::POST, &path, body).await?);
    };
    let invalid = |error| Error::invalid(format!("invalid JSON: {error}"));
    let mut body: Value = serde_json::from_slice(&body).map_err(invalid)?;
    settle(member(&mut body, "EndpointConfig"), &place);
    let path = format!("/networks/{}/connect", segment(&place.attached.network_name));
    let connected = api.engine.forward(Method::POST, &path, Bytes::from(body.to_string())).await;
    drop(place);
    Ok(connected?)
}

/// Disconnects a container of this node from a network. The agent sees that the container's place is free.
#[utoipa::path(
    post,
    path = "/networks/{id}/disconnect",
    operation_id = "NetworkDisconnect",
    tag = "Network",
    params(ById),
    request_body = EngineObject,
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, Forbidden, NotFound,
    )
)]
pub(super) async fn disconnect(
    Extract(api): Extract<ApiState>,
    Path(id): Path<String>,
    RawJson(body): RawJson,
) -> Answer<Response> {
    let stand_in = stand_in_of(&api, &id).await;
    let engine_id = stand_in.as_ref().and_then(|network| network["Id"].as_str()).unwrap_or(&id);
    let path = format!("/networks/{}/disconnect", segment(engine_id));
    Ok(api.engine.forward(Method::POST, &path, body).await?)
}
