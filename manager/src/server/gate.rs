//! Who may call what. Decides by the protocols that the caller speaks, by its certificate, and by the list of nodes that were removed.

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
use swarmlite_proto::error::chain;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::protocol::Mismatch;
use swarmlite_proto::protocol::Range;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::Caller;

use crate::ca::admission::removed;
use crate::message::Refusal;
use crate::state::NodeReport;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::Transaction;
use crate::store::Store;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone, without a certificate too.
    Anyone,
    /// Nodes of the cluster.
    Member,
    /// Managers of the cluster.
    Manager,
}

/// Has something shown with a node.
type Show = dyn Fn(&NodeId, &Mismatch) + Send + Sync;

/// Lets callers through, or refuses them. Handlers behind it find the caller as extension [`Caller`] and, if the route is not
/// for anyone, as extension [`Peer`].
#[derive(Clone)]
pub(crate) struct Gate {
    cluster_id: ClusterId,
    was_removed: Arc<dyn Fn(&NodeId) -> bool + Send + Sync>,
    /// Has it shown with a node that its calls are refused.
    show: Arc<Show>,
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
    pub(crate) fn new<S: Store>(cluster_id: ClusterId, store: S) -> Self {
        let shown = store.clone();
        let was_removed = Arc::new(move |node: &NodeId| {
            store.state().cluster().is_some_and(|cluster| cluster.removed_nodes.contains(node))
        });
        let show = Arc::new(move |node: &NodeId, mismatch: &Mismatch| {
            show_with_node(&shown, node, mismatch);
        });
        Self { cluster_id, was_removed, show }
    }

    /// Puts this gate before `routes`.
    pub(super) fn guard(&self, access: Access, routes: Router) -> Router {
        let gate = self.clone();
        routes.route_layer(middleware::from_fn(move |request: Request, next: Next| {
            pass(gate.clone(), access, request, next)
        }))
    }

    /// Refuses a caller that no protocol is shared with. Shown with its node, which cannot tell of it in any other way.
    fn check_protocol(&self, caller: Option<&Caller>) -> Result<()> {
        let Some(caller) = caller else { return Ok(()) };
        let Err(mismatch) = Range::common(caller.protocol, Range::own()) else { return Ok(()) };
        if let Some(peer) = caller.peer.as_ref().filter(|peer| peer.cluster_id == self.cluster_id) {
            (self.show)(&peer.node_id, &mismatch);
        }
        Err(mismatch.into())
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
    let checked = gate.check_protocol(caller).and_then(|()| match access {
        Access::Anyone => Ok(None),
        _ => gate.check(access, caller.and_then(|caller| caller.peer.as_ref())).map(Some),
    });
    match checked {
        Ok(peer) => {
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            next.run(request).await
        }
        Err(error) => {
            let addr = caller.map(|caller| caller.addr);
            tracing::info!(
                ?addr,
                path = request.uri().path(),
                error = chain(&error),
                "call refused"
            );
            Refusal(error).into_response()
        }
    }
}

/// Makes `mismatch` the message of the node's status, unless it is that already. Whether the node is alive is for others to say.
fn show_with_node<S: Store>(store: &S, node: &NodeId, mismatch: &Mismatch) {
    let (state, message) = (store.state(), mismatch.to_string());
    let Some(node) = state.nodes().get(node).filter(|node| node.status.message != message) else {
        return;
    };
    let report = NodeReport {
        node_id: node.id.clone(),
        status: NodeStatus { message, ..node.status.clone() },
        description: None,
        data_path_addr: None,
        versions: None,
    };
    let transaction = Transaction::new(Timestamp::now())
        .with(Op::Expect(ObjectRef::Node(node.id.clone()), node.meta.version))
        .with(Op::ReportNode(Box::new(report)));
    let store = store.clone();
    tokio::spawn(async move {
        // The node calls again, and is refused again.
        if let Err(error) = store.propose(transaction).await {
            tracing::debug!(error = chain(&error), "a refusal is not shown yet");
        }
    });
}
