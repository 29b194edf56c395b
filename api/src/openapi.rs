//! The OpenAPI document of what swarmlite itself answers, made from the handlers and from the types that they read and print.
//!
//! A handler is described where it stands (`#[utoipa::path]`); here is what all of them share, and what a type alone cannot tell.
//! Nothing in it depends on the node or on the cluster.

pub(super) mod bodies;
pub(super) mod parameters;
pub(super) mod refusals;

use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use swarmlite_proto::api;
use utoipa::OpenApi;
use utoipa::ToSchema;
use utoipa::openapi::Components;
use utoipa::openapi::Info;
use utoipa::openapi::License;
use utoipa::openapi::PathItem;
use utoipa::openapi::RefOr;
use utoipa::openapi::Schema;
use utoipa::openapi::Server;
use utoipa::openapi::path::Operation;
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::server::ServerVariableBuilder;

use self::bodies::OpenApiDocument;
use crate::error::ErrorResponse;
use crate::version::ApiVersion;

/// The document as it is sent, made when it is first asked for.
#[derive(Clone, Copy)]
pub(super) struct Text(pub(super) fn() -> &'static str);

/// Describes what this node answers beside what it passes on to its engine, as an OpenAPI document.
#[utoipa::path(
    get,
    path = "/swarmlite/v1/openapi.json",
    operation_id = "OpenApi",
    tag = "swarmlite",
    responses((status = 200, description = "This document.", body = OpenApiDocument))
)]
pub(super) async fn serve(Extension(Text(text)): Extension<Text>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], text())
}

/// What no operation brings with it.
#[derive(OpenApi)]
#[openapi(
    components(schemas(ErrorResponse)),
    tags(
        (name = "System", description = "This node and its versions."),
        (name = "Swarm", description = "The cluster itself."),
        (name = "Node", description = "The machines of the cluster."),
        (name = "Service", description = "What is to run."),
        (name = "Container", description = "Containers of this node's engine."),
        (name = "Task", description = "What runs: one container of a service, once."),
        (name = "Network", description = "Networks of the cluster, and of this node's engine."),
        (name = "Secret", description = "Files that only tasks may see."),
        (name = "Config", description = "Files for tasks."),
        (name = "swarmlite", description = "What Docker's API does not have."),
    )
)]
struct Outline;

/// What the document has beside its operations.
pub(super) fn shared() -> utoipa::openapi::OpenApi {
    let mut document = Outline::openapi();
    document.info = Info::builder()
        .title("swarmlite")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description()))
        .license(Some(License::builder().name("Apache-2.0").build()))
        .build();
    let newest = ServerVariableBuilder::new()
        .default_value(ApiVersion::MAX.to_string())
        .description(Some("A version of the Docker Engine API."));
    let versioned = ServerBuilder::new().url("/v{version}").parameter("version", newest).build();
    document.servers = Some(vec![Server::new("/"), versioned]);
    document
}

fn description() -> String {
    format!(
        "The part of the Docker Engine API that concerns the cluster, and, under `/swarmlite/v1`, what Docker does not have. \
         It is served on the socket of every node, with and without a version of Docker's API from {} to {} before the path. \
         Requests for everything else of that API (containers, images, volumes, ...) are passed through to the Docker Engine of the node, \
         and its answers back; they are described by the engine's own document.\n\n\
         Members are read whatever their case, and `null` is the same as absent. A member that means nothing here is refused by its name \
         unless it is empty. Lengths of time are in nanoseconds.",
        ApiVersion::MIN,
        ApiVersion::MAX
    )
}

/// The whole document, of one that has every operation.
pub(super) fn finish(mut document: utoipa::openapi::OpenApi) -> Value {
    if let Some(components) = &mut document.components {
        require_printed(components);
    }
    for item in document.paths.paths.values_mut() {
        operations(item).for_each(refuse_versions);
        if let Some(head) = &mut item.head {
            // Described with the `GET` that it goes with; and names are unique.
            head.operation_id = head.operation_id.take().map(|name| format!("{name}Head"));
        }
    }
    // Texts, lists and objects by text: there is nothing in it that JSON has not.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    for (old, new) in NAMES {
        rename(&mut document, old, new);
    }
    document["components"]["schemas"]["Labels"]["description"] = "Text by name.".into();
    document
}

/// Schemas that the derive names by how their types are made, and what they are called instead.
const NAMES: [(&str, &str); 3] = [
    ("BTreeMap", "Labels"),
    ("Document_Id", "Document"),
    ("DocumentCreateResponse_Id", "DocumentCreateResponse"),
];

/// Gives the schema `old` the name `new`, wherever it is referred to.
fn rename(document: &mut Value, old: &str, new: &str) {
    let schemas = &mut document["components"]["schemas"];
    if let Some(schema) = schemas.as_object_mut().and_then(|it| it.remove(old)) {
        schemas[new] = schema;
    }
    let reference = |name| format!("#/components/schemas/{name}");
    refer(document, &reference(old), &reference(new));
}

fn refer(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(elements) => elements.iter_mut().for_each(|it| refer(it, old, new)),
        Value::Object(members) => members.values_mut().for_each(|it| refer(it, old, new)),
        _ => {}
    }
}

/// The operations of one path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.head, &mut item.post, &mut item.delete].into_iter().flatten()
}

/// Every request may name a version that is not served.
fn refuse_versions(operation: &mut Operation) {
    operation
        .responses
        .responses
        .entry("400".to_owned())
        .or_insert_with(|| refusals::response("The version in the path is not served.").into());
}

/// Names what answers always have. The types here stand in answers only. They are read leniently, so that their derived schemas
/// require nothing; but what one prints of an empty one it prints always.
fn require_printed(components: &mut Components) {
    require::<api::AttachedNetworkSpec>(components);
    require::<api::ContainerStatus>(components);
    require::<api::EngineDescription>(components);
    require::<api::HttpCertificate>(components);
    require::<api::JobStatus>(components);
    require::<api::ManagerStatus>(components);
    require::<api::Network>(components);
    require::<api::NodeDescription>(components);
    require::<api::NodeResources>(components);
    require::<api::NodeStatus>(components);
    require::<api::PluginDescription>(components);
    require::<api::PortStatus>(components);
    require::<api::RemoteManager>(components);
    require::<api::ServiceEndpoint>(components);
    require::<api::ServiceStatus>(components);
    require::<api::SwarmInfo>(components);
    require::<api::TaskStatus>(components);
    require::<api::TlsInfo>(components);
    require::<api::UpdateStatus>(components);
}

/// Names in the schema of `T` what it always prints.
fn require<T: ToSchema + Default + Serialize>(components: &mut Components) {
    let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get_mut(&*T::name()) else {
        return;
    };
    if let Ok(Value::Object(members)) = serde_json::to_value(T::default()) {
        schema.required = members.keys().cloned().collect();
    }
}
