//! What is on the disk of a manager is not what it has written.

use swarmlite_proto::format;
use swarmlite_proto::format::Format;

use super::*;
use crate::raft::disk::Batch;
use crate::raft::disk::Disk;
use crate::raft::types::LogId;

/// Why manager `number` does not start again.
async fn refusal(cluster: &TestCluster, number: u16) -> StartError {
    let wire = cluster.lines.wire(number);
    let opened = RaftStore::open(cluster.dir(number), sealer(&[number.into()]), wire).await;
    opened.expect_err("must not go on")
}

/// What `refusal` says of damage, causes included.
fn damage(refusal: &StartError) -> String {
    assert!(matches!(refusal, StartError::Damaged { .. }), "{refusal:?}");
    chain(refusal)
}

/// Changes what is under `key` in the log of manager `number`, which is stopped, or removes it.
fn change(
    cluster: &TestCluster,
    number: u16,
    key: &[u8],
    change: impl Fn(Vec<u8>) -> Option<Vec<u8>>,
) {
    let disk = SledDisk::open(&cluster.dir(number).join(LOG)).expect("opens");
    let mut disk = SealedDisk::new(disk, sealer(&[number.into()]));
    let items = disk.scan().expect("reads");
    let (_, value) = items.into_iter().find(|(at, _)| at == key).expect("is there");
    let (puts, removes) = match change(value) {
        Some(value) => (vec![(key.to_vec(), value)], Vec::new()),
        None => (Vec::new(), vec![key.to_vec()]),
    };
    disk.write(Batch { puts, removes }).expect("writes");
    disk.flush().expect("flushes");
}

/// Has manager `number` take part again, with what is left of it.
async fn rejoin(cluster: &mut TestCluster, number: u16) {
    cluster.lines.connect(number, axum::Router::new());
    let known: Vec<SocketAddr> = cluster.stores.keys().copied().map(addr).collect();
    let (dir, wire) = (cluster.dir(number), cluster.lines.wire(number));
    let store = RaftStore::rejoin(dir, sealer(&[number.into()]), addr(number), wire, &known, false);
    let store = soon("an answer", store).await.expect("is let in");
    cluster.lines.connect(number, router(store.clone()));
    soon("a vote", store.joined()).await.expect("runs");
    cluster.stores.insert(number, store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_manager_takes_part_as_a_new_one() {
    let mut cluster = TestCluster::of(3).await;
    create(cluster.store(1), 1).await.expect("is new");
    cluster.stop(3).await;
    for spoiled in ["", "no record"] {
        std::fs::write(cluster.dir(3).join(record::NAME), spoiled).expect("is written");
        damage(&refusal(&cluster, 3).await);
    }
    rejoin(&mut cluster, 3).await;
    let state = soon("a read", cluster.store(3).read()).await.expect("is led");
    assert!(has(&state, 1));
    let record = state.nodes()[&node_id(3)].manager.expect("is a manager");
    assert_eq!(record.raft_id, 4, "what the one before has promised, this one has not");
    let kept = cluster.dir(3).join("damaged");
    assert!(kept.join(LOG).is_dir() && kept.join(record::NAME).is_file());
    // It is the same at the next start, and the remains do not pile up.
    cluster.stop(3).await;
    cluster.start(3).await;
    cluster.stop(3).await;
    change(&cluster, 3, b"v", |_| None);
    damage(&refusal(&cluster, 3).await);
    rejoin(&mut cluster, 3).await;
    assert!(!kept.join("damaged").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changes_until_the_others_take_it() {
    let mut cluster = TestCluster::of(2).await;
    cluster.stop(2).await;
    change(&cluster, 2, b"v", |_| None);
    cluster.stop(1).await;
    let (dir, wire) = (cluster.dir(2), cluster.lines.wire(2));
    let known = [addr(1)];
    let again = RaftStore::rejoin(dir, sealer(&[2]), addr(2), wire, &known, false);
    soon("an answer", again).await.expect_err("nobody is there");
    assert!(is_of_member(dir) && dir.join(LOG).is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_is_not_one_that_never_was() {
    let mut cluster = TestCluster::of(2).await;
    for number in [1, 2] {
        cluster.stop(number).await;
        std::fs::remove_dir_all(cluster.dir(number).join(LOG)).expect("is removed");
        let why = damage(&refusal(&cluster, number).await);
        assert!(why.ends_with("the raft log has lost its vote"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_written_before_votes_were_noted_is_one_that_has_voted() {
    let mut cluster = TestCluster::of(1).await;
    cluster.stop(1).await;
    let noted = async |cluster: &TestCluster| {
        let record = record::load(cluster.dir(1)).await.expect("reads");
        record.expect("is a member")
    };
    let before = Record { voted: false, ..noted(&cluster).await };
    record::save(cluster.dir(1), before).await.expect("is written");
    cluster.start(1).await;
    assert!(noted(&cluster).await.voted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_before_what_was_committed_is_damaged() {
    let mut cluster = TestCluster::of(1).await;
    cluster.stop(1).await;
    let far = LogId::new(openraft::CommittedLeaderId::new(1, 1), 1_000_000);
    change(&cluster, 1, b"c", |_| {
        Some(format::encode(Format::FIRST, &Some(far)).expect("a record"))
    });
    let why = damage(&refusal(&cluster, 1).await);
    assert!(why.ends_with("and 1000000 was committed"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_the_snapshot_before_it_is_damaged() {
    let mut cluster = TestCluster::of(1).await;
    create(cluster.store(1), 1).await.expect("is new");
    let raft = &cluster.store(1).inner.raft;
    let last = raft.metrics().borrow().last_applied.expect("something was");
    raft.trigger().snapshot().await.expect("runs");
    let waiting = raft.wait(Some(PATIENCE));
    waiting.snapshot(last, "a snapshot").await.expect("is built");
    raft.trigger().purge_log(last.index).await.expect("runs");
    waiting.purged(Some(last), "a purge").await.expect("is purged");
    cluster.stop(1).await;
    std::fs::remove_file(cluster.dir(1).join("snapshot")).expect("was there");
    let why = damage(&refusal(&cluster, 1).await);
    assert!(why.ends_with("and the snapshot ends at none"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_could_read_is_not_damaged() {
    let mut cluster = TestCluster::of(1).await;
    cluster.stop(1).await;
    let newer = |value: Vec<u8>| Some([&[0x7f], &value[1..]].concat());
    change(&cluster, 1, b"v", newer);
    let refused = refusal(&cluster, 1).await;
    assert!(matches!(refused, StartError::Disk { .. }), "{refused:?}");
    let other = RaftStore::open(cluster.dir(1), sealer(&[9]), cluster.lines.wire(1)).await;
    let refused = other.expect_err("is another's key");
    assert!(matches!(refused, StartError::Disk { .. }), "{refused:?}");
}
