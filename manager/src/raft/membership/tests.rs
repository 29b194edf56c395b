use openraft::CommittedLeaderId;
use openraft::Membership;
use proptest::prelude::*;

use super::*;
use crate::raft::types::LogId;
use crate::raft::types::StoredMembership;
use crate::state::fixture::node;

const LEADER: RaftId = 1;

fn member(id: RaftId) -> Member {
    Member { addr: SocketAddr::from(([10, 0, 0, 1], u16::try_from(id).expect("is small"))) }
}

fn wanted_ids(ids: impl IntoIterator<Item = RaftId>) -> BTreeMap<RaftId, Member> {
    ids.into_iter().map(|id| (id, member(id))).collect()
}

/// What a leader tells that has sent everything to everybody.
fn metrics(configs: Vec<BTreeSet<RaftId>>, nodes: BTreeSet<RaftId>) -> Metrics {
    let last = LogId::new(CommittedLeaderId::new(1, LEADER), 1000);
    let mut metrics = Metrics::new_initial(LEADER);
    metrics.last_log_index = Some(last.index);
    metrics.replication = Some(nodes.iter().map(|id| (*id, Some(last))).collect());
    let membership = Membership::new(configs, wanted_ids(nodes));
    metrics.membership_config = StoredMembership::new(Some(last), membership).into();
    metrics
}

fn set(ids: &[RaftId]) -> BTreeSet<RaftId> {
    ids.iter().copied().collect()
}

#[test]
fn one_step_at_a_time() {
    let step = |wanted: &[RaftId], voters: &[RaftId], all: &[RaftId]| {
        next_step(&wanted_ids(wanted.iter().copied()), &metrics(vec![set(voters)], set(all)))
    };
    assert_eq!(step(&[1], &[1], &[1]), None);
    assert_eq!(step(&[1, 2], &[1], &[1]), Some(MembershipChange::AddLearner(2, member(2))));
    assert_eq!(step(&[1, 2], &[1], &[1, 2]), Some(MembershipChange::Promote(2)));
    assert_eq!(step(&[1], &[1], &[1, 2]), Some(MembershipChange::RemoveLearner(2)));
    assert_eq!(step(&[2, 3], &[1, 2, 3], &[1, 2, 3]), Some(MembershipChange::RemoveVoter(1)));
    assert_eq!(
        step(&[2], &[1, 2, 3], &[1, 2, 3]),
        Some(MembershipChange::RemoveVoter(3)),
        "the leader last"
    );
    assert_eq!(step(&[], &[1, 2], &[1, 2]), None, "somebody has to stay");
    let joint = metrics(vec![set(&[1]), set(&[1, 2])], set(&[1, 2]));
    assert_eq!(next_step(&wanted_ids([1]), &joint), Some(MembershipChange::Finish(set(&[1, 2]))));
}

#[test]
fn who_lags_gets_no_vote() {
    let mut lagging = metrics(vec![set(&[1])], set(&[1, 2]));
    let far = LogId::new(CommittedLeaderId::new(1, LEADER), 1000 - CAUGHT_UP - 1);
    lagging.replication = Some([(2, Some(far))].into());
    assert_eq!(next_step(&wanted_ids([1, 2]), &lagging), None);
    lagging.replication = Some([(2, None)].into());
    assert_eq!(next_step(&wanted_ids([1, 2]), &lagging), None);
}

/// The membership after `step`.
fn after(
    step: &MembershipChange,
    voters: &BTreeSet<RaftId>,
    all: &BTreeSet<RaftId>,
) -> [BTreeSet<RaftId>; 2] {
    let (mut voters, mut all) = (voters.clone(), all.clone());
    match step {
        MembershipChange::Finish(last) => voters.clone_from(last),
        MembershipChange::RemoveVoter(id) => {
            voters.remove(id);
            all.remove(id);
        }
        MembershipChange::RemoveLearner(id) => {
            all.remove(id);
        }
        MembershipChange::AddLearner(id, _) => {
            all.insert(*id);
        }
        MembershipChange::Promote(id) => {
            voters.insert(*id);
        }
    }
    [voters, all]
}

proptest! {
    /// From any membership that has a voter in common with what is wanted, the steps end there, and no step leaves fewer voters than one.
    #[test]
    fn steps_lead_to_what_is_wanted(
        wanted in proptest::collection::btree_set(1_u64..8, 1..6),
        voters in proptest::collection::btree_set(1_u64..8, 1..6),
        learners in proptest::collection::btree_set(1_u64..8, 0..4),
    ) {
        prop_assume!(!wanted.is_disjoint(&voters));
        let wanted_map = wanted_ids(wanted.iter().copied());
        let all: BTreeSet<RaftId> = voters.union(&learners).copied().collect();
        let [mut voters, mut all] = [voters, all];
        for _ in 0..32 {
            let metrics = metrics(vec![voters.clone()], all.clone());
            let Some(step) = next_step(&wanted_map, &metrics) else { break };
            [voters, all] = after(&step, &voters, &all);
            prop_assert!(!voters.is_empty());
        }
        prop_assert_eq!(&voters, &wanted);
        prop_assert_eq!(&all, &wanted);
    }
}

/// Managers 1 to `count`, 1 leading, of which only those in `reachable` answer.
fn members(count: u16, reachable: &[u16]) -> Vec<MemberStatus> {
    let status = |number: u16| MemberStatus {
        node_id: Some(node(number.into(), number).id),
        raft_id: number.into(),
        addr: member(number.into()).addr,
        voter: true,
        leader: number == 1,
        reachability: if reachable.contains(&number) {
            Reachability::Reachable
        } else {
            Reachability::Unreachable
        },
        witness: false,
    };
    (1..=count).map(status).collect()
}

#[test]
fn a_majority_has_to_stay_and_be_reachable() {
    let may = |count, reachable: &[u16], leaving: u16| {
        may_remove(&members(count, reachable), &node(leaving.into(), leaving).id).is_ok()
    };
    assert!(!may(1, &[1], 1), "the last");
    assert!(may(2, &[1, 2], 2));
    assert!(may(3, &[1, 2, 3], 1));
    assert!(may(3, &[1, 2], 3), "both that stay are there");
    assert!(!may(3, &[1, 2], 2), "one of two would be left");
    assert!(may(5, &[1, 2, 3], 5), "three of four stay");
    assert!(!may(5, &[1, 2, 3], 3), "two of four are no majority");
    let mut learning = members(3, &[1]);
    learning[2].voter = false;
    may_remove(&learning, &node(3, 3).id).expect("it has no vote");
}
