//! A log or a snapshot that is not what this manager has written: told from a disk that fails, and set aside.
//!
//! A manager that went on with less than it has acknowledged could vote twice in one term, or help to elect a leader that lacks what was committed. So
//! it does not: the others take it as a new member, under another id ([`super::RaftStore::rejoin`]).

use std::fs::File;
use std::io;
use std::path::Path;

use super::StartError;
use super::log_store::LogStore;
use super::record;
use super::record::Record;
use super::state_machine::StateMachine;

/// Where what was set aside is kept, in the directory that it was in: that may be a disk of its own. What was there before goes.
const ASIDE: &str = "damaged";

/// Refuses what can be read, and yet is less than `record` and its own parts say was written. `machine` is as the snapshot has it.
pub(super) fn check(record: Record, log: &LogStore, machine: &StateMachine) -> io::Result<()> {
    let extent = log.extent();
    let snapshot = machine.applied().map(|applied| applied.index);
    let damaged = |message| Err(io::Error::new(io::ErrorKind::InvalidData, message));
    if record.voted && !extent.voted {
        return damaged("the raft log has lost its vote".to_owned());
    }
    if extent.purged > snapshot {
        return damaged(format!(
            "the raft log begins after entry {}, and the snapshot ends at {}",
            shown(extent.purged),
            shown(snapshot)
        ));
    }
    let last = extent.last.max(snapshot);
    if extent.committed > last {
        return damaged(format!(
            "the raft log ends at entry {}, and {} was committed",
            shown(last),
            shown(extent.committed)
        ));
    }
    Ok(())
}

fn shown(index: Option<u64>) -> String {
    index.map_or_else(|| "none".to_owned(), |index| index.to_string())
}

/// Moves all that is in `dir`, which must be closed, out of the way. It then belongs to no member.
pub(super) async fn set_aside(dir: &Path) -> Result<(), StartError> {
    record::on_disk(dir, |dir| {
        let aside = dir.join(ASIDE);
        record::remove(&aside)?;
        std::fs::create_dir(&aside)?;
        // First, so that what is half moved is not taken for a member's.
        move_to(&aside, &dir.join(record::NAME))?;
        File::open(dir)?.sync_all()?;
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path != aside {
                move_to(&aside, &path)?;
            }
        }
        File::open(dir)?.sync_all()
    })
    .await
}

fn move_to(folder: &Path, path: &Path) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Ok(()) };
    match std::fs::rename(path, folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
