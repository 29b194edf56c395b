//! Managers come and go.

use swarmlite_proto::api::Reachability;
use swarmlite_proto::error::ErrorKind;

use super::*;

async fn voters(store: &TestStore) -> Vec<u64> {
    let members = soon("the members", store.members()).await.expect("is led");
    members.iter().filter(|member| member.voter).map(|member| member.raft_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_join_and_are_known_everywhere() {
    let cluster = TestCluster::of(3).await;
    for number in 1..=3 {
        let state = soon("a read", cluster.store(number).read()).await.expect("is led");
        for other in 1..=3 {
            let record = state.nodes()[&node_id(other)].manager.expect("is a manager");
            assert_eq!(record, ManagerRecord { raft_id: other.into(), addr: addr(other) });
        }
        assert_eq!(voters(cluster.store(number)).await, [1, 2, 3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_sees_who_is_reachable() {
    let mut cluster = TestCluster::of(3).await;
    let leader = cluster.leader(&[1, 2, 3]).await;
    let lost = if leader == 3 { 2 } else { 3 };
    cluster.stop(lost).await;
    let asked = (1..=3).find(|number| ![leader, lost].contains(number)).expect("a third");
    let unreachable = async {
        loop {
            let members = cluster.store(asked).members().await.expect("is led");
            let status = members.iter().find(|member| member.addr == addr(lost));
            if status.expect("is a member").reachability == Reachability::Unreachable {
                break members;
            }
            tokio::task::yield_now().await;
        }
    };
    let members = soon("a lost manager", unreachable).await;
    for member in &members {
        assert_eq!(member.leader, member.addr == addr(leader));
        assert!(member.addr == addr(lost) || member.reachability == Reachability::Reachable);
    }
    // With two of three there is no room for another loss; a follower's word counts like the leader's.
    let refused = cluster.store(asked).remove_member(&node_id(asked)).await;
    let refused = refused.expect_err("one of two would be left");
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (
            ErrorKind::InvalidArgument,
            "can't remove member from the raft: this would result in a loss of quorum"
        )
    );
    cluster.store(leader).remove_member(&node_id(lost)).await.expect("both others are there");
    assert_eq!(voters(cluster.store(asked)).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_leaves_and_comes_back_under_another_id() {
    let mut cluster = TestCluster::of(3).await;
    let leader = cluster.leader(&[1, 2, 3]).await;
    let leaving = if leader == 3 { 2 } else { 3 };
    let store = cluster.store(leaving).clone();
    soon("leaving", store.leave(&node_id(leaving))).await.expect("is let go");
    drop(store);
    cluster.stop(leaving).await;
    wipe(cluster.dir(leaving)).await.expect("is removed");
    let state = soon("a read", cluster.store(leader).read()).await.expect("is led");
    assert_eq!(state.nodes()[&node_id(leaving)].manager, None);
    cluster.join(leaving).await;
    let ids = voters(cluster.store(leaving)).await;
    assert_eq!(ids.len(), 3);
    assert!(ids.contains(&4) && !ids.contains(&leaving.into()), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_leaves_too() {
    let cluster = TestCluster::of(3).await;
    let leaving = cluster.leader(&[1, 2, 3]).await;
    let others: Vec<u16> = (1..=3).filter(|number| *number != leaving).collect();
    let store = cluster.store(leaving);
    soon("leaving", store.leave(&node_id(leaving))).await.expect("is let go");
    cluster.leader(&others).await;
    soon("a write", create(cluster.store(others[0]), 1)).await.expect("is led");
    assert_eq!(voters(cluster.store(others[1])).await.len(), 2);
    assert!(!store.leadership().borrow().leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_manager_stays() {
    let cluster = TestCluster::of(1).await;
    let refused = cluster.store(1).leave(&node_id(1)).await.expect_err("is the last");
    assert_eq!(refused.message, "attempting to demote the last manager of the swarm");
    let refused = cluster.store(1).remove_member(&node_id(2)).await.expect_err("is none");
    assert_eq!(refused.kind, ErrorKind::NotFound);
    create(cluster.store(1), 1).await.expect("goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_reachable_managers_may_join() {
    let cluster = TestCluster::of(1).await;
    let dir = tempfile::tempdir().expect("a directory");
    let known = [addr(1)];
    let wire = || cluster.lines.wire(2);
    let ask = || RaftStore::join(dir.path(), sealer(&[2]), addr(2), wire(), &known, false);
    let refused = soon("an answer", ask()).await.expect_err("nobody answers there");
    let text = refused.to_string();
    assert!(
        text.starts_with(
            "could not connect to prospective new cluster member using its advertised address 10.0.0.1:2"
        ),
        "{text}"
    );
    cluster.lines.connect(2, axum::Router::new());
    let refused = soon("an answer", ask()).await.expect_err("is no node");
    assert_eq!(refused.to_string(), format!("node {} not found", node_id(2)));
    let mut worker = manager(2);
    worker.spec.role = NodeRole::Worker;
    let put = transaction(vec![Op::PutNode(Box::new(worker))]);
    cluster.store(1).propose(put).await.expect("is new");
    let refused = soon("an answer", ask()).await.expect_err("is a worker");
    assert_eq!(refused.to_string(), format!("node {} is not a manager", node_id(2)));
    assert_eq!(cluster.store(1).state().cluster().expect("a cluster").next_raft_id, 2);
}
