//! The task that keeps raft's membership as the state wants it. Acts only while this manager leads.

use std::collections::BTreeSet;
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::error::ClientWriteError;
use openraft::error::RaftError;
use swarmlite_proto::error::chain;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::MembershipChange;
use super::next_step;
use super::wanted;
use crate::raft::leadership::Leadership;
use crate::raft::types::Member;
use crate::raft::types::Metrics;
use crate::raft::types::Raft;
use crate::raft::types::RaftId;
use crate::state::State;

/// When to try again what has failed.
const RETRY: Duration = Duration::from_secs(1);

/// Starts the task.
pub(crate) fn spawn(
    raft: Raft,
    state: watch::Receiver<State>,
    leadership: watch::Receiver<Leadership>,
) -> AbortOnDropHandle<()> {
    let metrics = raft.metrics();
    let keeper = Keeper { raft, metrics, state, leadership };
    AbortOnDropHandle::new(tokio::spawn(keeper.run()))
}

struct Keeper {
    raft: Raft,
    metrics: watch::Receiver<Metrics>,
    state: watch::Receiver<State>,
    leadership: watch::Receiver<Leadership>,
}

impl Keeper {
    async fn run(mut self) {
        // An error means that raft has stopped.
        while self.leadership.wait_for(|leadership| leadership.leader).await.is_ok() {
            // The membership first: a state read after it wants at least what has led to it.
            let metrics = self.metrics.borrow_and_update().clone();
            let wanted = wanted(&self.state.borrow_and_update());
            match next_step(&wanted, &metrics) {
                Some(step) => self.carry_out(step).await,
                // Cancel-safe: all three lose nothing when dropped.
                None => tokio::select! {
                    _ = self.metrics.changed() => {}
                    _ = self.state.changed() => {}
                    _ = self.leadership.changed() => {}
                },
            }
        }
    }

    async fn carry_out(&mut self, step: MembershipChange) {
        tracing::info!(?step, "membership changes");
        if let Err(error) = change(&self.raft, step.clone()).await {
            tracing::warn!(?step, error = chain(&error), "membership did not change");
            // Sooner if somebody else leads now.
            let _ = timeout(RETRY, self.leadership.changed()).await;
        }
    }
}

async fn change(
    raft: &Raft,
    step: MembershipChange,
) -> Result<(), RaftError<RaftId, ClientWriteError<RaftId, Member>>> {
    let changes = match step {
        MembershipChange::Finish(voters) => ChangeMembers::ReplaceAllVoters(voters),
        MembershipChange::RemoveVoter(id) => ChangeMembers::RemoveVoters(BTreeSet::from([id])),
        MembershipChange::RemoveLearner(id) => ChangeMembers::RemoveNodes(BTreeSet::from([id])),
        MembershipChange::AddLearner(id, member) => ChangeMembers::AddNodes([(id, member)].into()),
        MembershipChange::Promote(id) => ChangeMembers::AddVoterIds(BTreeSet::from([id])),
    };
    // What leaves the voters leaves the cluster.
    raft.change_membership(changes, false).await.map(drop)
}
