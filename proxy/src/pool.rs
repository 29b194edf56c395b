//! Connections to tasks, kept for the next request. Only to tasks that serve: one that is to end is left with what it has.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use swarmlite_proto::id::TaskId;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::alive;
use crate::connection::Connection;
use crate::connection::Target;
use crate::dial::Dial;
use crate::limits::Limits;
use crate::table::Table;
use crate::upload::Upload;

/// Unused connections to one port of a task.
const MAX_UNUSED: usize = 256;

/// A task has not taken a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// It does not answer.
    #[error("no connection in time")]
    Silent,
    /// Its node does not answer any more.
    #[error("its node does not answer any more")]
    Lost,
    /// It refuses, or there is no way to it.
    #[error(transparent)]
    Refused(#[from] io::Error),
    /// The connection broke right away.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

#[derive(Debug)]
struct Unused {
    connection: Connection,
    since: Instant,
}

#[derive(Debug, Default)]
struct Kept {
    unused: HashMap<Target, Vec<Unused>>,
    /// Connections of HTTP/2, each for all requests at once.
    shared: HashMap<Target, http2::SendRequest<Upload>>,
}

/// The connections.
#[derive(Debug)]
pub(crate) struct Pool {
    dial: Arc<dyn Dial>,
    table: watch::Receiver<Arc<Table>>,
    limits: Limits,
    kept: Mutex<Kept>,
}

impl Pool {
    pub(crate) fn new(
        dial: Arc<dyn Dial>,
        table: watch::Receiver<Arc<Table>>,
        limits: Limits,
    ) -> Self {
        Self { dial, table, limits, kept: Mutex::default() }
    }

    /// A connection that has been used before and is still open.
    pub(crate) fn take(&self, target: &Target) -> Option<Connection> {
        let mut kept = self.lock();
        let unused = kept.unused.get_mut(target)?;
        let limit = self.limits.unused;
        // The one used last is the least likely to be closed soon.
        let mut newest_first = std::iter::from_fn(|| unused.pop());
        newest_first.find_map(|Unused { mut connection, since }| {
            connection.used = true;
            (since.elapsed() < limit && connection.is_ready()).then_some(connection)
        })
    }

    /// A new connection.
    pub(crate) async fn connect(&self, target: &Target) -> Result<Connection, ConnectError> {
        let stream = self.dial(target).await?;
        Ok(Connection::new(stream, target).await?)
    }

    /// A connection of HTTP/2 that others use too.
    pub(crate) fn shared(&self, target: &Target) -> Option<http2::SendRequest<Upload>> {
        self.lock().shared.get(target).filter(|sender| !sender.is_closed()).cloned()
    }

    /// A new connection of HTTP/2, which others use from now on.
    pub(crate) async fn share(
        &self,
        target: &Target,
    ) -> Result<http2::SendRequest<Upload>, ConnectError> {
        let stream = self.dial(target).await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::spawn(connection);
        let mut kept = self.lock();
        if self.serves(target) {
            kept.shared.insert(target.clone(), sender.clone());
        }
        Ok(sender)
    }

    async fn dial(&self, target: &Target) -> Result<TcpStream, ConnectError> {
        let dialled = timeout(self.limits.connect, self.dial.dial(target.address));
        let stream = tokio::select! {
            dialled = dialled => dialled.map_err(|_elapsed| ConnectError::Silent)??,
            () = self.lost(&target.task) => return Err(ConnectError::Lost),
        };
        stream.set_nodelay(true)?;
        alive::probe(&stream)?;
        Ok(stream)
    }

    /// Waits until the node of a task does not answer any more.
    pub(crate) async fn lost(&self, task: &TaskId) {
        let mut table = self.table.clone();
        if table.wait_for(|table| table.has_lost(task)).await.is_err() {
            // Nobody is left to say so.
            std::future::pending::<()>().await;
        }
    }

    /// Takes back a connection whose answer has ended.
    pub(crate) fn put(self: &Arc<Self>, mut connection: Connection) {
        if connection.is_idle() || connection.is_ready() {
            return self.keep(connection);
        }
        // The request may still be on its way.
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            if connection.ready().await {
                pool.keep(connection);
            }
        });
    }

    fn keep(&self, connection: Connection) {
        let target = connection.target.clone();
        // Under the lock, so that it is seen by the next clean-up if the table changes meanwhile.
        let mut kept = self.lock();
        if !self.serves(&target) {
            return;
        }
        let unused = kept.unused.entry(target).or_default();
        if unused.len() < MAX_UNUSED {
            unused.push(Unused { connection, since: Instant::now() });
        }
    }

    /// Closes what is unused for too long, or leads to tasks that do not serve any more.
    pub(crate) fn clean(&self) {
        let mut kept = self.lock();
        let limit = self.limits.unused;
        kept.unused.retain(|target, unused| {
            unused.retain_mut(|one| one.since.elapsed() < limit && one.connection.is_ready());
            !unused.is_empty() && self.serves(target)
        });
        kept.shared.retain(|target, sender| !sender.is_closed() && self.serves(target));
    }

    fn serves(&self, target: &Target) -> bool {
        self.table.borrow().serves(&target.task)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
