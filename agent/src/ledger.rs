//! What the node remembers over a restart: its assignments, where managers are, and how tasks ended.
//!
//! Each is one file, replaced whole and flushed before anybody acts on it, with a digest in front, so that a damaged file is noticed. A damaged
//! file counts as absent: the node then waits for a manager to tell it everything again, and touches no container until then.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest;
use sha2::Sha256;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::rpc;

use crate::assignment::Assignments;
use crate::disk;

const ASSIGNMENTS: &str = "assignments";
const MANAGERS: &str = "managers";
const ENDINGS: &str = "endings";

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
pub struct Ledger {
    folder: PathBuf,
    endings: Mutex<BTreeMap<TaskId, TaskStatus>>,
}

impl Ledger {
    /// Opens the ledger in `folder`, which is made when something is first written.
    ///
    /// # Errors
    ///
    /// When a file is there and cannot be read.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let ledger = Self { folder: folder.to_owned(), endings: Mutex::default() };
        let endings = ledger.read(ENDINGS)?.unwrap_or_default();
        Ok(Self { endings: Mutex::new(endings), ..ledger })
    }

    /// The assignments kept; `None` if there are none.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn assignments(&self) -> Result<Option<Assignments>, LedgerError> {
        self.read(ASSIGNMENTS)
    }

    /// Keeps `assignments` in place of those before.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn keep_assignments(&self, assignments: &Assignments) -> Result<(), LedgerError> {
        self.write(ASSIGNMENTS, assignments)
    }

    /// Where managers were last known to be.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn managers(&self) -> Result<Vec<SocketAddr>, LedgerError> {
        Ok(self.read(MANAGERS)?.unwrap_or_default())
    }

    /// Keeps where managers are.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn keep_managers(&self, managers: &[SocketAddr]) -> Result<(), LedgerError> {
        self.write(MANAGERS, &managers)
    }

    /// How `task` ended, if it did.
    #[must_use]
    pub fn ending(&self, task: &TaskId) -> Option<TaskStatus> {
        self.endings.lock().unwrap_or_else(PoisonError::into_inner).get(task).cloned()
    }

    /// Keeps how `task` ended, so that it is not begun anew after a restart.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn keep_ending(&self, task: &TaskId, status: &TaskStatus) -> Result<(), LedgerError> {
        let mut endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        endings.insert(task.clone(), status.clone());
        self.write(ENDINGS, &*endings)
    }

    /// Forgets how tasks ended that are not in `assignments` any more.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn forget_endings(&self, assignments: &Assignments) -> Result<(), LedgerError> {
        let mut endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        let before = endings.len();
        endings.retain(|task, _| assignments.tasks.contains_key(task));
        if endings.len() == before { Ok(()) } else { self.write(ENDINGS, &*endings) }
    }

    /// Forgets everything: the node has left.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed.
    pub fn clear(&self) -> Result<(), LedgerError> {
        self.endings.lock().unwrap_or_else(PoisonError::into_inner).clear();
        [ASSIGNMENTS, MANAGERS, ENDINGS].into_iter().try_for_each(|name| {
            let path = self.folder.join(name);
            disk::remove(&path).map_err(|source| LedgerError::Io { path, source })
        })
    }

    fn write<T: Serialize>(&self, name: &'static str, value: &T) -> Result<(), LedgerError> {
        let body =
            rpc::encode(value).map_err(|source| LedgerError::Encode { what: name, source })?;
        let content = [Sha256::digest(&body).as_slice(), &body].concat();
        let path = self.folder.join(name);
        // Environment variables of tasks are often secret.
        disk::replace(&path, &content, 0o600).map_err(|source| LedgerError::Io { path, source })
    }

    fn read<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, LedgerError> {
        let path = self.folder.join(name);
        let content =
            disk::read(&path).map_err(|source| LedgerError::Io { path: path.clone(), source })?;
        let Some(content) = content else { return Ok(None) };
        let value = content
            .split_at_checked(DIGEST_LEN)
            .filter(|(digest, body)| Sha256::digest(body).as_slice() == *digest)
            .and_then(|(_, body)| rpc::decode(body).ok());
        if value.is_none() {
            tracing::error!(path = %path.display(), "file is damaged and is not used");
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use swarmlite_proto::task_state::TaskState;
    use swarmlite_proto::version::Generation;

    use super::*;

    fn known(generation: u64) -> Assignments {
        Assignments { generation: Generation(generation), ..Assignments::default() }
    }

    fn task(letter: char) -> TaskId {
        letter.to_string().repeat(25).parse().expect("an id")
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let managers = vec!["192.0.2.1:2377".parse().expect("an address")];
        let failed = TaskStatus { state: TaskState::Failed, ..TaskStatus::default() };
        let ledger = Ledger::open(folder.path()).expect("opens");
        assert_eq!(ledger.assignments().expect("reads"), None);
        ledger.keep_assignments(&known(7)).expect("writes");
        ledger.keep_managers(&managers).expect("writes");
        ledger.keep_ending(&task('a'), &failed).expect("writes");

        let ledger = Ledger::open(folder.path()).expect("opens again");
        assert_eq!(ledger.assignments().expect("reads"), Some(known(7)));
        assert_eq!(ledger.managers().expect("reads"), managers);
        assert_eq!(ledger.ending(&task('a')), Some(failed));

        ledger.forget_endings(&known(8)).expect("writes");
        let ledger = Ledger::open(folder.path()).expect("opens again");
        assert_eq!(ledger.ending(&task('a')), None);
        ledger.clear().expect("removes");
        assert_eq!(ledger.assignments().expect("reads"), None);
    }

    #[test]
    fn a_write_that_was_torn_leaves_the_old_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(folder.path()).expect("opens");
        ledger.keep_assignments(&known(1)).expect("writes");
        let whole = fs::read(folder.path().join(ASSIGNMENTS)).expect("is there");
        fs::write(folder.path().join("assignments.new"), &whole[..5]).expect("a crash");
        assert_eq!(ledger.assignments().expect("reads"), Some(known(1)));
        ledger.keep_assignments(&known(2)).expect("writes");
        assert_eq!(ledger.assignments().expect("reads"), Some(known(2)));
    }

    #[test]
    fn no_damage_goes_unnoticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ASSIGNMENTS);
        let ledger = Ledger::open(folder.path()).expect("opens");
        ledger.keep_assignments(&known(1)).expect("writes");
        let whole = fs::read(&path).expect("is there");
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("cuts it");
            assert_eq!(ledger.assignments().expect("reads"), None, "cut at {length}");
        }
        for position in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[position] ^= 1;
            fs::write(&path, flipped).expect("flips a bit");
            assert_eq!(ledger.assignments().expect("reads"), None, "flipped at {position}");
        }
    }
}
