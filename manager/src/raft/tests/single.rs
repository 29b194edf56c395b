//! One manager alone.

use swarmlite_proto::error::ErrorKind;

use super::*;
use crate::state::out_of_sequence;

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_alone_leads_and_keeps_everything() {
    let (lines, dir) = (Lines::default(), tempfile::tempdir().expect("a directory"));
    let store = bootstrap(&lines, &dir).await;
    assert!(store.state().cluster().is_some());
    assert!(store.leadership().borrow().leader);
    assert_eq!(store.leadership().borrow().leader_addr, Some(addr(1)));
    let version = create(&store, 7).await.expect("is new");
    let state = store.read().await.expect("leads");
    assert!(has(&state, 7));
    assert_eq!(state.applied(), version.index);
    store.shutdown().await;
    drop(store);
    let store = reopen(&lines, 1, &dir).await;
    assert!(has(&store.state(), 7), "complete right after the start");
    create(&store, 8).await.expect("leads again");
    assert!(has(&store.state(), 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_its_caller_only() {
    let (lines, dir) = (Lines::default(), tempfile::tempdir().expect("a directory"));
    let store = bootstrap(&lines, &dir).await;
    let (first, same, other) =
        tokio::join!(create(&store, 1), create(&store, 1), create(&store, 2));
    let refused = first.and(same).expect_err("one of the two is refused");
    assert_eq!(refused, out_of_sequence());
    other.expect("has nothing to do with them");
    let state = store.read().await.expect("leads");
    assert!(has(&state, 1) && has(&state, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writes_share_few_entries() {
    const WRITES: u64 = 500;
    let (lines, dir) = (Lines::default(), tempfile::tempdir().expect("a directory"));
    let store = bootstrap(&lines, &dir).await;
    let before = store.state().applied();
    let writes = (0..WRITES).map(|seed| {
        let store = store.clone();
        async move { create(&store, seed).await }
    });
    let versions = futures_util::future::join_all(writes).await;
    assert!(versions.iter().all(Result::is_ok));
    assert_eq!(store.state().services().len() as u64, WRITES);
    let entries = store.state().applied() - before;
    assert!(entries < WRITES / 10, "{entries} entries for {WRITES} writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_much_of_the_log_is_kept_as_the_cluster_says() {
    let (lines, dir) = (Lines::default(), tempfile::tempdir().expect("a directory"));
    let store = bootstrap(&lines, &dir).await;
    for seed in 0..20 {
        create(&store, seed).await.expect("is new");
    }
    let state = store.read().await.expect("leads");
    let mut cluster = Cluster::clone(state.cluster().expect("is there"));
    (cluster.spec.raft.snapshot_interval, cluster.spec.raft.log_entries_for_slow_followers) =
        (5, 3);
    let change = transaction(vec![Op::PutCluster(Box::new(cluster))]);
    store.propose(change).await.expect("is current");
    let cut = |metrics: &types::Metrics| {
        let snapshot = metrics.snapshot.map(|snapshot| snapshot.index);
        snapshot.is_some_and(|index| metrics.purged.is_some_and(|it| it.index == index - 3))
    };
    let wait = store.inner.raft.wait(Some(PATIENCE));
    wait.metrics(cut, "the log cut").await.expect("is cut");
    store.shutdown().await;
    drop(store);
    let store = reopen(&lines, 1, &dir).await;
    assert!((0..20).all(|seed| has(&store.state(), seed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_belongs_to_one_member() {
    let (lines, dir) = (Lines::default(), tempfile::tempdir().expect("a directory"));
    let missing =
        RaftStore::open(dir.path(), sealer(&[1]), lines.wire(1)).await.expect_err("is empty");
    assert!(matches!(missing, StartError::NotMember(_)), "{missing}");
    let store = bootstrap(&lines, &dir).await;
    store.shutdown().await;
    let again =
        RaftStore::bootstrap(dir.path(), sealer(&[1]), addr(1), lines.wire(1), first()).await;
    let again = again.expect_err("is taken");
    assert!(matches!(again, StartError::AlreadyMember(_)), "{again}");
    drop(store);
    wipe(dir.path()).await.expect("is removed");
    bootstrap(&lines, &dir).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_too_large_is_refused_at_once() {
    let (lines, dir) = (Lines::default(), tempfile::tempdir().expect("a directory"));
    let store = bootstrap(&lines, &dir).await;
    let mut huge = manager(2);
    huge.spec.labels.insert("huge".to_owned(), "x".repeat(batch::MAX_TRANSACTION));
    let refused = store.propose(transaction(vec![Op::PutNode(Box::new(huge))])).await;
    assert_eq!(refused.expect_err("is huge").kind, ErrorKind::InvalidArgument);
    create(&store, 1).await.expect("goes on");
}
