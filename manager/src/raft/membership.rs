//! Managers come and go.
//!
//! The state says who should take part: the nodes with a [`ManagerRecord`](swarmlite_proto::object::ManagerRecord). The leader brings raft's
//! membership there step by step ([`next_step`]); another leader goes on where it stopped. So joining and leaving are one transaction each.
//!
//! - [`join`](self): a manager asks to take part, or to leave; and what the leader checks first.
//! - `keeper`: the leader's task that carries out the steps, one at a time.

mod join;
pub(crate) mod keeper;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;

use openraft::Membership;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;

use super::types::Member;
use super::types::Metrics;
use super::types::RaftId;
use crate::state::State;

/// How many entries a new manager may be behind when it gets its vote. Entries it lacks delay commits by about this much.
const CAUGHT_UP: u64 = 100;

/// A manager, as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// The node; `None` if it has been removed and raft has not followed yet.
    pub node_id: Option<NodeId>,
    /// Its id in raft.
    pub raft_id: u64,
    /// Where it is reached.
    pub addr: SocketAddr,
    /// Whether it votes. It does not until it has caught up.
    pub voter: bool,
    /// Whether it leads.
    pub leader: bool,
    /// Whether the leader reaches it.
    pub reachability: Reachability,
    /// Whether it is a witness.
    #[serde(default)]
    pub witness: bool,
}

/// One change of raft's membership.
#[derive(Clone, Debug, PartialEq, Eq)]
enum MembershipChange {
    /// A change that an earlier leader began is to be finished with these voters.
    Finish(BTreeSet<RaftId>),
    /// This voter is to go.
    RemoveVoter(RaftId),
    /// This member without a vote is to go.
    RemoveLearner(RaftId),
    /// This manager is to get the log.
    AddLearner(RaftId, Member),
    /// This manager has the log and is to get a vote.
    Promote(RaftId),
}

/// Who should take part.
fn wanted(state: &State) -> BTreeMap<RaftId, Member> {
    let records = state.nodes().values().filter_map(|node| node.manager);
    records.map(|record| (record.raft_id, Member { addr: record.addr })).collect()
}

/// The next change on the way from what the leader's `metrics` tell to `wanted`. Pure.
fn next_step(wanted: &BTreeMap<RaftId, Member>, metrics: &Metrics) -> Option<MembershipChange> {
    let membership = metrics.membership_config.membership();
    let voters: BTreeSet<RaftId> = membership.voter_ids().collect();
    if let [_, .., last] = membership.get_joint_config().as_slice() {
        return Some(MembershipChange::Finish(last.clone()));
    }
    // Without one that stays there is nobody to decide anything.
    if !voters.iter().any(|voter| wanted.contains_key(voter)) {
        return None;
    }
    let mut learners = membership.learner_ids();
    if let Some(gone) = learners.find(|learner| !wanted.contains_key(learner)) {
        return Some(MembershipChange::RemoveLearner(gone));
    }
    // The leader last: afterwards it does not lead any more.
    let mut unwanted: Vec<RaftId> =
        voters.iter().copied().filter(|voter| !wanted.contains_key(voter)).collect();
    unwanted.sort_by_key(|voter| *voter == metrics.id);
    if let Some(gone) = unwanted.first() {
        return Some(MembershipChange::RemoveVoter(*gone));
    }
    if let Some((id, member)) = wanted.iter().find(|(id, _)| membership.get_node(id).is_none()) {
        return Some(MembershipChange::AddLearner(*id, *member));
    }
    membership
        .learner_ids()
        .find(|learner| has_caught_up(*learner, metrics))
        .map(MembershipChange::Promote)
}

fn has_caught_up(learner: RaftId, metrics: &Metrics) -> bool {
    let matched = metrics.replication.as_ref().and_then(|all| *all.get(&learner)?);
    matched.is_some_and(|matched| {
        matched.index + CAUGHT_UP >= metrics.last_log_index.unwrap_or_default()
    })
}

/// Whether the managers could still decide without `node` (swarmkit `CanRemoveMember`: those left and reachable are a majority of those left).
///
/// # Errors
///
/// In Docker's words, when it is not a manager, the last one that is no witness, or one too many.
pub fn may_remove(members: &[MemberStatus], node: &NodeId) -> Result<()> {
    let (leaving, staying): (Vec<_>, Vec<_>) =
        members.iter().partition(|member| member.node_id.as_ref() == Some(node));
    let Some(leaving) = leaving.first() else {
        return Err(Error::not_found("can't find manager in raft memberlist"));
    };
    let staying: Vec<_> = staying.into_iter().filter(|member| member.voter).collect();
    if !leaving.voter {
        return Ok(());
    }
    if staying.iter().all(|member| member.witness) {
        return Err(Error::invalid("attempting to demote the last manager of the swarm"));
    }
    let reachable = staying
        .iter()
        .filter(|member| member.leader || member.reachability == Reachability::Reachable)
        .count();
    if reachable < staying.len() / 2 + 1 {
        return Err(Error::invalid(
            "can't remove member from the raft: this would result in a loss of quorum",
        ));
    }
    Ok(())
}

/// All members, as the leader sees them. `reaches` tells whether it has heard of one lately.
fn statuses(
    membership: &Membership<RaftId, Member>,
    state: &State,
    leader: RaftId,
    reaches: impl Fn(RaftId) -> bool,
) -> Vec<MemberStatus> {
    let node_of = |raft_id| {
        let mut nodes = state.nodes().values();
        nodes.find(|node| node.manager.is_some_and(|record| record.raft_id == raft_id))
    };
    let voters: BTreeSet<RaftId> = membership.voter_ids().collect();
    let status = |(raft_id, member): (&RaftId, &Member)| MemberStatus {
        node_id: node_of(*raft_id).map(|node| node.id.clone()),
        witness: node_of(*raft_id).is_some_and(|node| node.witness),
        raft_id: *raft_id,
        addr: member.addr,
        voter: voters.contains(raft_id),
        leader: *raft_id == leader,
        reachability: if *raft_id == leader || reaches(*raft_id) {
            Reachability::Reachable
        } else {
            Reachability::Unreachable
        },
    };
    membership.nodes().map(status).collect()
}

#[cfg(test)]
mod tests;
