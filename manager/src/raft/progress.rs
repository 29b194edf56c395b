//! How far raft is, and what it has counted, for those who look on.

use super::LOG;
use super::RaftStore;
use super::disk;
use crate::metrics::RaftMetrics;
use crate::metrics::RaftProgress;

impl<T> RaftStore<T> {
    /// What raft has counted since this manager was started.
    pub(crate) fn metrics(&self) -> &RaftMetrics {
        &self.inner.metrics
    }

    /// How far raft is. Asks the file system for the size of the log.
    pub(crate) fn progress(&self) -> RaftProgress {
        let metrics = self.inner.raft.metrics().borrow().clone();
        RaftProgress {
            leads: self.inner.leadership.borrow().leader,
            term: metrics.current_term,
            last_log_index: metrics.last_log_index.unwrap_or_default(),
            applied_index: metrics.last_applied.map_or(0, |log_id| log_id.index),
            snapshot_index: metrics.snapshot.map_or(0, |log_id| log_id.index),
            log_bytes: disk::size(&self.inner.dir.join(LOG)).ok(),
        }
    }
}
