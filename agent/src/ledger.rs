//! What the node remembers over a restart: its assignments, where managers are, where tasks are, and which it started again by itself.
//!
//! Each is one file, replaced whole and flushed before anybody acts on it: a digest, so that a damaged file is noticed, and a record
//! ([`swarmlite_proto::format`]). A damaged file counts as absent: the node then waits for a manager to tell it everything again, and touches no
//! container until then. One that a newer version has written is left alone, and the node does not start.
//!
//! What is written is in the format that the managers say, and before they do in that of the assignments that are there.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest;
use sha2::Sha256;
use swarmlite_proto::error::chain;
use swarmlite_proto::format;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::FormatError;
use swarmlite_proto::format::Newer;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::time::Timestamp;

use crate::assignment::Assignments;
use crate::disk;

const ASSIGNMENTS: &str = "assignments";
const MANAGERS: &str = "managers";
const STATUSES: &str = "statuses";
const RESTARTS: &str = "restarts";

/// Bytes of the digest in front of each file.
const DIGEST_LEN: usize = 32;

/// The ledger cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file system refuses.
    #[error("cannot access {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer version has written the file.
    #[error(transparent)]
    Newer(#[from] Newer),
    /// A value that cannot be written.
    #[error("cannot encode {what}")]
    Encode {
        /// Which value.
        what: &'static str,
        /// Why.
        source: rmp_serde::encode::Error,
    },
}

/// What the node remembers. Calls block on the disk.
#[derive(Debug)]
pub(crate) struct Ledger {
    folder: PathBuf,
    format: Mutex<Format>,
    statuses: Mutex<BTreeMap<TaskId, TaskStatus>>,
    restarts: Mutex<BTreeMap<TaskId, Vec<Timestamp>>>,
}

impl Ledger {
    /// Opens the ledger in `folder`, which is made when something is first written.
    ///
    /// # Errors
    ///
    /// When a file is there and cannot be read.
    pub(crate) fn open(folder: &Path) -> Result<Self, LedgerError> {
        let folder = folder.to_owned();
        let ledger = Self {
            folder,
            format: Mutex::default(),
            statuses: Mutex::default(),
            restarts: Mutex::default(),
        };
        let statuses = Mutex::new(ledger.read(STATUSES)?.unwrap_or_default());
        let restarts = Mutex::new(ledger.read(RESTARTS)?.unwrap_or_default());
        let body = ledger.body(ASSIGNMENTS)?;
        let format = Mutex::new(body.as_deref().map(format::of).unwrap_or_default());
        Ok(Self { format, statuses, restarts, ..ledger })
    }

    /// Writes in `format` from now on.
    pub(crate) fn write_in(&self, format: Format) {
        *lock(&self.format) = format;
    }

    /// The assignments kept; `None` if there are none.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub(crate) fn assignments(&self) -> Result<Option<Assignments>, LedgerError> {
        self.read(ASSIGNMENTS)
    }

    /// Keeps `assignments` in place of those before, without what is secret in them.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub(crate) fn keep_assignments(&self, assignments: &Assignments) -> Result<(), LedgerError> {
        self.write(ASSIGNMENTS, &assignments.for_disk())
    }

    /// Where managers were last known to be.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub(crate) fn managers(&self) -> Result<Vec<SocketAddr>, LedgerError> {
        Ok(self.read(MANAGERS)?.unwrap_or_default())
    }

    /// Keeps where managers are.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn keep_managers(&self, managers: &[SocketAddr]) -> Result<(), LedgerError> {
        self.write(MANAGERS, &managers)
    }

    /// Where `task` was last, if it ever ran or has ended.
    #[must_use]
    pub(crate) fn status(&self, task: &TaskId) -> Option<TaskStatus> {
        lock(&self.statuses).get(task).cloned()
    }

    /// Keeps where `task` is, so that it is not begun anew after a restart, and goes on with what was said about it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn keep_status(
        &self,
        task: &TaskId,
        status: &TaskStatus,
    ) -> Result<(), LedgerError> {
        let mut statuses = lock(&self.statuses);
        statuses.insert(task.clone(), status.clone());
        self.write(STATUSES, &*statuses)
    }

    /// When `task` was started again by policy, without managers.
    #[must_use]
    pub(crate) fn restarts(&self, task: &TaskId) -> Vec<Timestamp> {
        lock(&self.restarts).get(task).cloned().unwrap_or_default()
    }

    /// Keeps when `task` was started again, in place of what was kept before.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn keep_restarts(
        &self,
        task: &TaskId,
        at: Vec<Timestamp>,
    ) -> Result<(), LedgerError> {
        let mut restarts = lock(&self.restarts);
        restarts.insert(task.clone(), at);
        self.write(RESTARTS, &*restarts)
    }

    /// Forgets the tasks that are not in `assignments` any more.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn forget_tasks(&self, assignments: &Assignments) -> Result<(), LedgerError> {
        self.retain(STATUSES, &self.statuses, assignments)?;
        self.retain(RESTARTS, &self.restarts, assignments)
    }

    /// Forgets everything: the node has left.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed.
    pub(crate) fn clear(&self) -> Result<(), LedgerError> {
        lock(&self.statuses).clear();
        lock(&self.restarts).clear();
        [ASSIGNMENTS, MANAGERS, STATUSES, RESTARTS].into_iter().try_for_each(|name| {
            let path = self.folder.join(name);
            disk::remove(&path).map_err(|source| LedgerError::Io { path, source })
        })
    }

    fn retain<T: Serialize>(
        &self,
        name: &'static str,
        kept: &Mutex<BTreeMap<TaskId, T>>,
        assignments: &Assignments,
    ) -> Result<(), LedgerError> {
        let mut kept = lock(kept);
        let before = kept.len();
        kept.retain(|task, _| assignments.tasks.contains_key(task));
        if kept.len() == before { Ok(()) } else { self.write(name, &*kept) }
    }

    fn write<T: Serialize>(&self, name: &'static str, value: &T) -> Result<(), LedgerError> {
        let body = format::encode(*lock(&self.format), value)
            .map_err(|source| LedgerError::Encode { what: name, source })?;
        let content = [Sha256::digest(&body).as_slice(), &body].concat();
        let path = self.folder.join(name);
        // Environment variables of tasks are often secret.
        disk::replace(&path, &content, 0o600).map_err(|source| LedgerError::Io { path, source })
    }

    fn read<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, LedgerError> {
        let Some(body) = self.body(name)? else { return Ok(None) };
        let path = self.folder.join(name);
        match format::decode(&path.display().to_string(), &body) {
            Ok(value) => Ok(Some(value)),
            Err(FormatError::Newer(newer)) => Err(newer.into()),
            Err(error @ FormatError::Damaged { .. }) => {
                tracing::error!(error = chain(&error), "file is damaged and is not used");
                Ok(None)
            }
        }
    }

    /// The record in a file, if that is there and whole.
    fn body(&self, name: &'static str) -> Result<Option<Vec<u8>>, LedgerError> {
        let path = self.folder.join(name);
        let content =
            disk::read(&path).map_err(|source| LedgerError::Io { path: path.clone(), source })?;
        let Some(mut content) = content else { return Ok(None) };
        let whole = content
            .split_at_checked(DIGEST_LEN)
            .is_some_and(|(digest, body)| Sha256::digest(body).as_slice() == digest);
        if !whole {
            tracing::error!(path = %path.display(), "file is damaged and is not used");
            return Ok(None);
        }
        Ok(Some(content.split_off(DIGEST_LEN)))
    }
}

/// Nobody panics half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
