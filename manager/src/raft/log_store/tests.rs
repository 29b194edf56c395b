use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use openraft::CommittedLeaderId;
use openraft::EntryPayload;
use openraft::storage::RaftLogStorageExt;
use openraft::testing::StoreBuilder;
use openraft::testing::Suite;
use proptest::prelude::*;
use swarmlite_proto::format::Format;
use swarmlite_vault::testing::sealer;
use tempfile::TempDir;

use super::*;
use crate::raft::disk::SledDisk;
use crate::raft::sealed_disk::SealedDisk;
use crate::raft::state_machine::StateMachine;
use crate::raft::transactions::Transactions;
use crate::state::Op;
use crate::state::Transaction;
use crate::state::fixture::node;

fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

fn blank(index: u64) -> Entry {
    Entry { log_id: log_id(index), payload: EntryPayload::Blank }
}

/// An entry of at least `bytes`.
fn big(index: u64, bytes: usize) -> Entry {
    let mut node = node(1, 1);
    node.spec.labels.insert("big".to_owned(), "x".repeat(bytes));
    let transaction = Transaction::new(Default::default()).with(Op::PutNode(Box::new(node)));
    Entry {
        log_id: log_id(index),
        payload: EntryPayload::Normal(Transactions::new(Format::FIRST, vec![transaction])),
    }
}

fn disk(dir: &Path) -> SealedDisk<SledDisk> {
    SealedDisk::new(SledDisk::open(dir).expect("opens"), sealer(&[1]))
}

fn open(dir: &Path) -> (LogStore, Closed) {
    LogStore::open(disk(dir)).expect("is a log")
}

async fn entries(log: &mut LogStore) -> Vec<Entry> {
    log.try_get_log_entries(..).await.expect("reads")
}

/// The files of `dir` as they are now: what a killed process would leave.
fn copy_of(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    copy_into(dir, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).expect("a directory") {
        let file = file.expect("an entry");
        let target = to.join(file.file_name());
        if file.file_type().expect("a type").is_dir() {
            std::fs::create_dir(&target).expect("is new");
            copy_into(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).expect("copies");
        }
    }
}

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError> {
        let dir = tempfile::tempdir().expect("a directory");
        let (log, _closed) = open(&dir.path().join("log"));
        let machine = StateMachine::open(dir.path(), sealer(&[1])).expect("opens");
        Ok((dir, log, machine))
    }
}

#[test]
fn the_suite_of_openraft_passes() {
    Suite::test_all(Builder).expect("passes");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let (mut log, _closed) = open(&path);
    let vote = Vote::new(3, 1);
    log.save_vote(&vote).await.expect("saves");
    let killed = copy_of(&path);
    assert_eq!(open(killed.path()).0.read_vote().await.expect("reads"), Some(vote));
    for index in 0..20 {
        let appended = vec![blank(2 * index), big(2 * index + 1, 100)];
        log.blocking_append(appended).await.expect("appends");
        let killed = copy_of(&path);
        let (mut after, _closed) = open(killed.path());
        assert_eq!(entries(&mut after).await, entries(&mut log).await);
    }
}

#[tokio::test]
async fn a_big_entry_comes_back_whole_and_no_value_is_big() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let (mut log, closed) = open(&path);
    let appended = vec![blank(0), big(1, 1_000_000), blank(2)];
    log.blocking_append(appended.clone()).await.expect("appends");
    drop(log);
    closed.await.expect("ends");
    let disk = disk(&path);
    let values = disk.scan().expect("reads");
    assert!(values.len() > 1_000_000 / codec::MAX_VALUE);
    assert!(values.iter().all(|(_, value)| value.len() <= codec::MAX_VALUE));
    let (mut log, _closed) = LogStore::open(disk).expect("is a log");
    assert_eq!(entries(&mut log).await, appended);
}

#[tokio::test]
async fn a_message_to_a_follower_is_bounded_but_never_empty() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, _closed) = open(&dir.path().join("log"));
    let appended = vec![big(0, MAX_READ_BYTES + 1), blank(1), big(2, MAX_READ_BYTES), blank(3)];
    log.blocking_append(appended).await.expect("appends");
    let mut reader = log.get_log_reader().await;
    let mut counts = Vec::new();
    let mut next = 0;
    while next < 4 {
        let read = reader.limited_get_log_entries(next, 4).await.expect("reads");
        counts.push(read.len());
        next += read.len() as u64;
    }
    assert_eq!(counts, [1, 1, 1, 1]);
    assert_eq!(reader.limited_get_log_entries(3, 4).await.expect("reads").len(), 1);
    assert_eq!(reader.limited_get_log_entries(2, 2).await.expect("reads").len(), 0);
}

