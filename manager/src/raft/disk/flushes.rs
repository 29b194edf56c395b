//! How often a database was flushed: once in the database, and once beside it.
//!
//! The number beside it is written after the flush, and never flushed itself: it may be lost, but it is never ahead of what has reached the disk. A database that
//! has a lower one has lost what was acknowledged.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::failed;

/// A tree of its own, which versions that do not count leave alone.
const TREE: &str = "flushes";
const KEY: &[u8] = b"";
const NAME: &str = "flushes";

/// The two numbers. They are the same but for a flush that is under way.
pub(super) struct Flushes {
    inside: sled::Tree,
    beside: File,
    count: u64,
}

impl Flushes {
    /// Those of the database in `dir`. One that has not counted yet begins now.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] when flushes are missing in it.
    pub(super) fn open(dir: &Path, db: &sled::Db) -> io::Result<Self> {
        let inside = db.open_tree(TREE).map_err(failed)?;
        let count = inside.get(KEY).map_err(failed)?;
        let count = count.as_deref().and_then(number).unwrap_or_default();
        let path = dir.join(NAME);
        let beside =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut last = [0; size_of::<u64>()];
        let known = match beside.read_exact_at(&mut last, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            outcome => outcome.map(|()| u64::from_be_bytes(last))?,
        };
        if known > count {
            let message = format!("it was flushed {known} times, and ends after {count} of them");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Self { inside, beside, count })
    }

    /// Before a flush, after all that is to be flushed.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.count += 1;
        self.inside.insert(KEY, &self.count.to_be_bytes()).map_err(failed)?;
        Ok(())
    }

    /// After it.
    pub(super) fn end(&self) -> io::Result<()> {
        self.beside.write_all_at(&self.count.to_be_bytes(), 0)
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::disk::Batch;
    use crate::raft::disk::Disk;
    use crate::raft::disk::SledDisk;

    fn write(disk: &mut SledDisk, key: u8) {
        disk.write(Batch { puts: vec![(vec![key], vec![0; 512])], removes: Vec::new() })
            .expect("is written");
        disk.flush().expect("is flushed");
    }

    /// What is wrong with the database in `dir`.
    fn damage(dir: &Path) -> String {
        let error = SledDisk::open(dir).err().expect("must not open");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        error.to_string()
    }

    #[test]
    fn a_database_that_is_what_it_was_before_is_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut disk = SledDisk::open(dir.path()).expect("opens");
        write(&mut disk, 1);
        let db = dir.path().join("db");
        let before = std::fs::read(&db).expect("is there");
        write(&mut disk, 2);
        drop(disk);
        std::fs::write(&db, before).expect("is replaced");
        assert_eq!(damage(dir.path()), "it was flushed 2 times, and ends after 1 of them");
        // Who would rather have what is left takes the number away.
        std::fs::remove_file(dir.path().join(NAME)).expect("is there");
        let mut disk = SledDisk::open(dir.path()).expect("opens");
        assert_eq!(disk.scan().expect("reads").len(), 1);
        write(&mut disk, 3);
        drop(disk);
        assert_eq!(SledDisk::open(dir.path()).expect("opens").scan().expect("reads").len(), 2);
    }

    #[test]
    fn what_was_spoiled_anywhere_is_noticed_or_does_no_harm() {
        const SPOILED: usize = 4096;
        let dir = tempfile::tempdir().expect("a directory");
        let mut disk = SledDisk::open(dir.path()).expect("opens");
        (0..200).for_each(|key| write(&mut disk, key));
        let all = disk.scan().expect("reads");
        let db = dir.path().join("db");
        let whole = std::fs::read(&db).expect("is there");
        let copy = tempfile::tempdir().expect("a directory");
        std::fs::copy(dir.path().join("conf"), copy.path().join("conf")).expect("copies");
        let mut noticed = 0;
        for at in (0..whole.len() - SPOILED).step_by(8 * SPOILED) {
            let mut spoiled = whole.clone();
            spoiled[at..at + SPOILED].fill(0xa5);
            std::fs::write(copy.path().join("db"), spoiled).expect("is written");
            std::fs::copy(dir.path().join(NAME), copy.path().join(NAME)).expect("copies");
            let opened = std::panic::catch_unwind(|| {
                SledDisk::open(copy.path()).and_then(|disk| disk.scan())
            });
            match opened {
                Ok(Ok(items)) => assert_eq!(items, all, "spoiled at {at}"),
                Ok(Err(_)) | Err(_) => noticed += 1,
            }
        }
        assert!(noticed > 0, "nothing was in the file");
    }

    #[test]
    fn a_database_that_has_not_counted_begins_to() {
        let dir = tempfile::tempdir().expect("a directory");
        drop(sled::open(dir.path()).expect("opens"));
        write(&mut SledDisk::open(dir.path()).expect("opens"), 1);
        assert_eq!(std::fs::read(dir.path().join(NAME)).expect("is there"), 1_u64.to_be_bytes());
        // Nor is it missed where the number is lost.
        std::fs::remove_file(dir.path().join(NAME)).expect("was there");
        drop(SledDisk::open(dir.path()).expect("opens"));
    }
}
