//! What a leader that was restarted in its own term has to have applied before it answers reads.
//!
//! A leader knows what is committed once an entry of its own term is (Ongaro, Consensus: Bridging Theory and Practice, 6.4). openraft lets a leader that was
//! restarted lead on in the term that it had (`Engine::startup`), and takes the first entry of that term for such an entry. What was committed
//! and acknowledged after it, the leader may not have noted when it was killed; but all of it is in its log. So all that was in its log then counts.

use super::types::RaftId;
use super::types::Vote;

/// The term that this manager led when it ended, with the last entry of its log then. None if it did not lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Resumed(Option<(u64, u64)>);

impl Resumed {
    /// What follows for the member `id` from what is on its disk.
    pub(super) fn of(id: RaftId, vote: Option<Vote>, last_index: u64) -> Self {
        let led = vote.filter(|vote| vote.committed && vote.leader_id.node_id == id);
        Self(led.map(|vote| (vote.leader_id.term, last_index)))
    }

    /// The entry that a read has to see which was begun in `term`, if raft says that it is `index`.
    pub(super) fn read_index(self, term: u64, index: u64) -> u64 {
        match self.0 {
            Some((resumed, last_index)) if resumed == term => index.max(last_index),
            _ => index,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_that_leads_on_counts_all_that_was_in_its_log() {
        let resumed = Resumed::of(1, Some(Vote::new_committed(3, 1)), 70);
        assert_eq!(resumed.read_index(3, 60), 70, "it had not noted the last");
        assert_eq!(resumed.read_index(3, 80), 80, "and it has gone on");
        // It was elected anew, and has an entry of its own; what was in its log may be gone.
        assert_eq!(resumed.read_index(4, 60), 60);
    }

    #[test]
    fn others_count_what_raft_says() {
        for vote in [None, Some(Vote::new(3, 1)), Some(Vote::new_committed(3, 2))] {
            assert_eq!(Resumed::of(1, vote, 70), Resumed::default());
        }
        assert_eq!(Resumed::default().read_index(3, 60), 60);
    }
}
