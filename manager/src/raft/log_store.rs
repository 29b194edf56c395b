//! The raft log, the vote and the committed index, on disk.
//!
//! Everything that is not purged is also in memory, so that replication and the state machine never wait for the disk. One thread does all
//! writing, in the order of the calls. An append or a vote is acknowledged only after it was flushed.

mod codec;
mod io_thread;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::Bound;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use openraft::AnyError;
use openraft::ErrorSubject;
use openraft::ErrorVerb;
use openraft::LogState;
use openraft::OptionalSend;
use openraft::RaftLogReader;
use openraft::StorageIOError;
use openraft::storage::LogFlushed;
use openraft::storage::RaftLogStorage;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use self::io_thread::Job;
pub(super) use self::io_thread::Writer;
use super::disk::Batch;
use super::disk::Disk;
use super::level::Level;
use super::resumed::Resumed;
use super::types::Entry;
use super::types::LogId;
use super::types::RaftId;
use super::types::StorageError;
use super::types::TypeConfig;
use super::types::Vote;

/// Jobs that may wait for the thread. openraft waits for each append and each vote, so that only purges and committed indexes ever queue.
const QUEUE: usize = 64;

/// How many bytes of entries go into one message to a follower, unless the first entry alone has more.
const MAX_READ_BYTES: usize = 2 * 1024 * 1024;

/// The log. Owns the thread that writes; the thread ends with it.
#[derive(Debug)]
pub(crate) struct LogStore {
    reader: LogReader,
    jobs: mpsc::Sender<Job>,
    level: Level,
}

/// Reads the log.
#[derive(Clone, Debug)]
pub(crate) struct LogReader {
    cache: Arc<RwLock<Cache>>,
}

/// Has the log written anew. Weak: the log may end meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Rewriter {
    jobs: mpsc::WeakSender<Job>,
}

impl Rewriter {
    /// Returns when everything is on the disk in the way it is written now.
    ///
    /// # Errors
    ///
    /// When the disk fails, or the log has ended.
    pub(crate) async fn rewrite(&self) -> io::Result<()> {
        let ended = || io::Error::other("the log thread has ended");
        let (done, outcome) = oneshot::channel();
        // Not kept while waiting: the thread ends when nobody can send any more.
        self.jobs
            .upgrade()
            .ok_or_else(ended)?
            .send(Job::Rewrite { done })
            .await
            .map_err(|_| ended())?;
        outcome.await.map_err(|_closed| ended())?
    }
}

/// Resolves when the thread of a [`LogStore`] has ended and the disk is closed.
pub(crate) type Closed = oneshot::Receiver<()>;

/// How far a log goes: indexes of entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Whether it has a vote.
    pub(super) voted: bool,
    /// The last entry that was purged.
    pub(super) purged: Option<u64>,
    /// The last entry.
    pub(super) last: Option<u64>,
    /// The last entry that is known to be committed.
    pub(super) committed: Option<u64>,
}

/// What is on the disk, or soon will be.
#[derive(Debug, Default)]
struct Cache {
    entries: BTreeMap<u64, Cached>,
    /// The last entry that was purged.
    purged: Option<LogId>,
    vote: Option<Vote>,
    committed: Option<LogId>,
}

#[derive(Debug)]
struct Cached {
    entry: Entry,
    /// Its size on disk in bytes.
    size: usize,
}

impl LogStore {
    /// Reads what `disk` holds and starts the thread. Blocks.
    ///
    /// # Errors
    ///
    /// When the disk fails, or what is on it is not a log.
    pub(crate) fn open(disk: impl Disk) -> io::Result<(Self, Closed)> {
        let (log, writer) = Self::load(disk)?;
        let (ended, closed) = oneshot::channel();
        std::thread::Builder::new().name("raft-log".to_owned()).spawn(move || {
            writer.run();
            // Nobody may be interested any more.
            let _ = ended.send(());
        })?;
        Ok((log, closed))
    }

    /// Reads what `disk` holds. Nothing is written until the writer runs. Blocks.
    ///
    /// # Errors
    ///
    /// See [`LogStore::open`].
    pub(super) fn load<D: Disk>(disk: D) -> io::Result<(Self, Writer<D>)> {
        let cache = codec::load(disk.scan()?)?;
        // A crash may have interrupted the last purge.
        let leftovers = cache.purged.map(|purged| purged.index);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let reader = LogReader { cache: Arc::new(RwLock::new(cache)) };
        let log = Self { reader, jobs, level: Level::default() };
        Ok((log, Writer::new(disk, queue, leftovers)))
    }

    /// What it says of the leadership of the member `id`. Before raft goes on with it.
    pub(super) fn resumed(&self, id: RaftId) -> Resumed {
        let vote = self.reader.read(|cache| cache.vote);
        Resumed::of(id, vote, self.extent().last.unwrap_or_default())
    }

    /// How far what was read from the disk goes. Before raft goes on with it.
    pub(super) fn extent(&self) -> Extent {
        self.reader.read(|cache| {
            let purged = cache.purged.map(|purged| purged.index);
            let last = cache.entries.last_key_value().map(|(index, _)| *index).or(purged);
            let committed = cache.committed.map(|committed| committed.index);
            Extent { voted: cache.vote.is_some(), purged, last, committed }
        })
    }

