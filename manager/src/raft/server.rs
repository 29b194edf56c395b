//! What other managers ask of this one.
//!
//! The layer above lets only managers of the cluster call these paths, and says who calls in an [`Extension`].

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use openraft::error::InstallSnapshotError;
use openraft::raft::AppendEntriesRequest;
use openraft::raft::AppendEntriesResponse;
use openraft::raft::InstallSnapshotRequest;
use openraft::raft::InstallSnapshotResponse;
use openraft::raft::VoteRequest;
use openraft::raft::VoteResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::error::Error;
use swarmlite_proto::frame::MAX_FRAME;
use swarmlite_proto::rpc;
use swarmlite_proto::rpc::NotLeader;

use super::RaftStore;
use super::Transport;
use super::access::Failure;
use super::batch::Proposed;
use super::network::Answer;
use super::types::RaftId;
use super::types::TypeConfig;
use crate::state::Transaction;

/// The paths of this module.
pub fn router<T: Transport>(store: RaftStore<T>) -> Router {
    Router::new()
        .route(rpc::RAFT_APPEND, post(append::<T>))
        .route(rpc::RAFT_VOTE, post(vote::<T>))
        .route(rpc::RAFT_SNAPSHOT, post(snapshot::<T>))
        .route(rpc::PROPOSE, post(propose::<T>))
        .route(rpc::READ_INDEX, post(read_index::<T>))
        .layer(DefaultBodyLimit::max(MAX_FRAME))
        .with_state(store)
}

async fn append<T: Transport>(State(store): State<RaftStore<T>>, body: Bytes) -> Response {
    answer(body, async |request: AppendEntriesRequest<TypeConfig>| {
        let answer: Answer<AppendEntriesResponse<RaftId>> =
            store.inner.raft.append_entries(request).await;
        Ok(answer)
    })
    .await
}

async fn vote<T: Transport>(State(store): State<RaftStore<T>>, body: Bytes) -> Response {
    answer(body, async |request: VoteRequest<RaftId>| {
        let answer: Answer<VoteResponse<RaftId>> = store.inner.raft.vote(request).await;
        Ok(answer)
    })
    .await
}

async fn snapshot<T: Transport>(State(store): State<RaftStore<T>>, body: Bytes) -> Response {
    answer(body, async |request: InstallSnapshotRequest<TypeConfig>| {
        let answer: Answer<InstallSnapshotResponse<RaftId>, InstallSnapshotError> =
            store.inner.raft.install_snapshot(request).await;
        Ok(answer)
    })
    .await
}

async fn propose<T: Transport>(State(store): State<RaftStore<T>>, body: Bytes) -> Response {
    answer(body, async |transaction: Transaction| -> Result<Proposed, Refusal> {
        store.must_lead()?;
        store.propose_here(transaction).await.map_err(|failure| store.refusal(failure))
    })
    .await
}

async fn read_index<T: Transport>(State(store): State<RaftStore<T>>, body: Bytes) -> Response {
    answer(body, async |(): ()| -> Result<u64, Refusal> {
        store.must_lead()?;
        store.read_index_here().await.map_err(|failure| store.refusal(failure))
    })
    .await
}

/// Why there is no answer.
pub(crate) enum Refusal {
    /// Another manager has to be asked.
    Elsewhere(NotLeader),
    /// No.
    No(Error),
}

impl<T> RaftStore<T> {
    fn not_leader(&self) -> NotLeader {
        let leadership = *self.inner.leadership.borrow();
        NotLeader { leader: leadership.leader_addr.filter(|_| !leadership.leader) }
    }

    /// Refuses unless this manager leads.
    fn must_lead(&self) -> Result<(), Refusal> {
        if self.inner.leadership.borrow().leader {
            Ok(())
        } else {
            Err(Refusal::Elsewhere(self.not_leader()))
        }
    }

    fn refusal(&self, failure: Failure) -> Refusal {
        match failure {
            Failure::NoLeader => Refusal::Elsewhere(self.not_leader()),
            Failure::Final(error) => Refusal::No(error),
        }
    }
}

/// Reads the body of a call, has `handle` answer it, and writes the answer.
async fn answer<Q, A, F>(body: Bytes, handle: impl FnOnce(Q) -> F) -> Response
where
    Q: DeserializeOwned,
    A: Serialize,
    F: Future<Output = Result<A, Refusal>>,
{
    let outcome = match rpc::decode(&body) {
        Ok(request) => handle(request).await,
        Err(error) => Err(Refusal::No(Error::invalid(format!("cannot read the call: {error}")))),
    };
    let encoded = match outcome {
        Ok(answer) => rpc::encode(&answer).map(|body| (StatusCode::OK, body)),
        Err(Refusal::Elsewhere(leader)) => {
            rpc::encode(&leader).map(|body| (StatusCode::MISDIRECTED_REQUEST, body))
        }
        Err(Refusal::No(error)) => return refuse(&error),
    };
    match encoded {
        Ok(encoded) => encoded.into_response(),
        Err(error) => refuse(&Error::unknown(format!("cannot write the answer: {error}"))),
    }
}

/// The kind of error is in the body. The status only says that it is one.
fn refuse(error: &Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(error)).into_response()
}
