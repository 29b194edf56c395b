//! The last manager that is left makes a cluster of its own.

use super::*;

/// Makes a cluster of manager 1 alone.
async fn recover(cluster: &TestCluster) {
    force_new_cluster(cluster.dir(1), sealer(&[1]), addr(1), Timestamp::EPOCH)
        .await
        .expect("is a member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_goes_on_alone_with_everything() {
    let mut cluster = TestCluster::of(3).await;
    for seed in 0..20 {
        create(cluster.store(1), seed).await.expect("is new");
    }
    let before = soon("a read", cluster.store(1).read()).await.expect("is led");
    for number in 1..=3 {
        cluster.stop(number).await;
    }
    recover(&cluster).await;
    cluster.start(1).await;
    cluster.leader(&[1]).await;
    let state = soon("a read", cluster.store(1).read()).await.expect("leads alone");
    assert!((0..20).all(|seed| has(&state, seed)));
    assert_eq!(state.nodes().len(), 3, "those that are lost are nodes all the same");
    let takes_part: Vec<_> = state.nodes().values().filter(|node| node.manager.is_some()).collect();
    assert_eq!(takes_part.len(), 1);
    let tokens = |state: &State| state.cluster().expect("there is one").join_tokens.clone();
    assert_eq!(tokens(&state), tokens(&before));
    create(cluster.store(1), 99).await.expect("takes writes");
    // It is the same at the next start.
    cluster.stop(1).await;
    cluster.start(1).await;
    assert!(has(&soon("a read", cluster.store(1).read()).await.expect("leads"), 99));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_left_behind_have_no_say_and_can_join_anew() {
    let mut cluster = TestCluster::of(3).await;
    for number in 1..=3 {
        cluster.stop(number).await;
    }
    recover(&cluster).await;
    cluster.start(1).await;
    create(cluster.store(1), 1).await.expect("leads alone");
    // They still think that manager 1 is one of them, and are the majority of the old three.
    cluster.start(2).await;
    cluster.start(3).await;
    let leader = cluster.leader(&[2, 3]).await;
    create(cluster.store(leader), 2).await.expect("is led");
    let state = soon("a read", cluster.store(1).read()).await.expect("leads");
    assert!(has(&state, 1) && !has(&state, 2));
    for number in [2, 3] {
        cluster.stop(number).await;
    }
    cluster.join(2).await;
    let state = soon("a read", cluster.store(2).read()).await.expect("is led");
    assert!(has(&state, 1) && !has(&state, 2));
    let members: Vec<u64> =
        state.nodes().values().filter_map(|node| Some(node.manager?.raft_id)).collect();
    assert!(members.len() == 2 && members.iter().all(|id| ![2, 3].contains(id)), "{members:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_others_have_done_is_older() {
    let mut cluster = TestCluster::of(1).await;
    create(cluster.store(1), 1).await.expect("is new");
    let before = cluster.store(1).state().applied();
    cluster.stop(1).await;
    let now = Timestamp::EPOCH + Duration::from_secs(3600);
    let recovered = force_new_cluster(cluster.dir(1), sealer(&[1]), addr(1), now).await;
    recovered.expect("is a member");
    cluster.start(1).await;
    let state = soon("a read", cluster.store(1).read()).await.expect("leads alone");
    assert!(has(&state, 1) && state.applied() > before + 1_000_000);
    let kept = state.cluster().expect("there is one");
    assert_eq!(kept.restored, Version::at(3_600_000));
    assert_eq!(kept.next_raft_id, 3_600_001);
}

#[tokio::test]
async fn only_a_member_can() {
    let dir = tempfile::tempdir().expect("a directory");
    let error = force_new_cluster(dir.path(), sealer(&[1]), addr(1), Timestamp::EPOCH).await;
    assert!(matches!(error, Err(StartError::NotMember(_))), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_from_elsewhere_goes_on_far_ahead_of_where_it_was() {
    const AHEAD: u64 = 1 << 40;
    let mut cluster = TestCluster::of(1).await;
    create(cluster.store(1), 1).await.expect("is new");
    let mut state = cluster.store(1).state();
    cluster.stop(1).await;
    let mut node = Node::clone(&state.nodes()[&node_id(1)]);
    node.manager = Some(ManagerRecord { raft_id: AHEAD, addr: addr(1) });
    let mut kept = Cluster::clone(state.cluster().expect("there is one"));
    kept.next_raft_id = AHEAD + 1;
    let ops = vec![Op::PutCluster(Box::new(kept)), Op::PutNode(Box::new(node))];
    state.apply(AHEAD, transaction(ops)).expect("is sound");

    let dir = tempfile::tempdir().expect("a directory");
    let made = restore(dir.path(), sealer(&[1]), addr(1), AHEAD, state.clone()).await;
    made.expect("is nobody's directory");
    let again = restore(dir.path(), sealer(&[1]), addr(1), AHEAD, state).await;
    assert!(matches!(again, Err(StartError::AlreadyMember(_))), "{again:?}");
    cluster.dirs.insert(1, dir);
    cluster.start(1).await;
    cluster.leader(&[1]).await;
    create(cluster.store(1), 2).await.expect("takes writes");
    // It is the same at the next start, and for those that come.
    cluster.stop(1).await;
    cluster.start(1).await;
    cluster.join(2).await;
    let state = soon("a read", cluster.store(2).read()).await.expect("is led");
    assert!(has(&state, 1) && has(&state, 2) && state.applied() > AHEAD);
    assert_eq!(state.nodes()[&node_id(2)].manager.expect("takes part").raft_id, AHEAD + 1);
}
