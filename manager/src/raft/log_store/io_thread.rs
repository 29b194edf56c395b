//! The one thread that writes the log.

use std::io;

use openraft::storage::LogFlushed;
use swarmlite_proto::error::chain;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::oneshot;

use super::codec;
use crate::raft::disk::Batch;
use crate::raft::disk::Disk;
use crate::raft::types::TypeConfig;

/// How many keys are deleted at a time, so that an append never waits long for a purge.
const PURGE_KEYS: usize = 256;

/// Something to write.
pub(in crate::raft) enum Job {
    /// Entries; acknowledged once flushed.
    Append {
        /// The entries.
        batch: Batch,
        /// Tells raft.
        flushed: LogFlushed<TypeConfig>,
    },
    /// The vote; acknowledged once flushed.
    Vote {
        /// The vote.
        batch: Batch,
        /// Tells raft.
        done: oneshot::Sender<io::Result<()>>,
    },
    /// The committed index; flushed with whatever is flushed next.
    Committed {
        /// The index.
        batch: Batch,
    },
    /// Writes everything anew.
    Rewrite {
        /// Tells who asked.
        done: oneshot::Sender<io::Result<()>>,
    },
    /// Deletes the newest entries.
    Truncate {
        /// The first of them.
        from: u64,
        /// Tells raft.
        done: oneshot::Sender<io::Result<()>>,
    },
    /// Deletes the oldest entries: records the fact at once, and does it when there is nothing else to do.
    Purge {
        /// The record.
        marker: Batch,
        /// The last of them.
        upto: u64,
    },
}

/// Carries out jobs, in their order.
pub(in crate::raft) struct Writer<D> {
    disk: D,
    jobs: mpsc::Receiver<Job>,
    /// Entries up to here are to be deleted.
    purging: Option<u64>,
    /// What went wrong. After a failed write or flush nobody knows what is on the disk, so that nothing more is acknowledged.
    failed: Option<String>,
}

impl<D: Disk> Writer<D> {
    pub(super) fn new(disk: D, jobs: mpsc::Receiver<Job>, purging: Option<u64>) -> Self {
        Self { disk, jobs, purging, failed: None }
    }

    /// Serves until nobody can send any more. Blocks.
    pub(super) fn run(mut self) {
        loop {
            let job = if self.purging.is_some() { self.jobs.try_recv() } else { self.wait() };
            match job {
                Ok(job) => self.serve(job),
                Err(TryRecvError::Empty) => self.purge_some(),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        if let Err(error) = self.attempt(Disk::flush) {
            tracing::error!(error = chain(&error), "cannot flush the raft log at its end");
        }
    }

    fn wait(&mut self) -> Result<Job, TryRecvError> {
        self.jobs.blocking_recv().ok_or(TryRecvError::Disconnected)
    }

    /// The same as a task, for a disk that does not block. Each job takes as long as `pause` says then.
    #[cfg(test)]
    pub(in crate::raft) async fn run_slowly(
        mut self,
        mut pause: impl FnMut() -> std::time::Duration,
    ) {
        while let Some(job) = self.jobs.recv().await {
            tokio::time::sleep(pause()).await;
            self.serve(job);
            while self.purging.is_some() && self.jobs.is_empty() {
                self.purge_some();
            }
        }
        // The disk may be gone.
        let _ = self.attempt(Disk::flush);
    }

    fn serve(&mut self, job: Job) {
        match job {
            Job::Append { batch, flushed } => {
                flushed.log_io_completed(self.attempt(|disk| write_and_flush(disk, batch)));
            }
            Job::Vote { batch, done } => {
                let _ = done.send(self.attempt(|disk| write_and_flush(disk, batch)));
            }
            Job::Committed { batch } => self.unanswered(|disk| disk.write(batch)),
            Job::Rewrite { done } => {
                let _ = done.send(self.attempt(Disk::rewrite));
            }
            Job::Truncate { from, done } => {
                let _ = done.send(self.attempt(|disk| truncate(disk, from)));
            }
            Job::Purge { marker, upto } => {
                self.unanswered(|disk| disk.write(marker));
                self.purging = Some(upto);
            }
        }
    }

    fn purge_some(&mut self) {
        let Some(upto) = self.purging else { return };
        let mut left = false;
        self.unanswered(|disk| {
            let removes = disk.keys(codec::keys(0..upto + 1), PURGE_KEYS)?;
            left = removes.len() == PURGE_KEYS;
            disk.write(Batch { puts: Vec::new(), removes })
        });
        if !left {
            self.purging = None;
        }
    }

    fn attempt(&mut self, work: impl FnOnce(&mut D) -> io::Result<()>) -> io::Result<()> {
        if let Some(failed) = &self.failed {
            return Err(io::Error::other(format!("the disk has failed before: {failed}")));
        }
        let outcome = work(&mut self.disk);
        if let Err(error) = &outcome {
            tracing::error!(error = chain(error), "the disk of the raft log has failed");
            self.failed = Some(error.to_string());
        }
        outcome
    }

    /// As [`Self::attempt`] where nobody waits: the next job that somebody waits for reports the failure.
    fn unanswered(&mut self, work: impl FnOnce(&mut D) -> io::Result<()>) {
        let _ = self.attempt(work);
    }
}

fn write_and_flush(disk: &mut impl Disk, batch: Batch) -> io::Result<()> {
    disk.write(batch)?;
    disk.flush()
}

fn truncate(disk: &mut impl Disk, from: u64) -> io::Result<()> {
    let removes = disk.keys(codec::keys(from..u64::MAX), usize::MAX)?;
    disk.write(Batch { puts: Vec::new(), removes })
}