    /// Writes in the format of `level` from now on.
    pub(crate) fn writing_in(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Has this log written anew.
    pub(crate) fn rewriter(&self) -> Rewriter {
        Rewriter { jobs: self.jobs.downgrade() }
    }

    async fn submit(&self, job: Job) -> io::Result<()> {
        self.jobs.send(job).await.map_err(|_closed| io::Error::other("the log thread has ended"))
    }

    /// Has the thread do a job that ends in an answer.
    async fn complete(
        &self,
        job: impl FnOnce(oneshot::Sender<io::Result<()>>) -> Job,
    ) -> io::Result<()> {
        let (done, outcome) = oneshot::channel();
        self.submit(job(done)).await?;
        outcome.await.map_err(|_closed| io::Error::other("the log thread has ended"))?
    }

    fn update<T>(&self, change: impl FnOnce(&mut Cache) -> T) -> T {
        change(&mut self.reader.cache.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LogReader {
    fn read<T>(&self, look: impl FnOnce(&Cache) -> T) -> T {
        look(&self.cache.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, StorageError>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        if is_empty(&range) {
            return Ok(Vec::new());
        }
        Ok(self.read(|cache| cache.entries.range(range).map(|(_, c)| c.entry.clone()).collect()))
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        if start >= end {
            return Ok(Vec::new());
        }
        Ok(self.read(|cache| {
            let mut room = MAX_READ_BYTES;
            let mut entries = Vec::new();
            for (_, cached) in cache.entries.range(start..end) {
                if cached.size > room && !entries.is_empty() {
                    break;
                }
                room = room.saturating_sub(cached.size);
                entries.push(cached.entry.clone());
            }
            entries
        }))
    }
}

/// Whether nothing can be in `range`. [`BTreeMap::range`] panics on the ranges that end before they start.
fn is_empty(range: &impl RangeBounds<u64>) -> bool {
    let end = match range.end_bound() {
        Bound::Included(end) => *end,
        Bound::Excluded(end) => match end.checked_sub(1) {
            Some(end) => end,
            None => return true,
        },
        Bound::Unbounded => u64::MAX,
    };
    match range.start_bound() {
        Bound::Included(start) => *start > end,
        Bound::Excluded(start) => *start >= end,
        Bound::Unbounded => false,
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, StorageError>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.reader.try_get_log_entries(range).await
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError> {
        Ok(self.reader.read(|cache| LogState {
            last_purged_log_id: cache.purged,
            last_log_id: cache
                .entries
                .last_key_value()
                .map(|(_, cached)| cached.entry.log_id)
                .or(cache.purged),
        }))
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.reader.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        let batch = codec::vote(self.level.get(), vote).map_err(write_error(ErrorSubject::Vote))?;
        self.complete(|done| Job::Vote { batch, done })
            .await
            .map_err(write_error(ErrorSubject::Vote))?;
        self.update(|cache| cache.vote = Some(*vote));
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        Ok(self.reader.read(|cache| cache.vote))
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let batch = codec::committed(self.level.get(), committed)
            .map_err(write_error(ErrorSubject::Store))?;
        self.update(|cache| cache.committed = committed);
        // Not waited for: it saves work after a restart, and losing it loses nothing else.
        self.submit(Job::Committed { batch }).await.map_err(write_error(ErrorSubject::Store))
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        Ok(self.reader.read(|cache| cache.committed))
    }

    async fn append<I>(
        &mut self,
        entries: I,
        flushed: LogFlushed<TypeConfig>,
    ) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let (format, mut batch) = (self.level.get(), Batch::default());
        let mut appended = Vec::new();
        for entry in entries {
            let subject = ErrorSubject::Log(entry.log_id);
            let size = codec::entry(format, &entry, &mut batch).map_err(write_error(subject))?;
            appended.push((entry.log_id.index, Cached { entry, size }));
        }
        self.update(|cache| cache.entries.extend(appended));
        self.submit(Job::Append { batch, flushed }).await.map_err(write_error(ErrorSubject::Logs))
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        self.update(|cache| cache.entries.split_off(&log_id.index));
        self.complete(|done| Job::Truncate { from: log_id.index, done })
            .await
            .map_err(write_error(ErrorSubject::Log(log_id)))
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let marker = codec::purged(self.level.get(), &log_id)
            .map_err(write_error(ErrorSubject::Log(log_id)))?;
        self.update(|cache| {
            cache.entries = cache.entries.split_off(&(log_id.index + 1));
            cache.purged = Some(log_id);
        });
        // Not waited for: entries that come back after a crash do no harm, and the core must not stand still meanwhile.
        self.submit(Job::Purge { marker, upto: log_id.index })
            .await
            .map_err(write_error(ErrorSubject::Log(log_id)))
    }
}

fn write_error(subject: ErrorSubject<RaftId>) -> impl FnOnce(io::Error) -> StorageError {
    move |error| StorageIOError::new(subject, ErrorVerb::Write, AnyError::new(&error)).into()
}

#[cfg(test)]
mod tests;
