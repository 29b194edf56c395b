//! Two managers and a witness.

use swarmlite_proto::error::ErrorKind;

use super::*;

/// Managers 1 and 2, and the witness 3.
async fn two_and_a_witness() -> TestCluster {
    let mut cluster = TestCluster::of(2).await;
    cluster.join_as(3, true).await;
    cluster
}

/// Which of 1 and 2 leads, and the other one.
async fn leader_and_other(cluster: &TestCluster) -> (u16, u16) {
    let leader = cluster.leader(&[1, 2]).await;
    (leader, 3 - leader)
}

/// Whether manager 3 has ever counted as leader, once what it tells is asked for.
fn watch_witness(cluster: &TestCluster) -> impl Future<Output = ()> + use<> {
    let mut leadership = cluster.store(3).leadership();
    async move {
        // Ends with the store, and with an error then.
        assert!(leadership.wait_for(|known| known.leader).await.is_err(), "a witness leads");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn either_manager_may_be_lost() {
    let mut cluster = two_and_a_witness().await;
    for round in 0..2 {
        let (leader, other) = leader_and_other(&cluster).await;
        cluster.stop(leader).await;
        assert_eq!(cluster.leader(&[other]).await, other);
        soon("a write", create(cluster.store(other), round)).await.expect("is led");
        cluster.start(leader).await;
        let state = soon("a read", cluster.store(leader).read()).await.expect("is led");
        assert!(has(&state, round), "what was written meanwhile");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_witness_may_be_lost_and_comes_back_as_one() {
    let mut cluster = two_and_a_witness().await;
    cluster.stop(3).await;
    soon("a write", create(cluster.store(1), 1)).await.expect("is led");
    cluster.start(3).await;
    assert!(cluster.store(3).inner.witness.is_some(), "it remembers what it is");
}

/// The last entries are on the lost leader and the witness only.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_witness_has_is_not_lost() {
    let mut cluster = two_and_a_witness().await;
    let watched = tokio::spawn(watch_witness(&cluster));
    let (leader, behind) = leader_and_other(&cluster).await;
    cluster.lines.cut(behind);
    soon("a write", create(cluster.store(leader), 7)).await.expect("the witness is a majority");
    cluster.stop(leader).await;
    cluster.lines.heal(behind);
    assert_eq!(cluster.leader(&[behind]).await, behind);
    let state = soon("a read", cluster.store(behind).read()).await.expect("is led");
    assert!(has(&state, 7), "was acknowledged");
    soon("a write", create(cluster.store(behind), 8)).await.expect("goes on");
    cluster.stop(3).await;
    watched.await.expect("never leads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_is_not_left_alone() {
    let cluster = two_and_a_witness().await;
    let (leader, other) = leader_and_other(&cluster).await;
    let store = cluster.store(leader);
    soon("leaving", store.remove_member(&node_id(other))).await.expect("one stays");
    let refused = soon("an answer", store.remove_member(&node_id(leader))).await;
    let refused = refused.expect_err("nobody could lead");
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (ErrorKind::InvalidArgument, "attempting to demote the last manager of the swarm")
    );
}
