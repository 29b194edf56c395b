//! Carries raft's messages to other managers, and remembers who answered, and how fast. What raft counts on being answered soon is given up
//! when it takes much longer than that.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use openraft::RaftNetwork;
use openraft::RaftNetworkFactory;
use openraft::error::InstallSnapshotError;
use openraft::error::NetworkError;
use openraft::error::RPCError;
use openraft::error::RaftError;
use openraft::error::RemoteError;
use openraft::error::Unreachable;
use openraft::network::Backoff;
use openraft::network::RPCOption;
use openraft::raft::AppendEntriesRequest;
use openraft::raft::AppendEntriesResponse;
use openraft::raft::InstallSnapshotRequest;
use openraft::raft::InstallSnapshotResponse;
use openraft::raft::VoteRequest;
use openraft::raft::VoteResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::rpc;
use swarmlite_rpc::CallError;
use tokio::time::Instant;
use tokio::time::timeout;

use super::latency::Latency;
use super::transport::Transport;
use super::transport::was_not_sent;
use super::types::Member;
use super::types::RaftId;
use super::types::TypeConfig;

/// How long to leave a manager alone that could not be reached.
const PAUSE: Duration = Duration::from_millis(200);

/// What raft says to a call: an answer, or its own refusal, which is not a failure of the call.
pub(crate) type Answer<A, E = openraft::error::Infallible> = Result<A, RaftError<RaftId, E>>;

type Failure<E = openraft::error::Infallible> = RPCError<RaftId, Member, RaftError<RaftId, E>>;

/// When each manager last answered this one, and how long it takes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts {
    known: Arc<Mutex<BTreeMap<RaftId, Contact>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Contact {
    last: Option<Instant>,
    latency: Latency,
}

impl Contacts {
    /// The time since `id` last answered; `None` if it never did.
    pub(crate) fn age(&self, id: RaftId) -> Option<Duration> {
        self.with(id, |contact| contact.last).map(|last| last.elapsed())
    }

    fn with<A>(&self, id: RaftId, look: impl FnOnce(&mut Contact) -> A) -> A {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        look(known.entry(id).or_default())
    }
}

/// The answer was not waited for any longer.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} ms", .0.as_millis())]
struct Late(Duration);

/// Makes connections.
#[derive(Clone, Debug)]
pub(crate) struct Network<T> {
    pub(crate) transport: T,
    pub(crate) contacts: Contacts,
}

/// The way to one manager.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    network: Network<T>,
    target: RaftId,
    addr: SocketAddr,
}

impl<T: Transport> RaftNetworkFactory<TypeConfig> for Network<T> {
    type Network = Connection<T>;

    async fn new_client(&mut self, target: RaftId, node: &Member) -> Connection<T> {
        Connection { network: self.clone(), target, addr: node.addr }
    }
}

impl<T: Transport> Connection<T> {
    async fn call<Q, A, E>(&self, path: &'static str, body: &Q) -> Result<A, Failure<E>>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
        E: std::error::Error + DeserializeOwned,
    {
        let answer: Answer<A, E> =
            self.network.transport.call(self.addr, path, body).await.map_err(failure)?;
        self.network.contacts.with(self.target, |contact| contact.last = Some(Instant::now()));
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }
}

impl<T: Transport> Connection<T> {
    /// The same, for what is useless when it comes late.
    async fn call_in_time<Q, A>(&self, path: &'static str, body: &Q) -> Result<A, Failure>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let (contacts, target) = (&self.network.contacts, self.target);
        let patience = contacts.with(target, |contact| contact.latency.patience());
        let asked = Instant::now();
        let Ok(answer) = timeout(patience, self.call(path, body)).await else {
            contacts.with(target, |contact| contact.latency.missed());
            return Err(RPCError::Network(NetworkError::new(&Late(patience))));
        };
        if matches!(answer, Ok(_) | Err(RPCError::RemoteError(_))) {
            contacts.with(target, |contact| contact.latency.answered(asked.elapsed()));
        }
        answer
    }
}

/// Unreachable makes openraft pause, all else makes it try again at once.
fn failure<E: std::error::Error>(error: CallError) -> Failure<E> {
    if was_not_sent(&error) || matches!(error, CallError::Refused(_)) {
        RPCError::Unreachable(Unreachable::new(&error))
    } else {
        RPCError::Network(NetworkError::new(&error))
    }
}

impl<T: Transport> RaftNetwork<TypeConfig> for Connection<T> {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<RaftId>, Failure> {
        self.call_in_time(rpc::RAFT_APPEND, &request).await
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<RaftId>, Failure<InstallSnapshotError>> {
        self.call(rpc::RAFT_SNAPSHOT, &request).await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<RaftId>,
        _option: RPCOption,
    ) -> Result<VoteResponse<RaftId>, Failure> {
        self.call_in_time(rpc::RAFT_VOTE, &request).await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(PAUSE))
    }
}
