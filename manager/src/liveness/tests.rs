//! When nodes are ready, unknown and down.

use super::*;
use crate::loops::tests::world::World;
use crate::state::State;

const PERIOD: Duration = Duration::from_secs(5);

#[test]
fn the_heartbeat_period_is_dockers_when_nobody_says() {
    assert_eq!(heartbeat_period(&State::default()), PERIOD);
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH + Duration::from_secs(seconds)
}

/// Carries out a pass at `now`; says what the only node is then, and when the loop wants to look again.
fn judge_at(world: &mut World, now: Timestamp) -> (NodeState, String, Option<Timestamp>) {
    world.now = now;
    let plan = reconcile(&world.view, now, &mut world.rng);
    for transaction in plan.transactions {
        world.commit(transaction.ops);
    }
    let status = world.state().nodes().values().next().expect("one node").status.clone();
    (status.state, status.message, plan.wake_at)
}

#[test]
fn a_node_is_down_after_three_silent_periods_and_back_with_a_heartbeat() {
    let mut world = World::new(1);
    let node = world.nodes().remove(0);
    assert!(world.view.sessions.heard(&node, at(0), PERIOD), "a new session wakes");
    assert!(!world.view.sessions.heard(&node, at(5), PERIOD), "a heartbeat does not");
    assert_eq!(judge_at(&mut world, at(5)), (NodeState::Ready, String::new(), Some(at(20))));
    assert_eq!(judge_at(&mut world, at(19)).0, NodeState::Ready);
    assert_eq!(judge_at(&mut world, at(20)), (NodeState::Down, MISSED.to_owned(), None));
    assert!(world.view.sessions.heard(&node, at(60), PERIOD), "an end of silence wakes");
    assert_eq!(judge_at(&mut world, at(60)), (NodeState::Ready, String::new(), Some(at(75))));
}

#[test]
fn a_new_leader_gives_nodes_twice_the_time() {
    let mut world = World::new(1);
    world.view.leader_since = at(100);
    let unknown = (NodeState::Unknown, LEADER_CHANGED.to_owned(), Some(at(130)));
    assert_eq!(judge_at(&mut world, at(100)), unknown);
    assert_eq!(judge_at(&mut world, at(129)), unknown);
    let down = (NodeState::Down, MISSED_UNKNOWN.to_owned(), None);
    assert_eq!(judge_at(&mut world, at(130)), down);
}

#[test]
fn what_an_earlier_reign_heard_does_not_make_a_node_down() {
    let mut world = World::new(1);
    let node = world.nodes().remove(0);
    world.view.sessions.heard(&node, at(0), PERIOD);
    world.view.leader_since = at(100);
    assert_eq!(judge_at(&mut world, at(100)).0, NodeState::Unknown);
}

#[test]
fn a_node_that_is_down_stays_down_under_a_new_leader() {
    let mut world = World::new(1);
    let node = world.nodes().remove(0);
    world.edit_node(&node, |node| node.status.state = NodeState::Down);
    world.view.leader_since = at(100);
    assert_eq!(judge_at(&mut world, at(100)).0, NodeState::Down);
    let plan = reconcile(&world.view, at(101), &mut world.rng);
    assert_eq!(plan, Plan::default());
}

#[test]
fn the_heartbeat_period_of_the_cluster_counts() {
    let mut world = World::new(1);
    let node = world.nodes().remove(0);
    let mut cluster = world.state().cluster().expect("is there").as_ref().clone();
    cluster.spec.dispatcher.heartbeat_period = Duration::from_secs(1).into();
    world.commit(vec![Op::PutCluster(Box::new(cluster))]);
    world.view.sessions.heard(&node, at(0), PERIOD);
    assert_eq!(judge_at(&mut world, at(3)).0, NodeState::Down);
}
