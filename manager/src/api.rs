//! The Docker Engine API of a node, for the part that concerns the cluster.
//!
//! One request travels so: [`version`] takes the version prefix off its path, the router finds its handler, extractors in [`request`]
//! read what the client wrote, a function of the state decides what it means, and the store carries it out. What Docker has for
//! clusters and swarmlite has not yet is refused by name; what is about one machine is the business of its engine ([`passthrough`]).
//!
//! Handlers run on any manager and on nodes that are none. Everything about the node itself is behind [`NodeControl`], which is
//! implemented outside of this crate. HTTP status codes are in [`error`] and nowhere else.

mod control;
mod documents;
mod engine;
mod error;
mod fallback;
mod filters;
mod logs;
mod lookup;
mod networks;
mod nodes;
mod passthrough;
mod render;
mod request;
mod serve;
mod services;
mod swarm;
mod system;
mod tasks;
mod version;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use axum::routing::post;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::SecretKind;
use tower::Layer;

pub use self::control::ClusterStore;
pub use self::control::ManagerAccess;
pub use self::control::NodeControl;
pub use self::control::Quorum;
pub use self::engine::Engine;
pub use self::serve::bind;
pub use self::serve::serve;
pub use self::swarm::ALREADY_MEMBER;
pub use self::swarm::NOT_MEMBER;

/// What the handlers work with.
#[derive(Clone)]
pub struct ApiState {
    /// This node.
    pub node: Arc<dyn NodeControl>,
    /// Its Docker Engine.
    pub engine: Arc<Engine>,
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// The whole API as one service.
pub fn router(state: ApiState) -> Router {
    let routes = Router::new()
        .route("/_ping", get(system::ping).head(system::ping))
        .route("/version", get(system::version))
        .route("/info", get(system::info))
        .route("/swarm", get(swarm::inspect))
        .route("/swarm/init", post(swarm::init))
        .route("/swarm/join", post(swarm::join))
        .route("/swarm/leave", post(swarm::leave))
        .route("/swarm/update", post(swarm::update))
        .route("/nodes", get(nodes::list))
        .route("/nodes/{id}", get(nodes::inspect).delete(nodes::remove))
        .route("/nodes/{id}/update", post(nodes::update))
        .route("/services", get(services::list))
        .route("/services/create", post(services::create))
        .route("/services/{id}", get(services::inspect).delete(services::remove))
        .route("/services/{id}/update", post(services::update))
        .route("/services/{id}/logs", get(logs::of_service))
        .route("/tasks", get(tasks::list))
        .route("/tasks/{id}", get(tasks::inspect))
        .route("/tasks/{id}/logs", get(logs::of_task))
        .merge(document_routes::<SecretKind>("secrets"))
        .merge(document_routes::<ConfigKind>("configs"))
        .route("/networks", get(networks::list))
        .route("/networks/create", post(networks::create))
        .route("/networks/{id}", get(networks::inspect).delete(networks::remove))
        .fallback(fallback::answer)
        .method_not_allowed_fallback(fallback::answer)
        .with_state(state.clone());
    // Around the router and not in it: a layer in it would see the path only after it was matched.
    let versioned = middleware::from_fn_with_state(state, version::negotiate).layer(routes);
    Router::new().fallback_service(versioned)
}

/// The calls about secrets, or configs, below `/{kind}`.
fn document_routes<K: documents::Shown>(kind: &str) -> Router<ApiState> {
    let one = get(documents::inspect::<K>).delete(documents::remove::<K>);
    Router::new()
        .route(&format!("/{kind}"), get(documents::list::<K>))
        .route(&format!("/{kind}/create"), post(documents::create::<K>))
        .route(&format!("/{kind}/{{id}}"), one)
        .route(&format!("/{kind}/{{id}}/update"), post(documents::update::<K>))
}

#[cfg(test)]
mod tests;
