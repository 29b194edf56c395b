//! The Docker Engine API of a node, for the part that concerns the cluster.
//!
//! One request travels so: [`negotiation`] takes the version prefix off its path, the router finds its handler, extractors in [`request`]
//! read what the client wrote, a function of the state decides what it means, and the store carries it out. What it has changed, and who
//! has ([`caller`]), is noted in [`audit`]. What Docker has for
//! clusters and swarmlite has not yet is refused by name; what is about one machine is the business of its engine ([`passthrough`]).
//! Every handler describes what it takes and gives; together that is the document at `/swarmlite/v1/openapi.json` ([`openapi`]).
//! The page that people look at the cluster with is a client of all this, and beside it ([`ui`]).
//!
//! Handlers run on any manager and on nodes that are none. Everything about the node itself is behind [`NodeControl`], which is
//! implemented outside of this crate. HTTP status codes are in [`error`] and nowhere else.

mod attach;
mod audit;
mod backup;
mod caller;
mod control;
mod doctor;
mod documents;
mod engine;
mod error;
mod events;
mod explain;
mod fallback;
mod filters;
mod http;
mod logs;
mod metrics;
mod negotiation;
mod networks;
mod nodes;
mod openapi;
mod passthrough;
mod rebalance;
mod render;
mod request;
mod serve;
mod services;
mod simulate;
mod state;
mod swarm;
mod system;
mod tasks;
mod tcp;
mod ui;
mod version;

use std::sync::LazyLock;

use axum::Extension;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use serde_json::Value;
use tower::Layer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::audit::Audit;
pub use self::control::AgentFacts;
pub use self::control::DiskFacts;
pub use self::control::NodeControl;
pub use self::control::NodeFacts;
pub use self::control::Place;
pub use self::control::Reservation;
use self::documents::handlers::configs;
use self::documents::handlers::secrets;
pub use self::engine::Engine;
pub use self::metrics::metrics_router;
pub use self::serve::bind;
pub use self::serve::serve;
pub use self::state::ApiState;
pub use self::swarm::ALREADY_MEMBER;
pub use self::swarm::NOT_MEMBER;
pub use self::tcp::ApiListener;
pub use self::tcp::Guard;
pub use self::tcp::TcpError;
pub use self::tcp::TlsFiles;
pub use self::tcp::bind_tcp;
pub use self::ui::Names;
pub use self::ui::UI;
pub use self::ui::for_browsers;
pub use self::ui::with_page;

/// What is answered here, each operation with its description.
fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(openapi::shared())
        .merge(node_routes())
        .merge(swarm_routes())
        .merge(backup_routes())
        .merge(service_routes())
        .merge(object_routes())
        .merge(shared_routes())
}

/// This node.
fn node_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::default()
        .routes(routes!(openapi::serve))
        .routes(routes!(metrics::serve))
        .routes(routes!(doctor::answer))
        .routes(routes!(system::ping))
        .routes(routes!(system::version))
        .routes(routes!(system::info))
}

/// The cluster and its nodes.
fn swarm_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::default()
        .routes(routes!(swarm::inspect))
        .routes(routes!(swarm::init))
        .routes(routes!(swarm::join))
        .routes(routes!(swarm::leave))
        .routes(routes!(swarm::update))
        .routes(routes!(swarm::unlock_key))
        .routes(routes!(swarm::unlock))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::inspect, nodes::remove))
        .routes(routes!(nodes::update))
}

/// What goes into a file, and comes out of one.
fn backup_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::default()
        .routes(routes!(backup::write))
        .routes(routes!(backup::restore))
        .layer(DefaultBodyLimit::max(backup::LONGEST))
}

/// What runs.
fn service_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::default()
        .routes(routes!(services::list))
        .routes(routes!(services::create))
        .routes(routes!(services::inspect, services::remove))
        .routes(routes!(services::update))
        .routes(routes!(logs::of_service))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::inspect))
        .routes(routes!(logs::of_task))
        .routes(routes!(services::dry_run::answer))
        .routes(routes!(explain::service))
        .routes(routes!(simulate::answer))
        .routes(routes!(rebalance::answer))
        .routes(routes!(http::answer))
        .routes(routes!(explain::task))
}

/// What services use.
fn object_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::default()
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::create))
        .routes(routes!(secrets::inspect, secrets::remove))
        .routes(routes!(secrets::update))
        .routes(routes!(configs::list))
        .routes(routes!(configs::create))
        .routes(routes!(configs::inspect, configs::remove))
        .routes(routes!(configs::update))
        .routes(routes!(networks::list))
        .routes(routes!(networks::create))
        .routes(routes!(networks::inspect, networks::remove))
}

/// What is about this node's engine and about the cluster at once. In form it is all the engine's.
fn shared_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::default()
        .routes(routes!(attach::create_container))
        .routes(routes!(attach::connect))
        .routes(routes!(attach::disconnect))
        .routes(routes!(events::stream))
        .routes(routes!(networks::prune::prune))
}

/// The description of the API. Every node of a build sends the same.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| format!("{:#}", document()));

fn document() -> Value {
    openapi::finish(routes().into_openapi())
}

/// The whole API as one service.
pub fn router(state: ApiState) -> Router {
    let (routes, _) = routes().split_for_parts();
    let routes = routes
        .layer(Extension(openapi::Text(|| &DOCUMENT)))
        .fallback(fallback::answer)
        .method_not_allowed_fallback(fallback::answer)
        .with_state(state.clone());
    // Around the router and not in it: a layer in it would see the path only after it was matched.
    let audited = middleware::from_fn_with_state(state.audit.clone(), audit::note).layer(routes);
    let versioned = middleware::from_fn_with_state(state, negotiation::negotiate).layer(audited);
    Router::new().fallback_service(versioned)
}

#[cfg(test)]
mod tests;
