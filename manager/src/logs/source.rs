//! On any manager: what its API reads from.

use std::net::SocketAddr;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use futures_util::stream::BoxStream;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::rpc::LOGS_SUBSCRIBE;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::PacedReceiver;

use super::Broker;
use crate::raft::Failure;
use crate::raft::RaftStore;

/// What the reader is told when the leader is gone in the middle.
const LEADER_LOST: &str = "the connection to the leader of the swarm broke";

/// Where logs are read from.
pub trait LogSource: Send + Sync + 'static {
    /// What `subscription` asks for: lines, and one end. Dropping the stream ends the subscription.
    ///
    /// # Errors
    ///
    /// As [`crate::store::Store::read`], when there is no leader.
    fn read(
        &self,
        subscription: LogSubscription,
    ) -> BoxFuture<'_, Result<BoxStream<'static, LogEvent>>>;
}

/// The logs of the cluster, on any manager: from its own broker if it leads, and through the leader's if not.
#[derive(Clone, Debug)]
pub struct Logs {
    store: RaftStore,
    broker: Broker<RaftStore>,
    client: Client,
}

impl Logs {
    /// Reads through `broker`, or that of the leader.
    #[must_use]
    pub const fn new(store: RaftStore, broker: Broker<RaftStore>, client: Client) -> Self {
        Self { store, broker, client }
    }

    async fn try_read(
        &self,
        subscription: &LogSubscription,
    ) -> Result<BoxStream<'static, LogEvent>, Failure> {
        if self.broker.leadership().borrow().leader {
            let events = self.broker.subscribe(subscription.clone());
            return Ok(stream::unfold(events, async |mut events| {
                Some((events.recv().await?, events))
            })
            .boxed());
        }
        let Some(leader) = self.store.other_leader() else { return Err(Failure::no_leader()) };
        let receiver = self.ask(leader, subscription).await.map_err(|error| match error {
            CallError::Refused(error) if error.is(Reason::Starting) => Failure::Later(error),
            CallError::Refused(error) => Failure::Final(error),
            // Reading changes nothing, so that it can be tried again whatever became of it.
            CallError::NotLeader(_) | CallError::Unreachable { .. } => Failure::no_leader(),
        })?;
        Ok(events(receiver))
    }

    async fn ask(
        &self,
        leader: SocketAddr,
        subscription: &LogSubscription,
    ) -> Result<PacedReceiver, CallError> {
        let (sender, receiver) = self.client.stream(leader, LOGS_SUBSCRIBE).await?;
        if sender.send(subscription).await.is_err() {
            // It has hung up, so that it does not lead any more.
            return Err(CallError::NotLeader(None));
        }
        Ok(PacedReceiver::new(sender, receiver))
    }
}

impl LogSource for Logs {
    fn read(
        &self,
        subscription: LogSubscription,
    ) -> BoxFuture<'_, Result<BoxStream<'static, LogEvent>>> {
        async move { self.store.with_leader(|| self.try_read(&subscription)).await }.boxed()
    }
}

/// What the leader says, with an end in any case.
fn events(receiver: PacedReceiver) -> BoxStream<'static, LogEvent> {
    stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.receive().await {
            Ok(Some(event @ LogEvent::Lines(_))) => Some((event, Some(receiver))),
            Ok(Some(end @ LogEvent::End(_))) => Some((end, None)),
            Ok(None) | Err(_) => Some((LogEvent::End(vec![LEADER_LOST.to_owned()]), None)),
        }
    })
    .boxed()
}
