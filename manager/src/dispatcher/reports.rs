//! What nodes report of themselves, for other managers, whose clients ask: only the leader is told by agents.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::error::Result;
use swarmlite_proto::rpc::NODE_LOADS;
use swarmlite_proto::rpc::NODE_TRAFFIC;
use swarmlite_proto::rpc::NotLeader;

use super::Dispatcher;
use crate::heartbeat::Sessions;
use crate::load::Loads;
use crate::message::Packed;
use crate::raft::Failure;
use crate::raft::Leadership;
use crate::raft::RaftStore;
use crate::raft::Transport;
use crate::raft::repeatable;
use crate::reports::ReportSource;
use crate::reports::Traffics;
use crate::store::Store;

impl<S: Store> Dispatcher<S> {
    /// The calls for managers: [`NODE_LOADS`] and [`NODE_TRAFFIC`].
    pub fn manager_routes(&self) -> Router {
        let loads = |State(it): State<Self>| async move { it.answer(it.loads_here()) };
        let traffic = |State(it): State<Self>| async move { it.answer(it.traffic_here()) };
        Router::new()
            .route(NODE_LOADS, post(loads))
            .route(NODE_TRAFFIC, post(traffic))
            .with_state(self.clone())
    }

    /// What agents have told this manager of their load, if it leads.
    pub(super) fn loads_here(&self) -> Option<Loads> {
        self.reported(|heard| heard.loads.clone())
    }

    /// What agents have told this manager that they answer, if it leads.
    pub(super) fn traffic_here(&self) -> Option<Traffics> {
        self.reported(|heard| heard.traffic.clone())
    }

    fn reported<R>(&self, what: impl FnOnce(&Sessions) -> R) -> Option<R> {
        let leads = self.shared.leadership.borrow().leader;
        leads.then(|| what(&self.shared.heard.borrow()))
    }

    fn answer(&self, reported: Option<impl Serialize>) -> Response {
        if let Some(reported) = reported {
            return Packed(reported).into_response();
        }
        let Leadership { leader_addr, .. } = *self.shared.leadership.borrow();
        let refusal = Packed(NotLeader { leader: leader_addr });
        (StatusCode::MISDIRECTED_REQUEST, refusal).into_response()
    }
}

impl<T: Transport> Dispatcher<RaftStore<T>> {
    /// What the leader says to `call`, which is what this manager has `here` if it leads.
    async fn of_leader<R: DeserializeOwned + Send>(
        &self,
        call: &'static str,
        here: impl Fn() -> Option<R> + Sync,
    ) -> Result<R> {
        let (store, here) = (&self.shared.store, &here);
        let attempt = move || async move {
            match store.other_leader() {
                Some(addr) => store.ask(addr, call, &()).await.map_err(repeatable),
                None => here().ok_or_else(Failure::no_leader),
            }
        };
        store.with_leader(attempt).await
    }
}

impl<T: Transport> ReportSource for Dispatcher<RaftStore<T>> {
    fn loads(&self) -> BoxFuture<'_, Result<Loads>> {
        self.of_leader(NODE_LOADS, || self.loads_here()).boxed()
    }

    fn traffic(&self) -> BoxFuture<'_, Result<Traffics>> {
        self.of_leader(NODE_TRAFFIC, || self.traffic_here()).boxed()
    }
}
