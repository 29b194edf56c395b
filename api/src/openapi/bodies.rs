//! Bodies of answers that have no type, as their contents are somebody else's.

#![expect(dead_code, reason = "these only describe")]

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use swarmlite_proto::api::Network;
use swarmlite_proto::api::NetworkCreateRequest;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::ArrayBuilder;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::RefOr;
use utoipa::openapi::Schema;
use utoipa::openapi::schema::Type;

/// A network of the cluster, or one of the engine of this node.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AnyNetwork {
    Cluster(Box<Network>),
    Engine(EngineNetwork),
}

/// A network of the engine of this node, as that prints it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EngineNetwork {
    /// Its name.
    name: String,
    /// Its id, which is no id of the cluster.
    #[schema(pattern = "^(?![0-9a-z]{25}$)")]
    id: String,
    /// Its driver.
    driver: String,
    /// `local`, but for networks of the cluster on a node that is no manager.
    scope: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// A network of the cluster that is to be made, or one of the engine of this node.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AnyNetworkRequest {
    Cluster(NetworkCreateRequest),
    Engine(EngineNetworkRequest),
}

/// A network that the engine of this node is to make. It gets all of this as it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EngineNetworkRequest {
    /// Its name, which no network of the cluster has.
    name: String,
    /// Its driver. Absent: `bridge`.
    #[schema(required = false, pattern = "^(?!overlay$)")]
    driver: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// An object of the Docker Engine API that the engine of this node reads or prints. The engine's own document describes it.
#[derive(Serialize, ToSchema)]
pub(crate) struct EngineObject {
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// The networks that were removed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NetworksPruned {
    /// Their names; `null` if there are none.
    #[schema(nullable)]
    networks_deleted: Vec<String>,
}

/// A stream that is not JSON.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct Bytes(Vec<u8>);

/// An OpenAPI 3.1 document.
pub(crate) struct OpenApiDocument;

impl PartialSchema for OpenApiDocument {
    fn schema() -> RefOr<Schema> {
        let version = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^3\.1\."));
        let object = || ObjectBuilder::new().schema_type(Type::Object);
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("An OpenAPI document."))
            .property("openapi", version)
            .required("openapi")
            .property("info", object())
            .required("info")
            .property("servers", ArrayBuilder::new().items(object()))
            .property("tags", ArrayBuilder::new().items(object()))
            .property("paths", object())
            .required("paths")
            .property("components", object())
            .into()
    }
}

impl ToSchema for OpenApiDocument {}
