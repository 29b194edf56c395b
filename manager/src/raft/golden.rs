//! Files that older versions have written, kept: what they hold must be read for ever.
//!
//! `golden/format-N` was written by `write` when N was the newest format, with the keys of [`swarmlite_vault::testing`]. It is never written
//! again: a change that makes one of these tests fail would make a manager lose what is on its disk.

mod values;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use openraft::storage::RaftLogStorageExt;
use swarmlite_proto::rpc;
use swarmlite_vault::testing::sealer;

use self::values::committed;
use self::values::entries;
use self::values::meta;
use self::values::purged;
use self::values::state;
use self::values::vote;
use super::disk::Batch;
use super::disk::Disk;
use super::log_store::LogStore;
use super::snapshot::Snapshots;
use crate::state::Snapshot;

/// The formats of which files are kept.
const KEPT: [u8; 1] = [0];

/// Keys and values, as they lie on a disk.
type Items = BTreeMap<Vec<u8>, Vec<u8>>;

/// A disk in memory.
#[derive(Clone, Default)]
struct MemoryDisk {
    items: Arc<Mutex<Items>>,
}

impl MemoryDisk {
    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().expect("sound")
    }
}

impl Disk for MemoryDisk {
    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        Ok(self.items().clone().into_iter().collect())
    }

    fn keys(&self, range: Range<Vec<u8>>, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        Ok(self.items().range(range).map(|(key, _)| key.clone()).take(limit).collect())
    }

    fn write(&mut self, batch: Batch) -> io::Result<()> {
        self.items().extend(batch.puts);
        batch.removes.iter().for_each(|key| drop(self.items().remove(key)));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn folder(format: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/raft/golden/format-{format}"))
}

fn log_of(format: u8) -> Items {
    let bytes = std::fs::read(folder(format).join("log")).expect("is kept");
    rpc::decode(&bytes).expect("keys and values")
}

/// Run once for each format, when it is new.
#[tokio::test]
#[ignore = "writes the files that the other tests read"]
async fn write() {
    let folder = folder(0);
    std::fs::create_dir_all(&folder).expect("a folder");
    let disk = MemoryDisk::default();
    let (mut log, closed) = LogStore::open(disk.clone()).expect("is a log");
    log.save_vote(&vote()).await.expect("writes");
    log.blocking_append(entries()).await.expect("appends");
    log.purge(purged()).await.expect("purges");
    log.save_committed(Some(committed())).await.expect("writes");
    drop(log);
    closed.await.expect("ends");
    let items = rpc::encode(&*disk.items()).expect("encodes");
    std::fs::write(folder.join("log"), items).expect("writes");
    let (snapshots, _) = Snapshots::open(&folder, sealer(&[1])).expect("opens");
    snapshots.build(meta(), state()).expect("writes");
}

#[tokio::test]
async fn the_log_of_every_format_is_read() {
    for format in KEPT {
        let disk = MemoryDisk { items: Arc::new(Mutex::new(log_of(format))) };
        let (mut log, _closed) = LogStore::open(disk).expect("is a log");
        let read = log.try_get_log_entries(..).await.expect("reads");
        let expected: Vec<_> =
            entries().into_iter().filter(|entry| entry.log_id > purged()).collect();
        assert_eq!(read, expected, "format {format}");
        assert_eq!(log.read_vote().await.expect("reads"), Some(vote()));
        assert_eq!(log.read_committed().await.expect("reads"), Some(committed()));
        let state = log.get_log_state().await.expect("reads");
        assert_eq!(state.last_purged_log_id, Some(purged()));
    }
}

#[test]
fn the_snapshot_of_every_format_is_read() {
    for format in KEPT {
        let (_, current) = Snapshots::open(&folder(format), sealer(&[1])).expect("opens");
        let (read, found) = current.expect("is there");
        assert_eq!(read, meta(), "format {format}");
        assert_eq!(Snapshot::from(found), Snapshot::from(state()), "format {format}");
    }
}
