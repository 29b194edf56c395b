//! The disk under the raft log: small values under ordered keys.
//!
//! Knows nothing of raft. sled's own `flush` is not an `fsync` on Linux (it ends in `sync_file_range`, which leaves the disk's cache and the
//! file's metadata alone), so that [`SledDisk`] adds what is missing. And sled takes what was spoiled in its file for what a crash has cut off, and goes on
//! with what was there before: so [`flushes`] counts, beside that file, what has reached the disk.

mod flushes;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use self::flushes::Flushes;

/// How much sled may keep in memory, in bytes. Little, as the log is read from the disk once, at the start. sled's default is 1 GiB.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// How long the lock of a database is waited for. Threads of sled's own may hold it for a moment after the database was closed.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Changes that reach the disk together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Values to store.
    pub(crate) puts: Vec<(Vec<u8>, Vec<u8>)>,
    /// Keys to forget.
    pub(crate) removes: Vec<Vec<u8>>,
}

/// Keeps small values under ordered keys. Blocks; only the log's own thread may call it.
pub(crate) trait Disk: Send + 'static {
    /// Everything, in the order of the keys.
    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>>;

    /// The keys in `range`, in order, at most `limit`.
    fn keys(&self, range: Range<Vec<u8>>, limit: usize) -> io::Result<Vec<Vec<u8>>>;

    /// Carries out `batch`. May be lost in a crash until [`Disk::flush`], but not without what was written later.
    fn write(&mut self, batch: Batch) -> io::Result<()>;

    /// Returns when everything written survives the loss of power.
    fn flush(&mut self) -> io::Result<()>;

    /// Writes everything anew, where the way it is written has changed. For most disks it never does.
    fn rewrite(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sled database.
pub(crate) struct SledDisk {
    db: sled::Db,
    /// sled's one data file, for the `fdatasync` that sled leaves out.
    file: File,
    flushes: Flushes,
}

impl SledDisk {
    /// Opens or makes the database in `dir`.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        wait_until_free(&dir.join("db"))?;
        remove_unfinished(dir)?;
        let db =
            sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).open().map_err(failed)?;
        let file = File::open(dir.join("db"))?;
        let flushes = Flushes::open(dir, &db)?;
        db.flush()?;
        file.sync_all()?;
        File::open(dir.join("conf"))?.sync_all()?;
        File::open(dir)?.sync_all()?;
        if let Some(parent) = dir.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { db, file, flushes })
    }
}

/// Bytes that the files under `dir` take on the disk.
pub(crate) fn size(dir: &Path) -> io::Result<u64> {
    /// What [`MetadataExt::blocks`] counts in (stat(2)).
    const BLOCK: u64 = 512;
    std::fs::read_dir(dir)?.try_fold(0, |sum, entry| {
        let entry = entry?;
        let size = match entry.file_type()?.is_dir() {
            true => size(&entry.path())?,
            false => entry.metadata()?.blocks() * BLOCK,
        };
        Ok(sum + size)
    })
}

/// Waits until nobody holds the lock of sled's data file, if it is there, but not for ever: sled then says that it is locked.
fn wait_until_free(path: &Path) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (free, waiting) = mpsc::channel();
    std::thread::Builder::new().name("raft-lock".to_owned()).spawn(move || {
        let locked = file.lock();
        drop(file);
        // Nobody may be waiting any more.
        let _ = free.send(locked);
    })?;
    waiting.recv_timeout(LOCK_PATIENCE).unwrap_or(Ok(()))
}

/// Removes what sled had begun to write of a snapshot of its page table when it was killed, or when the disk was full. It gives such a file its
/// name when it is whole, and yet would take the unfinished one for the newest, and itself for damaged (`pagecache/snapshot.rs`, 0.34.7).
fn remove_unfinished(dir: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Damage is [`io::ErrorKind::InvalidData`], as everywhere; sled calls it a bad input.
fn failed(error: sled::Error) -> io::Error {
    match error {
        sled::Error::Corruption { .. } => io::Error::new(io::ErrorKind::InvalidData, error),
        error => error.into(),
    }
}

impl Disk for SledDisk {
    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.db
            .iter()
            .map(|item| {
                let (key, value) = item.map_err(failed)?;
                Ok((key.to_vec(), value.to_vec()))
            })
            .collect()
    }

    fn keys(&self, range: Range<Vec<u8>>, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        self.db.range(range).keys().take(limit).map(|key| Ok(key?.to_vec())).collect()
    }

    fn write(&mut self, batch: Batch) -> io::Result<()> {
        let mut changes = sled::Batch::default();
        for (key, value) in batch.puts {
            changes.insert(key, value);
        }
        for key in batch.removes {
            changes.remove(key);
        }
        self.db.apply_batch(changes)?;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushes.begin()?;
        self.db.flush()?;
        self.file.sync_data()?;
        self.flushes.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_counts_files_in_folders_too() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("inner")).expect("is made");
        assert_eq!(size(dir.path()).expect("is there"), 0);
        for name in ["one", "inner/two"] {
            std::fs::write(dir.path().join(name), [1; 8192]).expect("is written");
        }
        assert!(size(dir.path()).expect("is there") >= 2 * 8192);
        size(&dir.path().join("missing")).expect_err("is not there");
    }

    #[test]
    fn a_snapshot_that_was_not_finished_does_no_harm() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut disk = SledDisk::open(dir.path()).expect("opens");
        let puts = vec![(b"key".to_vec(), b"value".to_vec())];
        disk.write(Batch { puts: puts.clone(), removes: Vec::new() }).expect("is written");
        disk.flush().expect("is flushed");
        drop(disk);
        let unfinished = dir.path().join("snap.FFFFFFFFFFFFFFFF.generating");
        std::fs::write(&unfinished, "").expect("is written");
        let disk = SledDisk::open(dir.path()).expect("opens");
        assert_eq!(disk.scan().expect("reads"), puts);
        assert!(!unfinished.exists());
    }

    #[test]
    fn a_database_that_is_just_being_closed_is_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        drop(SledDisk::open(dir.path()).expect("opens"));
        let path = dir.path().join("db");
        wait_until_free(&path).expect("is closed in the end");
        let held = File::open(&path).expect("is there");
        held.lock().expect("is free");
        let inode = format!(":{} ", held.metadata().expect("is there").ino());
        let opening = std::thread::spawn({
            let dir = dir.path().to_owned();
            move || SledDisk::open(&dir).map(drop)
        });
        // The kernel lists who waits for a lock (proc(5), /proc/locks).
        let waits = |line: &str| line.contains("->") && line.contains(&inode);
        while !std::fs::read_to_string("/proc/locks").expect("Linux").lines().any(waits) {
            assert!(!opening.is_finished(), "it has not waited");
            std::thread::yield_now();
        }
        drop(held);
        opening.join().expect("ends").expect("opens");
    }
}
