//! Several managers.

use std::sync::Arc;

use axum::Router;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::error::Reason;
use tokio::sync::Notify;

use super::*;
use crate::message::Refusal;

#[tokio::test(flavor = "multi_thread")]
async fn every_manager_takes_writes_and_sees_its_own() {
    let cluster = TestCluster::of(3).await;
    for (seed, number) in [(1, 1), (2, 2), (3, 3)] {
        let store = cluster.store(number);
        soon("a write", create(store, seed)).await.expect("is new");
        assert!(has(&store.state(), seed), "applied where it was proposed");
        for reader in 1..=3 {
            let state = soon("a read", cluster.store(reader).read()).await.expect("is led");
            assert!(has(&state, seed), "manager {reader} has to see it");
        }
    }
    let refused = create(cluster.store(2), 1).await.expect_err("is there already");
    assert_eq!(refused, crate::state::out_of_sequence());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_leader_is_replaced_and_catches_up_on_return() {
    let mut cluster = TestCluster::of(3).await;
    create(cluster.store(1), 1).await.expect("is new");
    let lost = cluster.leader(&[1, 2, 3]).await;
    cluster.stop(lost).await;
    let others: Vec<u16> = (1..=3).filter(|number| *number != lost).collect();
    cluster.leader(&others).await;
    for number in &others {
        let seed = 10 + u64::from(*number);
        soon("a write", create(cluster.store(*number), seed)).await.expect("is led");
        assert!(has(&cluster.store(*number).state(), 1), "nothing is lost");
    }
    cluster.start(lost).await;
    let state = soon("a read", cluster.store(lost).read()).await.expect("is led");
    assert!(others.iter().all(|number| has(&state, 10 + u64::from(*number))));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_managers_come_back_with_everything() {
    let mut cluster = TestCluster::of(3).await;
    for seed in 0..20 {
        create(cluster.store(1), seed).await.expect("is new");
    }
    for number in 1..=3 {
        cluster.stop(number).await;
    }
    for number in 1..=3 {
        cluster.start(number).await;
    }
    for number in 1..=3 {
        let state = soon("a read", cluster.store(number).read()).await.expect("is led");
        assert!((0..20).all(|seed| has(&state, seed)), "manager {number} lacks some");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_stops_leading() {
    let cluster = TestCluster::of(3).await;
    let isolated = cluster.leader(&[1, 2, 3]).await;
    let others: Vec<u16> = (1..=3).filter(|number| *number != isolated).collect();
    cluster.lines.cut(isolated);
    let mut leadership = cluster.store(isolated).leadership();
    soon("the end of the leadership", leadership.wait_for(|known| !known.leader))
        .await
        .expect("goes on");
    assert_eq!(leadership.borrow().leader_addr, None);
    for number in &others {
        assert!(!cluster.store(*number).leadership().borrow().leader, "never two leaders");
    }
    cluster.leader(&others).await;
    for _ in 0..20 {
        assert!(!leadership.borrow_and_update().leader, "never two leaders");
        let _ = tokio::time::timeout(HEARTBEAT, leadership.changed()).await;
    }
    // What it is asked meanwhile waits for a leader, and is done once.
    let waiting = tokio::spawn({
        let store = cluster.store(isolated).clone();
        async move { create(&store, 1).await }
    });
    create(cluster.store(others[0]), 2).await.expect("is led");
    cluster.lines.heal(isolated);
    soon("a write", waiting).await.expect("ends").expect("is new");
    let state = soon("a read", cluster.store(isolated).read()).await.expect("is led");
    assert!(has(&state, 1) && has(&state, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_stays_leader_however_slow_the_answers_are_that_can_still_count() {
    let cluster = TestCluster::of(3).await;
    let leader = cluster.leader(&[1, 2, 3]).await;
    let mut leadership = cluster.store(leader).leadership();
    let term = leadership.borrow_and_update().term;
    // Longer than a heartbeat, as on machines that are busy.
    (1..=3).for_each(|number| cluster.lines.slow_down(number, 2 * HEARTBEAT));
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while tokio::time::timeout_at(end, leadership.changed()).await.is_ok() {
        let known = *leadership.borrow_and_update();
        assert!(known.leader && known.term == term, "another election: {known:?}");
    }
    soon("a write", create(cluster.store(leader), 1)).await.expect("is led");
    assert_eq!(leadership.borrow().term, term);
}

/// A manager whose process is there and whose state is not.
fn starting(asked: &Arc<Notify>) -> Router {
    let asked = Arc::clone(asked);
    Router::new().fallback(move || {
        asked.notify_one();
        async { Refusal(Error::unavailable("the manager is starting").because(Reason::Starting)) }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_still_starting_is_waited_for() {
    let cluster = TestCluster::of(3).await;
    let leader = cluster.leader(&[1, 2, 3]).await;
    let follower = if leader == 3 { 2 } else { 3 };
    let asked = Arc::new(Notify::new());
    cluster.lines.connect(leader, starting(&asked));
    let store = cluster.store(follower).clone();
    let both = tokio::spawn(async move { tokio::join!(create(&store, 1), store.read()) });
    soon("a question", asked.notified()).await;
    cluster.lines.connect(leader, router(cluster.store(leader).clone()));
    let (written, read) = soon("an answer", both).await.expect("ends");
    written.expect("is led");
    read.expect("is led");

    cluster.lines.connect(leader, starting(&asked));
    let refused = soon("an answer", cluster.store(follower).read()).await.expect_err("starts on");
    let says = format!("the manager at {}, which should lead, is starting", addr(leader));
    assert_eq!((refused.kind, refused.message), (ErrorKind::Unavailable, says));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_there_is_dockers_answer() {
    let cluster = TestCluster::of(3).await;
    cluster.lines.cut(2);
    cluster.lines.cut(3);
    let (write, read) = soon("an answer", async {
        tokio::join!(create(cluster.store(1), 1), cluster.store(1).read())
    })
    .await;
    assert_eq!(write.expect_err("no majority"), crate::store::no_leader());
    assert_eq!(read.expect_err("no majority"), crate::store::no_leader());
    assert!(!cluster.store(1).leadership().borrow().leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_lags_too_far_gets_a_snapshot() {
    let mut cluster = TestCluster::of(3).await;
    let leader = cluster.leader(&[1, 2, 3]).await;
    let lagging = if leader == 3 { 2 } else { 3 };
    cluster.lines.cut(lagging);
    for seed in 0..20 {
        create(cluster.store(leader), seed).await.expect("two of three are there");
    }
    let raft = &cluster.store(leader).inner.raft;
    raft.trigger().snapshot().await.expect("runs");
    let built = |metrics: &types::Metrics| metrics.snapshot == metrics.last_applied;
    raft.wait(Some(PATIENCE)).metrics(built, "a snapshot").await.expect("is built");
    let upto = raft.metrics().borrow().snapshot.expect("a snapshot").index;
    raft.trigger().purge_log(upto).await.expect("runs");
    let purged = |metrics: &types::Metrics| metrics.purged.is_some_and(|id| id.index == upto);
    raft.wait(Some(PATIENCE)).metrics(purged, "a purge").await.expect("is purged");
    cluster.lines.heal(lagging);
    let state = soon("a read", cluster.store(lagging).read()).await.expect("is led");
    assert!((0..20).all(|seed| has(&state, seed)));
    let raft = &cluster.store(lagging).inner.raft;
    let installed = |metrics: &types::Metrics| metrics.snapshot.is_some_and(|id| id.index >= upto);
    raft.wait(Some(PATIENCE)).metrics(installed, "a snapshot").await.expect("is installed");
    // And it comes back from that.
    cluster.stop(lagging).await;
    cluster.start(lagging).await;
    assert!((0..20).all(|seed| has(&cluster.store(lagging).state(), seed)));
}
