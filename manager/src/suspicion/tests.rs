use swarmlite_proto::format::Versions;
use swarmlite_proto::object::Node;

use super::*;
use crate::state::Op;
use crate::state::fixture::commit;
use crate::state::fixture::node;

fn at(milliseconds: u64) -> Timestamp {
    Timestamp::EPOCH + Duration::from_millis(milliseconds)
}

fn id(number: u16) -> NodeId {
    node(number.into(), number).id
}

fn ids(numbers: &[u16]) -> BTreeSet<NodeId> {
    numbers.iter().copied().map(id).collect()
}

/// A cluster of these nodes, of this version, all of which are up.
fn cluster(nodes: u16, versions: Versions) -> State {
    let mut state = State::default();
    let mut put = |number| {
        let mut node = node(u64::from(number), number);
        node.status.state = NodeState::Ready;
        node.versions = versions;
        commit(&mut state, vec![Op::PutNode(Box::new(node))]).expect("is new");
    };
    (1..=nodes).for_each(&mut put);
    state
}

#[test]
fn a_witness_is_not_waited_for() {
    let mut leader = Leader::new(3);
    let witness = Node { witness: true, ..Node::clone(&leader.state.nodes()[&id(3)]) };
    commit(&mut leader.state, vec![Op::PutNode(Box::new(witness))]).expect("is current");
    leader.suspicions.hang_up(&id(3), at(0));
    assert!(leader.report(at(1), 1, &[2]), "nobody else could report");
    assert_eq!(leader.asked, [id(2)]);
}

/// What the leader of a cluster knows, and whom it has asked.
struct Leader {
    state: State,
    suspicions: Suspicions,
    in_session: BTreeSet<NodeId>,
    asked: Vec<NodeId>,
}

impl Leader {
    /// Of a cluster in which all nodes are in session and reach one another.
    fn new(nodes: u16) -> Self {
        let numbers: Vec<u16> = (1..=nodes).collect();
        let mut leader = Self {
            state: cluster(nodes, Versions::own()),
            suspicions: Suspicions::default(),
            in_session: ids(&numbers),
            asked: Vec::new(),
        };
        for number in numbers {
            assert!(!leader.report(at(0), number, &[]));
        }
        leader
    }

    fn report(&mut self, now: Timestamp, reporter: u16, lost: &[u16]) -> bool {
        self.suspicions.report(&id(reporter), ids(lost));
        let (in_session, asked) = (&self.in_session, &mut self.asked);
        self.suspicions.weigh(&self.state, now, |node| {
            asked.push(node.clone());
            in_session.contains(node)
        })
    }
}

#[test]
fn a_node_is_asked_once_more_than_half_of_the_others_have_lost_it() {
    let mut leader = Leader::new(5);
    for reporter in [1, 2] {
        assert!(!leader.report(at(1000), reporter, &[5]));
    }
    assert_eq!(leader.suspicions.due(&id(5)), None);
    assert!(leader.report(at(1100), 3, &[5]));
    assert_eq!(leader.suspicions.due(&id(5)), Some(at(1100) + ANSWER));
    assert!(!leader.report(at(1200), 4, &[5]), "it was asked already");
    assert_eq!(leader.asked, [id(5)]);
}

#[test]
fn one_node_that_has_lost_all_others_accuses_nobody() {
    let mut leader = Leader::new(4);
    assert!(!leader.report(at(1000), 1, &[2, 3, 4]));
    // And it is the one that the others have lost.
    leader.report(at(1000), 2, &[1]);
    assert!(leader.report(at(1000), 3, &[1]));
    assert_eq!(leader.asked, [id(1)]);
}

#[test]
fn the_smaller_part_of_a_cluster_does_not_give_up_the_larger() {
    let mut leader = Leader::new(7);
    for reporter in 1..=3 {
        assert!(!leader.report(at(1000), reporter, &[4, 5, 6, 7]));
    }
    assert_eq!(leader.asked, []);
}

#[test]
fn a_first_report_is_not_enough_where_there_could_be_others() {
    // As after a change of leader: the first agent is in session, the others will be.
    let mut leader = Leader::new(4);
    leader.suspicions = Suspicions::default();
    assert!(!leader.report(at(1000), 1, &[4]));
    assert!(leader.report(at(1000), 2, &[4]));
    let mut of_two = Leader::new(2);
    assert!(of_two.report(at(1000), 1, &[2]), "there is nobody else");
}

#[test]
fn a_node_without_a_session_is_not_waited_for() {
    let mut leader = Leader::new(2);
    leader.in_session.remove(&id(2));
    assert!(leader.report(at(1000), 1, &[2]));
    assert_eq!(leader.suspicions.due(&id(2)), Some(at(1000)));
}

#[test]
fn a_session_that_ends_gives_no_answer_and_no_reports() {
    let mut leader = Leader::new(3);
    leader.report(at(1000), 1, &[3]);
    leader.report(at(1000), 2, &[3]);
    assert!(!leader.suspicions.hang_up(&id(1), at(1100)), "nobody had asked it");
    assert!(leader.suspicions.hang_up(&id(3), at(1200)));
    assert_eq!(leader.suspicions.due(&id(3)), Some(at(1200)));
    assert!(!leader.suspicions.hang_up(&id(3), at(1300)), "it was given up already");
}

#[test]
fn an_answer_ends_the_wait_and_the_same_reports_do_not_begin_another() {
    let mut leader = Leader::new(2);
    leader.report(at(1000), 1, &[2]);
    assert!(leader.suspicions.heard(&id(2)));
    assert!(!leader.suspicions.heard(&id(2)), "nothing was asked");
    assert_eq!(leader.suspicions.due(&id(2)), None);
}

#[test]
fn a_suspicion_that_is_taken_back_in_time_is_forgotten() {
    let mut leader = Leader::new(2);
    leader.report(at(1000), 1, &[2]);
    leader.report(at(1500), 1, &[]);
    assert_eq!(leader.suspicions.due(&id(2)), None);
    leader.report(at(2000), 1, &[2]);
    let due = at(2000) + ANSWER;
    leader.report(due, 1, &[]);
    assert_eq!(leader.suspicions.due(&id(2)), Some(due), "it has to give a sign of life first");
}

#[test]
fn who_cannot_be_asked_is_not_suspected() {
    let mut leader = Leader::new(2);
    leader.state = cluster(2, Versions::default());
    assert!(!leader.report(at(1000), 1, &[2]), "it would not understand");
    leader.state = State::default();
    assert!(!leader.report(at(1000), 1, &[2]), "it was removed");
    leader.state = cluster(2, Versions::own());
    let mut down = leader.state.nodes()[&id(2)].as_ref().clone();
    down.status.state = NodeState::Down;
    commit(&mut leader.state, vec![Op::PutNode(Box::new(down))]).expect("is there");
    assert!(!leader.report(at(1000), 1, &[2]), "it is down");
}
