//! Who may call what. Decides by the certificate of the caller, and by the list of nodes that were removed.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::spec::NodeRole;
use swarmlite_rpc::Caller;

use super::Refusal;
use crate::ca::admission::removed;
use crate::store::Store;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a certificate too.
    Anyone,
    /// Nodes of the cluster.
    Member,
    /// Managers of the cluster.
    Manager,
}

/// Lets callers through, or refuses them. Handlers behind it find the caller as extension [`Caller`] and, if the route is not
/// for anyone, as extension [`Peer`].
#[derive(Clone)]
pub struct Gate {
    cluster_id: ClusterId,
    was_removed: Arc<dyn Fn(&NodeId) -> bool + Send + Sync>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("cluster_id", &self.cluster_id).finish_non_exhaustive()
    }
}

impl Gate {
    /// The gate of the cluster `cluster_id`. Which nodes were removed is looked up in `store`.
    ///
    /// The role is taken from the certificate and not from the state: a manager that has just started and whose state is old has to
    /// take raft's calls from managers that it does not know yet.
    #[must_use]
    pub fn new<S: Store>(cluster_id: ClusterId, store: S) -> Self {
        let was_removed = Arc::new(move |node: &NodeId| {
            store.state().cluster().is_some_and(|cluster| cluster.removed_nodes.contains(node))
        });
        Self { cluster_id, was_removed }
    }

    /// Puts this gate before `routes`.
    pub(super) fn guard(&self, access: Access, routes: Router) -> Router {
        if access == Access::Anyone {
            return routes;
        }
        let gate = self.clone();
        routes.route_layer(middleware::from_fn(move |request: Request, next: Next| {
            pass(gate.clone(), access, request, next)
        }))
    }

    /// Who the caller is, if it has `access`.
    fn check(&self, access: Access, peer: Option<&Peer>) -> Result<Peer> {
        let peer = peer.ok_or_else(|| {
            Error::unauthenticated("this call needs the certificate of a node of the swarm")
        })?;
        let Peer { node_id, cluster_id, role } = peer;
        if *cluster_id != self.cluster_id {
            return Err(Error::denied(format!(
                "Permission denied: node {node_id} belongs to swarm {cluster_id}, this is swarm {}",
                self.cluster_id
            )));
        }
        if (self.was_removed)(node_id) {
            return Err(removed(node_id));
        }
        if access == Access::Manager && *role != NodeRole::Manager {
            return Err(Error::denied(format!(
                "Permission denied: node {node_id} is a {}, and only managers may call this",
                role.as_str()
            )));
        }
        Ok(peer.clone())
    }
}

async fn pass(gate: Gate, access: Access, mut request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>();
    match gate.check(access, caller.and_then(|caller| caller.peer.as_ref())) {
        Ok(peer) => {
            request.extensions_mut().insert(peer);
            next.run(request).await
        }
        Err(error) => {
            let addr = caller.map(|caller| caller.addr);
            tracing::info!(?addr, path = request.uri().path(), %error, "call refused");
            Refusal(error).into_response()
        }
    }
}
