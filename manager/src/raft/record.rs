//! Which member of the cluster the owner of a directory is. Without it the directory belongs to nobody.

use std::fs::File;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::StartError;
use super::types::RaftId;

pub(super) const NAME: &str = "member.json";

/// Which member this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its id in raft.
    pub(crate) raft_id: RaftId,
    /// Where other managers reach it.
    pub(crate) addr: SocketAddr,
    /// Members with a lower id, other than this one, were lost when this manager made a cluster of its own. Should they come back, they
    /// have no say.
    #[serde(default)]
    pub(crate) alone_since: RaftId,
    /// The log has held a vote, and so always does. Versions before there was this field have left it out.
    #[serde(default)]
    pub(crate) voted: bool,
    /// Whether it is a witness.
    #[serde(default)]
    pub(crate) witness: bool,
}

impl Record {
    /// The member `raft_id`, which others reach at `addr`.
    pub(crate) const fn new(raft_id: RaftId, addr: SocketAddr) -> Self {
        Self { raft_id, addr, alone_since: 0, voted: true, witness: false }
    }

    /// Whether what `sender` says is to be ignored.
    pub(crate) const fn refuses(&self, sender: RaftId) -> bool {
        sender < self.alone_since && sender != self.raft_id
    }
}

/// Whether `dir` belongs to a member of a cluster.
#[must_use]
pub fn is_of_member(dir: &Path) -> bool {
    dir.join(NAME).exists()
}

/// The record in `dir`, if there is one.
pub(crate) async fn load(dir: &Path) -> Result<Option<Record>, StartError> {
    on_disk(dir, |dir| match std::fs::read(dir.join(NAME)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

/// Makes `record` the record of `dir`. It is flushed on return.
pub(crate) async fn save(dir: &Path, record: Record) -> Result<(), StartError> {
    on_disk(dir, move |dir| {
        let unfinished = dir.join("member.json.new");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec(&record)?)?;
        file.sync_all()?;
        std::fs::rename(unfinished, dir.join(NAME))?;
        File::open(dir)?.sync_all()
    })
    .await
}

/// Makes an empty directory of `dir`, unless it belongs to a member.
pub(crate) async fn make_room(dir: &Path) -> Result<(), StartError> {
    if load(dir).await?.is_some() {
        return Err(StartError::AlreadyMember(dir.to_owned()));
    }
    on_disk(dir, |dir| {
        remove(dir)?;
        std::fs::create_dir_all(dir)
    })
    .await
}

/// Removes all that the store has kept in `dir`, which must be closed. The member is gone for good: it comes back under another id or never.
///
/// # Errors
///
/// When the disk fails.
pub async fn wipe(dir: &Path) -> Result<(), StartError> {
    on_disk(dir, |dir| {
        // First, so that a half removed directory is not taken for a member's.
        match std::fs::remove_file(dir.join(NAME)) {
            Ok(()) => File::open(dir)?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        remove(dir)
    })
    .await
}

/// Removes a directory, if it is there.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Has `work` done on `dir`, on a thread for blocking work.
pub(super) async fn on_disk<T: Send + 'static>(
    dir: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, StartError> {
    let path = dir.to_owned();
    let outcome = spawn_blocking(move || work(&path)).await;
    outcome
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|source| StartError::told(dir, source))
}
