//! What lies on the disk of a manager, and what is done to it.

use std::path::Path;
use std::path::PathBuf;

use openraft::CommittedLeaderId;
use openraft::EntryPayload;
use openraft::storage::RaftLogStorageExt;
use swarmlite_proto::format::Format;
use swarmlite_proto::unlock_key::UnlockKey;
use swarmlite_proto::version::Version;
use swarmlite_vault::Vault;
use swarmlite_vault::testing::sealer;
use tempfile::TempDir;

use super::*;
use crate::raft::disk::SledDisk;
use crate::raft::log_store::LogStore;
use crate::raft::snapshot::Snapshots;
use crate::raft::transactions::Transactions;
use crate::raft::types::Entry;
use crate::raft::types::LogId;
use crate::raft::types::SnapshotMeta;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::fixture::commit;
use crate::state::fixture::node;

/// A text that only root may know.
const SECRET: &str = "correct-horse-battery-staple";

fn transaction() -> Transaction {
    let mut node = node(1, 1);
    node.spec.labels.insert("password".to_owned(), SECRET.to_owned());
    Transaction::new(Default::default()).with(Op::PutNode(Box::new(node)))
}

fn entry(index: u64) -> Entry {
    let payload = EntryPayload::Normal(Transactions::new(Format::FIRST, vec![transaction()]));
    Entry { log_id: LogId::new(CommittedLeaderId::new(1, 1), index), payload }
}

/// Writes a log of `count` entries.
async fn write_log(dir: &Path, sealer: Sealer, count: u64) {
    let disk = SealedDisk::new(SledDisk::open(&dir.join("log")).expect("opens"), sealer);
    let (mut log, closed) = LogStore::open(disk).expect("is a log");
    log.blocking_append((0..count).map(entry)).await.expect("appends");
    drop(log);
    closed.await.expect("ends");
}

/// Reads the log again: how many entries it has, or what is wrong.
async fn read_log(dir: &Path, sealer: Sealer) -> Result<usize, String> {
    let disk = SealedDisk::new(SledDisk::open(&dir.join("log")).expect("opens"), sealer);
    let values = disk.scan().map_err(|error| error.to_string())?;
    let (log, closed) = LogStore::open(disk).map_err(|error| error.to_string())?;
    drop(log);
    closed.await.expect("ends");
    Ok(values.len())
}

fn write_snapshot(dir: &Path, sealer: Sealer) -> Snapshots {
    let (snapshots, _none) = Snapshots::open(dir, sealer).expect("opens");
    let mut state = State::default();
    commit(&mut state, transaction().ops).expect("is sound");
    snapshots.build(SnapshotMeta::default(), state).expect("is written");
    snapshots
}

/// Every file under `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn is_anywhere(dir: &Path, text: &str) -> bool {
    files(dir).iter().any(|file| {
        let bytes = std::fs::read(file).expect("reads");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

#[tokio::test]
async fn nothing_is_in_clear_on_the_disk() {
    let dir = folder();
    write_log(dir.path(), sealer(&[1]), 3).await;
    write_snapshot(dir.path(), sealer(&[1]));
    assert!(!files(dir.path()).is_empty());
    assert!(!is_anywhere(dir.path(), SECRET));
    assert!(!is_anywhere(dir.path(), "password"));
    assert_eq!(read_log(dir.path(), sealer(&[1])).await, Ok(3));
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let dir = folder();
    write_log(dir.path(), sealer(&[1]), 1).await;
    write_snapshot(dir.path(), sealer(&[1]));
    let error = read_log(dir.path(), sealer(&[2])).await.expect_err("has no such key");
    assert!(error.contains("key number 1, which this node does not have"), "{error}");
    let error = Snapshots::open(dir.path(), sealer(&[2])).expect_err("has no such key");
    assert!(error.to_string().starts_with("cannot read the snapshot: "), "{error}");
}

/// What somebody does to the disk.
fn tamper(dir: &Path, change: impl FnOnce(&mut Vec<(Vec<u8>, Vec<u8>)>)) {
    let mut disk = SledDisk::open(&dir.join("log")).expect("opens");
    let mut items = disk.scan().expect("reads");
    change(&mut items);
    disk.write(Batch { puts: items, removes: Vec::new() }).expect("writes");
    disk.flush().expect("flushes");
}

#[tokio::test]
async fn records_that_were_swapped_or_changed_are_noticed() {
    let dir = folder();
    write_log(dir.path(), sealer(&[1]), 3).await;
    let swap = |items: &mut Vec<(Vec<u8>, Vec<u8>)>| {
        let first = std::mem::take(&mut items[0].1);
        items[0].1 = std::mem::replace(&mut items[1].1, first);
    };
    tamper(dir.path(), swap);
    let error = read_log(dir.path(), sealer(&[1])).await.expect_err("two records are swapped");
    assert!(error.contains("not where it belongs"), "{error}");
    tamper(dir.path(), swap);
    assert_eq!(read_log(dir.path(), sealer(&[1])).await, Ok(3), "as it was");
    tamper(dir.path(), |items| *items[2].1.last_mut().expect("is not empty") ^= 1);
    let error = read_log(dir.path(), sealer(&[1])).await.expect_err("a bit is flipped");
    assert!(error.contains("is damaged"), "{error}");
}

#[tokio::test]
async fn a_log_in_clear_is_refused() {
    let dir = folder();
    let plain = SledDisk::open(&dir.path().join("log")).expect("opens");
    let (mut log, closed) = LogStore::open(plain).expect("is a log");
    log.blocking_append([entry(0)]).await.expect("appends");
    drop(log);
    closed.await.expect("ends");
    let error = read_log(dir.path(), sealer(&[1])).await.expect_err("is not encrypted");
    assert!(error.ends_with("it is not encrypted"), "{error}");
    std::fs::write(dir.path().join("snapshot"), b"\x82\xa4meta and the state").expect("writes");
    let error = Snapshots::open(dir.path(), sealer(&[1])).expect_err("is not encrypted");
    assert_eq!(error.to_string(), "cannot read the snapshot: it is not encrypted");
}

#[tokio::test]
async fn rewritten_data_needs_the_newest_key_only() {
    let (dir, keys) = (folder(), folder());
    let vault = Vault::open(&keys.path().join("keys")).expect("is empty");
    vault.fill(None).expect("writes");
    let disk = SledDisk::open(&dir.path().join("log")).expect("opens");
    let disk = SealedDisk::new(disk, vault.sealer());
    let (mut log, closed) = LogStore::open(disk).expect("is a log");
    let snapshots = write_snapshot(dir.path(), vault.sealer());
    log.blocking_append((0..600).map(entry)).await.expect("appends");
    let lock = UnlockKey::random(&mut rand::rng());
    vault.set_lock(Some(lock), Version::at(1)).expect("writes");
    log.rewriter().rewrite().await.expect("is written anew");
    snapshots.rewrite().expect("is written anew");
    vault.drop_old_keys().expect("writes");
    log.blocking_append([entry(600)]).await.expect("appends");
    let rewriter = log.rewriter();
    drop(log);
    closed.await.expect("a rewriter does not keep the log open");
    rewriter.rewrite().await.expect_err("the log has ended");
    assert_eq!(read_log(dir.path(), vault.sealer()).await, Ok(601));
    let (_snapshots, found) = Snapshots::open(dir.path(), vault.sealer()).expect("opens");
    assert_eq!(found.expect("is there").1.nodes().len(), 1);
}
