//! What other managers ask of this one.
//!
//! The listener lets only managers of the cluster call these paths, and says who calls in the extensions [`Caller`] and [`Peer`].

use axum::Extension;
use axum::Router;
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
use swarmlite_proto::error::Error;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::rpc;
use swarmlite_proto::rpc::NotLeader;
use swarmlite_proto::rpc::RaftJoinRequest;
use swarmlite_proto::rpc::RaftJoinResponse;
use swarmlite_rpc::Caller;

use super::MemberStatus;
use super::RaftStore;
use super::Transport;
use super::access::Failure;
use super::batch::Proposed;
use super::network::Answer;
use super::types::RaftId;
use super::types::TypeConfig;
use super::types::Vote;
use crate::message::Packed;
use crate::message::Refusal;
use crate::state::Transaction;

/// The calls between managers. For managers only.
pub fn router<T: Transport>(store: RaftStore<T>) -> Router {
    Router::new()
        .route(rpc::HEALTH, post(health))
        .route(rpc::RAFT_APPEND, post(append::<T>))
        .route(rpc::RAFT_VOTE, post(vote::<T>))
        .route(rpc::RAFT_SNAPSHOT, post(snapshot::<T>))
        .route(rpc::RAFT_JOIN, post(join::<T>))
        .route(rpc::RAFT_LEAVE, post(leave::<T>))
        .route(rpc::RAFT_MEMBERS, post(members::<T>))
        .route(rpc::PROPOSE, post(propose::<T>))
        .route(rpc::READ_INDEX, post(read_index::<T>))
        .with_state(store)
}

/// Why there is no answer.
enum NoAnswer {
    /// Another manager has to be asked.
    Elsewhere(NotLeader),
    /// No.
    Refused(Error),
}

impl IntoResponse for NoAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::Elsewhere(leader) => {
                (StatusCode::MISDIRECTED_REQUEST, Packed(leader)).into_response()
            }
            Self::Refused(error) => Refusal(error).into_response(),
        }
    }
}

impl From<Error> for NoAnswer {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

async fn health() -> Packed<()> {
    Packed(())
}

async fn append<T: Transport>(
    State(store): State<RaftStore<T>>,
    Packed(request): Packed<AppendEntriesRequest<TypeConfig>>,
) -> Result<Packed<Answer<AppendEntriesResponse<RaftId>>>, NoAnswer> {
    store.must_heed(&request.vote)?;
    let answer = store.inner.raft.append_entries(request).await;
    if let (Some(witness), Ok(_)) = (&store.inner.witness, &answer) {
        witness.hears_the_leader();
    }
    Ok(Packed(answer))
}

async fn vote<T: Transport>(
    State(store): State<RaftStore<T>>,
    Packed(request): Packed<VoteRequest<RaftId>>,
) -> Result<Packed<Answer<VoteResponse<RaftId>>>, NoAnswer> {
    store.must_heed(&request.vote)?;
    let log = request.last_log_id;
    let answer = store.inner.raft.vote(request).await;
    if let (Some(witness), Ok(answer)) = (&store.inner.witness, &answer) {
        witness.was_asked(log, answer).await;
    }
    Ok(Packed(answer))
}

async fn snapshot<T: Transport>(
    State(store): State<RaftStore<T>>,
    Packed(request): Packed<InstallSnapshotRequest<TypeConfig>>,
) -> Result<Packed<Answer<InstallSnapshotResponse<RaftId>, InstallSnapshotError>>, NoAnswer> {
    store.must_heed(&request.vote)?;
    Ok(Packed(store.inner.raft.install_snapshot(request).await))
}

async fn join<T: Transport>(
    State(store): State<RaftStore<T>>,
    Extension(peer): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    Packed(request): Packed<RaftJoinRequest>,
) -> Result<Packed<RaftJoinResponse>, NoAnswer> {
    store.must_lead()?;
    Ok(Packed(store.admit(&peer.node_id, request, caller.addr).await?))
}

async fn leave<T: Transport>(
    State(store): State<RaftStore<T>>,
    Extension(peer): Extension<Peer>,
) -> Result<Packed<()>, NoAnswer> {
    store.must_lead()?;
    Ok(Packed(store.remove_member(&peer.node_id).await?))
}

async fn members<T: Transport>(
    State(store): State<RaftStore<T>>,
) -> Result<Packed<Vec<MemberStatus>>, NoAnswer> {
    let members = store.members_here();
    members.map(Packed).ok_or_else(|| NoAnswer::Elsewhere(store.not_leader()))
}

async fn propose<T: Transport>(
    State(store): State<RaftStore<T>>,
    Packed(transaction): Packed<Transaction>,
) -> Result<Packed<Proposed>, NoAnswer> {
    store.must_lead()?;
    store.propose_here(transaction).await.map(Packed).map_err(|failure| store.no_answer(failure))
}

async fn read_index<T: Transport>(
    State(store): State<RaftStore<T>>,
) -> Result<Packed<u64>, NoAnswer> {
    store.must_lead()?;
    store.read_index_here().await.map(Packed).map_err(|failure| store.no_answer(failure))
}

impl<T> RaftStore<T> {
    /// Refuses unless this manager leads.
    fn must_lead(&self) -> Result<(), NoAnswer> {
        let leads = self.inner.leadership.borrow().leader;
        if leads { Ok(()) } else { Err(NoAnswer::Elsewhere(self.not_leader())) }
    }

    /// Refuses what comes from a manager that was lost before this one made a cluster of its own.
    fn must_heed(&self, vote: &Vote) -> Result<(), NoAnswer> {
        let sender = vote.leader_id().node_id;
        if !self.inner.record.refuses(sender) {
            return Ok(());
        }
        let message = "this manager has left the other managers behind: they have to leave the swarm and join it again";
        Err(NoAnswer::Refused(Error::denied(message)))
    }

    fn not_leader(&self) -> NotLeader {
        let leadership = *self.inner.leadership.borrow();
        NotLeader { leader: leadership.leader_addr.filter(|_| !leadership.leader) }
    }

    fn no_answer(&self, failure: Failure) -> NoAnswer {
        match failure {
            Failure::Later(_) => NoAnswer::Elsewhere(self.not_leader()),
            Failure::Final(error) => NoAnswer::Refused(error),
        }
    }
}
