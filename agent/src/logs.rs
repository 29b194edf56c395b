//! Publishes the logs of this node's containers to the leader, when it orders them.
//!
//! The order comes over the session; the lines go over a stream of their own, paced by the leader, so that a reader who is slow slows the
//! reading of these logs and nothing else. When the leader hangs up nobody reads any more, and the publication ends.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::logs::LogLine;
use swarmlite_proto::logs::LogOptions;
use swarmlite_proto::logs::LogOrder;
use swarmlite_proto::logs::LogReport;
use swarmlite_proto::rpc::LOGS_PUBLISH;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::PacedSender;
use swarmlite_rpc::StreamError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::task::runtime::RuntimeError;

/// Orders that wait for their turn. A leader that sends more gets no answer to the rest, and says that the node is not available.
pub(crate) const ORDERS: usize = 64;

/// The most lines in one message. The engine cuts lines at 16 KiB, so that a message is never longer than half a megabyte.
const BATCH: usize = 32;

/// How many containers are read at a time for one order, unless it is to be followed: then it has to be all.
const AT_A_TIME: usize = 8;

/// Reads the logs of containers.
pub(crate) trait ContainerLogs: Send + Sync + 'static {
    /// The lines of the container of `task`. Nothing if there is none; if they are followed, those it will have when it is started.
    fn lines(
        &self,
        task: &TaskId,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<LogLine, RuntimeError>>;
}

/// An order, and the leader who has given it.
pub(crate) type Ordered = (SocketAddr, LogOrder);

/// Carries out orders.
#[derive(Debug)]
pub(crate) struct Publisher<L> {
    /// Calls the leader in the name of the node.
    pub(crate) client: Client,
    /// The logs of this node's containers.
    pub(crate) logs: Arc<L>,
    /// What was ordered.
    pub(crate) orders: mpsc::Receiver<Ordered>,
}

/// A publication has ended early.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    /// The leader does not take it.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The stream broke.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl<L: ContainerLogs> Publisher<L> {
    /// Carries out orders until there can be no more.
    pub(crate) async fn run(mut self) {
        let mut publications = JoinSet::new();
        loop {
            // Both are cancel-safe.
            let (leader, order) = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => order,
                    None => return,
                },
                Some(_ended) = publications.join_next() => continue,
            };
            let (client, logs) = (self.client.clone(), Arc::clone(&self.logs));
            publications.spawn(async move {
                if let Err(error) = publish(&client, &*logs, leader, &order).await {
                    tracing::debug!(%leader, error = chain(&error), "publication ended early");
                }
            });
        }
    }
}

/// Carries out one order.
async fn publish(
    client: &Client,
    logs: &impl ContainerLogs,
    leader: SocketAddr,
    order: &LogOrder,
) -> Result<(), PublishError> {
    let (messages, demands) = client.stream(leader, LOGS_PUBLISH).await?;
    messages.send(&LogReport::Begin(order.id)).await?;
    let mut sender = PacedSender::new(messages, demands);
    let mut reports = reports(logs, order);
    loop {
        // Both are cancel-safe: a stream keeps what it has not given yet.
        let report = tokio::select! {
            report = reports.next() => report,
            () = sender.closed() => return Ok(()),
        };
        let Some(report) = report else { break };
        sender.send(&report).await?;
    }
    sender.send(&LogReport::Done).await?;
    sender.finish().await;
    Ok(())
}

/// Everything the leader is told, but for the first and the last message.
fn reports<L: ContainerLogs>(
    logs: &L,
    order: &LogOrder,
) -> impl Stream<Item = LogReport> + Unpin + use<L> {
    let at_a_time = if order.options.follow { None } else { Some(AT_A_TIME) };
    let streams: Vec<_> = order
        .tasks
        .iter()
        .map(|task| reports_of(task.clone(), logs.lines(task, &order.options)))
        .collect();
    futures_util::stream::iter(streams).flatten_unordered(at_a_time)
}

/// What the leader is told of one task: as many lines at a time as there are, and at the end why there are no more, if not all is well.
fn reports_of(
    task: TaskId,
    lines: BoxStream<'static, Result<LogLine, RuntimeError>>,
) -> BoxStream<'static, LogReport> {
    let chunks = lines.ready_chunks(BATCH);
    chunks
        .flat_map(move |chunk| {
            let mut lines = Vec::with_capacity(chunk.len());
            let mut reports = Vec::with_capacity(1);
            for line in chunk {
                match line {
                    Ok(line) => lines.push(line),
                    Err(error) => {
                        reports.push(LogReport::Failed(task.clone(), error.to_string()));
                    }
                }
            }
            if !lines.is_empty() {
                reports.insert(0, LogReport::Lines(task.clone(), lines));
            }
            futures_util::stream::iter(reports)
        })
        .boxed()
}

#[cfg(test)]
mod tests;
