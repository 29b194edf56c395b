//! Files that older versions have written, kept: what they hold must be read for ever.
//!
//! `golden/format-N` was written by `write` when N was the newest format, with the keys of [`swarmlite_vault::testing`]. It is never written
//! again: a change that makes one of these tests fail would make a manager lose what is on its disk.

mod spoiled;
mod values;

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use openraft::storage::RaftLogStorageExt;
use openraft::storage::RaftStateMachine;
use swarmlite_proto::format::Format;
use swarmlite_proto::messagepack;
use swarmlite_vault::Purpose;
use swarmlite_vault::SealedWriter;
use swarmlite_vault::testing::sealer;

use self::values::cluster_in;
use self::values::committed;
use self::values::entries;
use self::values::meta;
use self::values::purged;
use self::values::state;
use self::values::vote;
use super::disk::Batch;
use super::disk::Disk;
use super::level::Level;
use super::log_store::LogStore;
use super::snapshot::Snapshots;
use super::state_machine::StateMachine;
use super::types::Entry;
use crate::state::Snapshot;

/// The formats of which files are kept.
const KEPT: [Format; 5] =
    [Format::UNMARKED, Format::FIRST, Format::HTTP, Format::ACME, Format::HTTP_OPTIONS];

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

fn folder(format: Format) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/raft/golden/format-{format}"))
}

fn log_of(format: Format) -> Items {
    let bytes = std::fs::read(folder(format).join("log")).expect("is kept");
    messagepack::decode(&bytes).expect("keys and values")
}

/// Run once for each format, when it is new.
#[tokio::test]
#[ignore = "writes the files that the other tests read"]
async fn write() {
    let (format, folder) = (Format::newest(), folder(Format::newest()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let disk = MemoryDisk::default();
    let (log, closed) = LogStore::open(disk.clone()).expect("is a log");
    let level = Level::default();
    level.set(format);
    let mut log = log.writing_in(level);
    log.save_vote(&vote()).await.expect("writes");
    log.blocking_append(entries(format)).await.expect("appends");
    log.purge(purged()).await.expect("purges");
    log.save_committed(Some(committed())).await.expect("writes");
    drop(log);
    closed.await.expect("ends");
    let items = messagepack::encode(&*disk.items()).expect("encodes");
    std::fs::write(folder.join("log"), items).expect("writes");
    let (snapshots, _) = Snapshots::open(&folder, sealer(&[1])).expect("opens");
    snapshots.build(meta(), state(format)).expect("writes");
}

#[tokio::test]
async fn the_log_of_every_format_is_read() {
    for format in KEPT {
        let disk = MemoryDisk { items: Arc::new(Mutex::new(log_of(format))) };
        let (mut log, _closed) = LogStore::open(disk).expect("is a log");
        let read = log.try_get_log_entries(..).await.expect("reads");
        let expected: Vec<_> =
            entries(format).into_iter().filter(|entry| entry.log_id > purged()).collect();
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
        assert_eq!(Snapshot::from(found), Snapshot::from(state(format)), "format {format}");
    }
}

/// What the records of a format are refused with that does not exist yet.
const REFUSED: &str = "was written by a newer swarmlite (format 9, this one reads up to";

#[tokio::test]
async fn a_log_of_a_newer_format_is_refused() {
    for kind in [b'v', b'c', b'p', b'e'] {
        let mut items = log_of(Format::FIRST);
        let values = items.iter_mut().filter(|(key, _)| key[0] == kind);
        values.for_each(|(_, value)| value[0] = 9);
        let error = LogStore::open(MemoryDisk { items: Arc::new(Mutex::new(items)) });
        let error = error.expect_err("is newer").to_string();
        assert!(error.starts_with(&format!("the raft log {REFUSED}")), "{error}");
        assert!(error.ends_with("): upgrade this node"), "{error}");
    }
}

#[test]
fn an_entry_of_a_newer_format_is_refused_on_its_way() {
    let entry = entries(Format::FIRST).swap_remove(2);
    let mut sent = messagepack::encode(&entry).expect("encodes");
    assert_eq!(messagepack::decode::<Entry>(&sent).expect("decodes"), entry);
    // The transactions are bytes, whose length of two bytes is in front of them.
    let name = b"Normal";
    let at = sent.windows(name.len()).position(|bytes| bytes == name).expect("is there");
    let format = &mut sent[at + name.len() + 3];
    assert_eq!(*format, 1);
    *format = 9;
    let error = messagepack::decode::<Entry>(&sent).expect_err("is newer").to_string();
    assert!(error.contains(&format!("the log entry {REFUSED}")), "{error}");
}

#[test]
fn a_snapshot_of_a_newer_format_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = std::fs::File::create(dir.path().join("snapshot")).expect("a file");
    let mut writer = SealedWriter::new(file, sealer(&[1]), Purpose::Snapshot).expect("begins");
    writer.write_all(&[9, 0x80]).expect("writes");
    writer.finish().expect("ends");
    let error = Snapshots::open(dir.path(), sealer(&[1])).expect_err("is newer").to_string();
    assert!(error.starts_with(&format!("the snapshot {REFUSED}")), "{error}");
}

#[tokio::test]
async fn a_manager_that_went_back_stops_where_the_cluster_went_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut machine = StateMachine::open(dir.path(), sealer(&[1])).expect("opens");
    let later = serde_json::from_str("9").expect("a format");
    let error = machine.apply(cluster_in(later)).await.expect_err("is newer").to_string();
    assert!(error.contains(&format!("the state of the swarm {REFUSED}")), "{error}");
    machine.apply(cluster_in(Format::FIRST)).await.expect("is known");
    assert_eq!(machine.level().get(), Format::FIRST);
}
