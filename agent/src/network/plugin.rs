//! Docker's remote network driver `swarmlite`, on a Unix socket in Docker's plugin folder.
//!
//! The engine asks for a link per container and puts it into the container itself, before the container's process starts.
//! The driver keeps nothing: a network is known by its subnet, which is unique in a cluster, and an endpoint by its link. It takes no
//! address that the managers have not given to this node, so that two nodes never have the same, whatever their engines are asked for.

mod protocol;

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use ipnet::Ipv4Net;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use swarmlite_proto::engine::NETWORK_DRIVER;
use swarmlite_proto::engine::NETWORK_ID_LABEL;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NetworkId;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use tracing::warn;

use self::protocol::Activated;
use self::protocol::CONTENT_TYPE;
use self::protocol::Capabilities;
use self::protocol::CreateEndpoint;
use self::protocol::CreateNetwork;
use self::protocol::Empty;
use self::protocol::EndpointCreated;
use self::protocol::EndpointRequest;
use self::protocol::GENERIC_OPTIONS;
use self::protocol::Interface;
use self::protocol::InterfaceName;
use self::protocol::Joined;
use self::protocol::OperInfo;
use self::protocol::Refused;
use super::endpoint;
use super::endpoint::Endpoint;
use super::handle::DataPlaneHandle;
use super::sync::EndpointError;

/// The driver refuses. The engine shows the text to the user.
#[derive(Debug, thiserror::Error)]
enum PluginError {
    #[error("malformed request")]
    Malformed(#[from] serde_json::Error),
    #[error(
        "networks of this driver are made by the cluster: use `swarmlite network create --driver overlay`"
    )]
    NotOfCluster,
    #[error("this node is not on network {0}")]
    UnknownNetwork(NetworkId),
    #[error("network {id} has the subnet {expected}, not {given}")]
    OtherSubnet { id: NetworkId, expected: Ipv4Net, given: String },
    #[error("the container needs an IPv4 address, not {0:?}")]
    NoAddress(String),
    #[error(
        "the cluster has not given {0} to this node: make containers on its networks through the socket of swarmlite"
    )]
    NotGiven(Ipv4Addr),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Serves the driver until `stop`. An old socket of the same name is replaced: only one daemon can use a plugin folder.
///
/// # Errors
/// If the socket cannot be made.
pub(super) fn serve(
    folder: &Path,
    handle: DataPlaneHandle,
    stop: CancellationToken,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path: PathBuf = folder.join(format!("{NETWORK_DRIVER}.sock"));
    if let Err(error) = fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&path)?;
    tokio::spawn(async move {
        let server = axum::serve(listener, router(handle))
            .with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = server.await {
            warn!(error = chain(&error), "the network driver has stopped");
        }
        // The engine would wait for whoever does not answer there.
        let _ = fs::remove_file(&path);
    });
    Ok(())
}

fn router(handle: DataPlaneHandle) -> Router {
    Router::new()
        .route("/Plugin.Activate", post(activate))
        .route("/NetworkDriver.GetCapabilities", post(capabilities))
        .route("/NetworkDriver.CreateNetwork", post(create_network))
        .route("/NetworkDriver.CreateEndpoint", post(create_endpoint))
        .route("/NetworkDriver.Join", post(join))
        .route("/NetworkDriver.DeleteEndpoint", post(delete_endpoint))
        .route("/NetworkDriver.EndpointOperInfo", post(oper_info))
        // Nothing is kept per network, and a link goes with its endpoint.
        .route("/NetworkDriver.DeleteNetwork", post(nothing))
        .route("/NetworkDriver.Leave", post(nothing))
        .route("/NetworkDriver.ProgramExternalConnectivity", post(nothing))
        .route("/NetworkDriver.RevokeExternalConnectivity", post(nothing))
        .route("/NetworkDriver.DiscoverNew", post(nothing))
        .route("/NetworkDriver.DiscoverDelete", post(nothing))
        .fallback(unknown)
        .with_state(handle)
}

async fn activate(State(handle): State<DataPlaneHandle>) -> Response {
    // The engine has just started, and has set up its firewall.
    handle.check();
    answer(Ok(Activated { implements: ["NetworkDriver"] }))
}

