//! What a client wrote, as extractors: query parameters, bodies, and access to the cluster.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::json;
use swarmlite_proto::version::Version;

use crate::error::ApiError;
use crate::filters::Filters;
use crate::state::ApiState;

/// The parameters of a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that may have one of several values; empty if it is absent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A switch that Docker reads leniently: all but a few words mean yes.
    pub(super) fn lenient_bool(&self, name: &str) -> bool {
        let value = self.text(name).trim().to_lowercase();
        !matches!(value.as_str(), "" | "0" | "no" | "false" | "none")
    }

    /// A switch that Docker reads with Go's `ParseBool`.
    pub(super) fn strict_bool(&self, name: &str) -> Result<bool> {
        match self.text(name) {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            value => Err(Error::invalid(format!("invalid value for {name}: {value}"))),
        }
    }

    /// The version that an update was computed from.
    pub(super) fn version(&self, kind: &str) -> Result<Version> {
        let text = self.text("version");
        text.parse()
            .map(Version::at)
            .map_err(|error| Error::invalid(format!("invalid {kind} version '{text}': {error}")))
    }

    /// The filters of a list, of which `accepted` are known.
    pub(super) fn filters(&self, accepted: &[&str]) -> Result<Filters> {
        Filters::parse(self.text("filters"), accepted)
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(pairs)) => {
                let pairs: Vec<(String, String)> = pairs;
                Ok(Self(pairs.into_iter().collect()))
            }
            Err(error) => Err(Error::invalid(format!("invalid query: {error}")).into()),
        }
    }
}

/// The body of a request, if it is JSON or empty.
#[derive(Debug)]
pub(super) struct RawJson(pub(super) Bytes);

impl<S: Sync + Send> FromRequest<S> for RawJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| Error::invalid(format!("cannot read the request body: {error}")))?;
        if !body.is_empty() {
            check_content_type(&headers)?;
        }
        Ok(Self(body))
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<()> {
    let value = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let text = String::from_utf8_lossy(value);
    let media_type = text.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "unsupported Content-Type header ({text}): must be 'application/json'"
    )))
}

/// The body of a request, read as Docker reads it.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Sync + Send, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawJson(body) = RawJson::from_request(request, state).await?;
        Ok(Self(json::from_slice(&body)?))
    }
}

/// The cluster, for calls that only managers answer.
#[derive(Debug)]
pub(super) struct Manager(pub(super) ManagerAccess);

impl FromRequestParts<ApiState> for Manager {
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match state.node.manager() {
            Some(manager) => Ok(Self(manager)),
            None => Err(Error::unavailable(no_manager(&state.node.membership())).into()),
        }
    }
}

/// Why a node cannot serve the state of the cluster (moby `daemon/cluster/errors.go`), and what is wrong with its manager, if something is.
pub(super) fn no_manager(membership: &SwarmInfo) -> String {
    if !membership.error.is_empty() {
        return format!("The manager of this node does not run: {}", membership.error);
    }
    let why = match membership.local_node_state {
        LocalNodeState::Inactive => {
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
        }
        LocalNodeState::Locked => {
            "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it."
        }
        LocalNodeState::Active if membership.witness => {
            "This node is a witness: it votes, and serves nothing of the swarm. Please run this command on another manager."
        }
        LocalNodeState::Active if !membership.control_available => {
            "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager."
        }
        LocalNodeState::Active | LocalNodeState::Pending | LocalNodeState::Error => {
            "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster."
        }
    };
    why.to_owned()
}
