//! A witness: a manager that votes and keeps the log, so that two others and it are a cluster that survives the loss of any one of the three. It acts
//! for the cluster never, and so needs no Docker Engine and no API.
//!
//! It does not stand for election, with one exception. The last entries of a leader that is lost may be on no other manager, and a candidate without
//! them gets no vote of it (Raft, 5.4.1). It then leads for as long as the others need to get these entries, and gives up the leadership: it calls
//! no more, and whoever has everything is elected in its place.
//!
//! It keeps the state too: the log is cut off behind a snapshot, and a manager that lacks more than the log holds gets that.

use std::sync::Mutex;
use std::sync::PoisonError;

use openraft::ServerState;
use openraft::raft::VoteResponse;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::ELECTION_TIMEOUT_MAX;
use super::types::LogId;
use super::types::Metrics;
use super::types::Raft;
use super::types::RaftId;

/// What makes a witness of a manager.
pub(super) struct Witness {
    raft: Raft,
    heard: Mutex<Option<Instant>>,
    _follower: AbortOnDropHandle<()>,
}

impl Witness {
    /// Has this manager be a witness from now on.
    pub(super) fn start(raft: Raft) -> Self {
        raft.runtime_config().elect(false);
        let follower = tokio::spawn(follow(raft.clone(), raft.metrics()));
        Self { raft, heard: Mutex::default(), _follower: AbortOnDropHandle::new(follower) }
    }

    /// A leader has called, and is there.
    pub(super) fn hears_the_leader(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A candidate whose log ends with `log` has asked for a vote, and got this answer. Stands for election itself if nobody can be elected without: the
    /// leader is gone, and the candidate lacks what this manager has.
    pub(super) async fn was_asked(&self, log: Option<LogId>, answer: &VoteResponse<RaftId>) {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_led = heard.is_some_and(|heard| heard.elapsed() <= ELECTION_TIMEOUT_MAX);
        if answer.vote_granted || is_led || log >= answer.last_log_id {
            return;
        }
        tracing::info!("the witness leads until another manager has all that it has");
        self.raft.runtime_config().elect(true);
        // Raft has stopped otherwise, which whoever waits for it sees.
        let _stopped = self.raft.trigger().elect().await;
    }
}

/// Gives the leadership up as soon as another can take it. Ends when raft does.
async fn follow(raft: Raft, mut metrics: watch::Receiver<Metrics>) {
    loop {
        let step = step(&metrics.borrow_and_update());
        match step {
            Step::Wait => {}
            Step::Call => raft.runtime_config().heartbeat(true),
            Step::Yield => {
                raft.runtime_config().elect(false);
                raft.runtime_config().heartbeat(false);
            }
            Step::Follow => {
                raft.runtime_config().elect(false);
                raft.runtime_config().heartbeat(true);
            }
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// What a witness does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It has no part in what goes on.
    Wait,
    /// It leads, and has to bring the others what it has.
    Call,
    /// It leads, and another has everything.
    Yield,
    /// Another leads.
    Follow,
}

/// The next step, by what raft says.
fn step(metrics: &Metrics) -> Step {
    if metrics.state != ServerState::Leader {
        let is_led = metrics.current_leader.is_some_and(|leader| leader != metrics.id);
        return if is_led { Step::Follow } else { Step::Wait };
    }
    let is_settled =
        metrics.last_applied.is_some_and(|applied| applied.leader_id.term == metrics.current_term);
    let voters = metrics.membership_config.membership().voter_ids();
    let mut others = voters.filter(|voter| *voter != metrics.id);
    let replication = metrics.replication.as_ref();
    let has_everything = |voter: RaftId| {
        let matched = replication.and_then(|all| *all.get(&voter)?);
        matched.is_some_and(|matched| Some(matched.index) >= metrics.last_log_index)
    };
    if is_settled && others.any(has_everything) { Step::Yield } else { Step::Call }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use openraft::CommittedLeaderId;
    use openraft::Membership;
    use openraft::StoredMembership;

    use super::*;
    use crate::raft::types::Member;

    /// The last entry of the term.
    fn entry(term: u64) -> LogId {
        LogId::new(CommittedLeaderId::new(term, 1), 10 + term)
    }

    /// Manager 3 of three, which leads in term 2 and has applied everything.
    fn leading() -> Metrics {
        let addr = (Ipv4Addr::LOCALHOST, 1).into();
        let nodes: BTreeMap<RaftId, Member> = (1..=3).map(|id| (id, Member { addr })).collect();
        let membership = Membership::new(vec![BTreeSet::from([1, 2, 3])], nodes);
        let last = entry(2);
        Metrics {
            state: ServerState::Leader,
            current_term: 2,
            current_leader: Some(3),
            last_log_index: Some(last.index),
            last_applied: Some(last),
            membership_config: Arc::new(StoredMembership::new(Some(entry(1)), membership)),
            replication: Some(BTreeMap::from([(1, None), (2, Some(entry(1))), (3, Some(last))])),
            ..Metrics::new_initial(3)
        }
    }

    #[test]
    fn the_leadership_is_given_up_as_soon_as_another_has_everything() {
        let behind = leading();
        assert_eq!(step(&behind), Step::Call, "its own copy does not count");
        let replication = BTreeMap::from([(1, None), (2, Some(entry(2))), (3, Some(entry(2)))]);
        let level = Metrics { replication: Some(replication), ..leading() };
        assert_eq!(step(&level), Step::Yield);
        let unsettled = Metrics { last_applied: Some(entry(1)), ..level };
        assert_eq!(step(&unsettled), Step::Call, "not even this one has applied it");
    }

    #[test]
    fn it_follows_who_leads() {
        let following =
            |current_leader| Metrics { state: ServerState::Follower, current_leader, ..leading() };
        assert_eq!(step(&following(Some(1))), Step::Follow);
        assert_eq!(step(&following(None)), Step::Wait);
        let candidate = Metrics { state: ServerState::Candidate, ..following(None) };
        assert_eq!(step(&candidate), Step::Wait);
    }
}
