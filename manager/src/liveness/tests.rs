//! When nodes are ready, unknown and down.

use swarmlite_proto::format::Versions;
use swarmlite_proto::id::NodeId;

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

/// A world of two nodes that have been heard of at 0, in which the first has lost the second and the second was asked at 10.
fn asked() -> (World, NodeId) {
    let mut world = World::new(2);
    for id in world.nodes() {
        world.edit_node(&id, |node| {
            node.versions = Versions::own();
        });
        world.view.sessions.heard(&id, at(0), PERIOD);
    }
    let nodes = world.nodes();
    let [reporter, lost] = &nodes[..] else { panic!("two nodes") };
    let suspicions = &mut world.view.sessions.suspicions;
    suspicions.report(reporter, [lost.clone()].into());
    assert!(suspicions.weigh(&world.view.state, at(10), |_| true));
    let lost = lost.clone();
    (world, lost)
}

/// Carries out a pass at `now`; says what `node` is then.
fn state_of(world: &mut World, node: &NodeId, now: Timestamp) -> NodeState {
    judge_at(world, now);
    world.state().nodes()[node].status.state
}

#[test]
fn a_node_that_others_lost_is_down_if_it_does_not_answer() {
    let (mut world, lost) = asked();
    let due = world.view.sessions.suspicions.due(&lost).expect("was asked");
    assert_eq!(judge_at(&mut world, at(10)).2, Some(due), "it looks again");
    assert_eq!(state_of(&mut world, &lost, at(11)), NodeState::Ready);
    assert_eq!(state_of(&mut world, &lost, due), NodeState::Down);
    assert_eq!(world.state().nodes()[&lost].status.message, LOST);
    assert_eq!(state_of(&mut world, &lost, at(14)), NodeState::Down, "silence changes nothing");
    assert!(world.view.sessions.heard(&lost, at(14), PERIOD), "an answer wakes");
    assert_eq!(state_of(&mut world, &lost, at(14)), NodeState::Ready);
}

#[test]
fn a_node_that_answers_stays_ready_whatever_others_say() {
    let (mut world, lost) = asked();
    world.view.sessions.heard(&lost, at(11), PERIOD);
    assert_eq!(state_of(&mut world, &lost, at(12)), NodeState::Ready);
    assert_eq!(state_of(&mut world, &lost, at(14)), NodeState::Ready);
}

#[test]
fn what_an_earlier_reign_has_asked_is_not_waited_for() {
    let (mut world, lost) = asked();
    world.view.leader_since = at(100);
    assert_eq!(state_of(&mut world, &lost, at(100)), NodeState::Unknown);
}
