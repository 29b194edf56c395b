//! The load of nodes for other managers, whose clients ask: only the leader is told by agents.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarmlite_proto::error::Result;
use swarmlite_proto::rpc::NODE_LOADS;
use swarmlite_proto::rpc::NotLeader;

use super::Dispatcher;
use crate::load::LoadSource;
use crate::load::Loads;
use crate::message::Packed;
use crate::raft::Failure;
use crate::raft::Leadership;
use crate::raft::RaftStore;
use crate::raft::Transport;
use crate::raft::repeatable;
use crate::store::Store;

impl<S: Store> Dispatcher<S> {
    /// The call for managers: [`NODE_LOADS`].
    pub fn manager_routes(&self) -> Router {
        Router::new().route(NODE_LOADS, post(answer::<S>)).with_state(self.clone())
    }

    /// What agents have told this manager, if it leads.
    pub(super) fn loads_here(&self) -> Option<Loads> {
        let leads = self.shared.leadership.borrow().leader;
        leads.then(|| self.shared.heard.borrow().loads.clone())
    }
}

impl<T: Transport> LoadSource for Dispatcher<RaftStore<T>> {
    fn loads(&self) -> BoxFuture<'_, Result<Loads>> {
        let store = &self.shared.store;
        let attempt = move || async move {
            match store.other_leader() {
                Some(addr) => store.ask(addr, NODE_LOADS, &()).await.map_err(repeatable),
                None => self.loads_here().ok_or_else(Failure::no_leader),
            }
        };
        store.with_leader(attempt).boxed()
    }
}

async fn answer<S: Store>(State(dispatcher): State<Dispatcher<S>>) -> Response {
    if let Some(loads) = dispatcher.loads_here() {
        return Packed(loads).into_response();
    }
    let Leadership { leader_addr, .. } = *dispatcher.shared.leadership.borrow();
    (StatusCode::MISDIRECTED_REQUEST, Packed(NotLeader { leader: leader_addr })).into_response()
}