#[tokio::test]
async fn a_missing_entry_is_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let (mut log, closed) = open(&path);
    log.blocking_append(vec![blank(0), blank(1), blank(2)]).await.expect("appends");
    drop(log);
    closed.await.expect("ends");
    let mut disk = disk(&path);
    let removes = disk.keys(codec::keys(1..2), 10).expect("reads");
    disk.write(Batch { puts: Vec::new(), removes }).expect("writes");
    let error = LogStore::open(disk).expect_err("has a hole");
    assert_eq!(error.to_string(), "the raft log has no entry 1");
}

/// A disk that forgets what was not flushed and can be told to fail.
#[derive(Clone, Debug, Default)]
struct FakeDisk {
    shared: Arc<Mutex<FakeState>>,
}

#[derive(Debug, Default)]
struct FakeState {
    written: BTreeMap<Vec<u8>, Vec<u8>>,
    flushed: BTreeMap<Vec<u8>, Vec<u8>>,
    broken: bool,
}

impl FakeDisk {
    /// What is left after the power was lost.
    fn after_power_loss(&self) -> Self {
        let left = self.shared.lock().expect("sound").flushed.clone();
        let state = FakeState { written: left.clone(), flushed: left, broken: false };
        Self { shared: Arc::new(Mutex::new(state)) }
    }
}

impl Disk for FakeDisk {
    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        Ok(self.shared.lock().expect("sound").written.clone().into_iter().collect())
    }

    fn keys(&self, range: Range<Vec<u8>>, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        let state = self.shared.lock().expect("sound");
        Ok(state.written.range(range).map(|(key, _)| key.clone()).take(limit).collect())
    }

    fn write(&mut self, batch: Batch) -> io::Result<()> {
        let mut state = self.shared.lock().expect("sound");
        state.written.extend(batch.puts);
        batch.removes.iter().for_each(|key| {
            state.written.remove(key);
        });
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.shared.lock().expect("sound");
        if state.broken {
            return Err(io::Error::other("no space left"));
        }
        state.flushed = state.written.clone();
        Ok(())
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_after_a_failed_flush() {
    let disk = FakeDisk::default();
    let (mut log, _closed) = LogStore::open(disk.clone()).expect("is empty");
    log.blocking_append(vec![blank(0)]).await.expect("appends");
    disk.shared.lock().expect("sound").broken = true;
    log.blocking_append(vec![blank(1)]).await.expect_err("the disk fails");
    disk.shared.lock().expect("sound").broken = false;
    log.blocking_append(vec![blank(1)]).await.expect_err("nobody knows what is on the disk");
    log.save_vote(&Vote::new(1, 1)).await.expect_err("nobody knows what is on the disk");
}

/// What a run of operations does to the log.
#[derive(Clone, Debug)]
enum Operation {
    Append(u8),
    TruncateNewest(u8),
    PurgeOldest(u8),
    Vote,
}

fn steps() -> impl Strategy<Value = Vec<Operation>> {
    let step = prop_oneof![
        4 => (1_u8..5).prop_map(Operation::Append),
        1 => (1_u8..4).prop_map(Operation::TruncateNewest),
        1 => (1_u8..6).prop_map(Operation::PurgeOldest),
        1 => Just(Operation::Vote),
    ];
    proptest::collection::vec(step, 1..30)
}

async fn perform(log: &mut LogStore, step: &Operation) -> bool {
    let state = log.get_log_state().await.expect("reads");
    let first = state.last_purged_log_id.map_or(0, |purged| purged.index + 1);
    let next = state.last_log_id.map_or(0, |last| last.index + 1);
    match step {
        Operation::Append(count) => {
            let appended = (next..next + u64::from(*count)).map(blank);
            log.blocking_append(appended).await.expect("appends");
            return true;
        }
        Operation::TruncateNewest(count) if first < next => {
            let from = next.saturating_sub(u64::from(*count)).max(first);
            log.truncate(log_id(from)).await.expect("truncates");
        }
        Operation::PurgeOldest(count) if first < next => {
            let upto = (first + u64::from(*count)).min(next) - 1;
            log.purge(log_id(upto)).await.expect("purges");
        }
        Operation::Vote => {
            let term = log.read_vote().await.expect("reads").map_or(1, |v| v.leader_id().term + 1);
            log.save_vote(&Vote::new(term, 1)).await.expect("saves");
            return true;
        }
        Operation::TruncateNewest(_) | Operation::PurgeOldest(_) => {}
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After power loss the log is exactly what it was at the last acknowledgement.
    #[test]
    fn power_loss_takes_nothing_acknowledged(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let disk = FakeDisk::default();
            let (mut log, _closed) = LogStore::open(disk.clone()).expect("is empty");
            for step in &steps {
                if !perform(&mut log, step).await {
                    continue;
                }
                let (mut after, _) = LogStore::open(disk.after_power_loss()).expect("is a log");
                assert_eq!(entries(&mut after).await, entries(&mut log).await);
                let state = after.get_log_state().await.expect("reads");
                assert_eq!(state, log.get_log_state().await.expect("reads"));
                let vote = after.read_vote().await.expect("reads");
                assert_eq!(vote, log.read_vote().await.expect("reads"));
            }
        });
    }
}