async fn capabilities() -> Response {
    answer(Ok(Capabilities { scope: "local", connectivity_scope: "global" }))
}

async fn nothing() -> Response {
    answer(Ok(Empty {}))
}

async fn oper_info() -> Response {
    answer(Ok(OperInfo { value: Empty {} }))
}

async fn unknown(uri: Uri) -> Response {
    answer::<Empty>(Err(format!("{uri} is not a call of network driver {NETWORK_DRIVER}")))
}

async fn create_network(State(handle): State<DataPlaneHandle>, body: Bytes) -> Response {
    answer(check_network(&handle, &body).map(|()| Empty {}).map_err(|error| chain(&error)))
}

async fn create_endpoint(State(handle): State<DataPlaneHandle>, body: Bytes) -> Response {
    answer(add_endpoint(&handle, &body).await.map_err(|error| chain(&error)))
}

async fn join(body: Bytes) -> Response {
    let joined = parse::<EndpointRequest>(&body).map(|request| Joined {
        interface_name: InterfaceName {
            src_name: endpoint::container_link_name(&request.endpoint_id),
            dst_prefix: "eth",
        },
        // None: so the engine adds `docker_gwbridge` for traffic to the outside.
        gateway: "",
    });
    answer(joined.map_err(|error| chain(&error)))
}

async fn delete_endpoint(State(handle): State<DataPlaneHandle>, body: Bytes) -> Response {
    let removed = match parse::<EndpointRequest>(&body) {
        Ok(request) => handle.remove_endpoint(request.endpoint_id).await.map_err(PluginError::from),
        Err(error) => Err(error),
    };
    answer(removed.map(|()| Empty {}).map_err(|error| chain(&error)))
}

/// A Docker network of this driver has to be one of the cluster's, with its subnet.
fn check_network(handle: &DataPlaneHandle, body: &[u8]) -> Result<(), PluginError> {
    let request: CreateNetwork = parse(body)?;
    let id: NetworkId = request
        .options
        .get(GENERIC_OPTIONS)
        .and_then(|options| options.get(NETWORK_ID_LABEL))
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok())
        .ok_or(PluginError::NotOfCluster)?;
    let expected = handle.subnet(&id).ok_or_else(|| PluginError::UnknownNetwork(id.clone()))?;
    match request.ipv4_data.as_slice() {
        [only] if only.pool.trunc() == expected.trunc() => Ok(()),
        pools => {
            let given: Vec<String> = pools.iter().map(|pool| pool.pool.to_string()).collect();
            Err(PluginError::OtherSubnet { id, expected, given: given.join(", ") })
        }
    }
}

async fn add_endpoint(
    handle: &DataPlaneHandle,
    body: &[u8],
) -> Result<EndpointCreated, PluginError> {
    let request: CreateEndpoint = parse(body)?;
    let given = request.interface.unwrap_or_default();
    let address: Ipv4Net =
        given.address.parse().map_err(|_| PluginError::NoAddress(given.address.clone()))?;
    if !handle.is_given(address).await {
        return Err(PluginError::NotGiven(address.addr()));
    }
    handle.add_endpoint(Endpoint { id: request.endpoint_id, address }).await?;
    let mac_address =
        if given.mac_address.is_empty() { mac_of(address.addr()) } else { String::new() };
    Ok(EndpointCreated { interface: Interface { address: String::new(), mac_address } })
}

/// The hardware address that Docker gives to a container with this address on its own networks.
fn mac_of(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, PluginError> {
    Ok(serde_json::from_slice(body)?)
}

fn answer<T: Serialize>(result: Result<T, String>) -> Response {
    let body = match result {
        Ok(answer) => serde_json::to_vec(&answer),
        Err(err) => {
            debug!(%err, "the network driver refuses");
            serde_json::to_vec(&Refused { err })
        }
    };
    // The engine reads refusals from the body; the status says only whether there is one.
    let body = body.unwrap_or_else(|error| format!("{{\"Err\":\"{error}\"}}").into_bytes());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}

#[cfg(test)]
mod tests;
