//! What a task sets aside must be left on its node.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::state::Reserved;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    if group.reserved == Reserved::default() {
        return Ok(());
    }
    // What the node has that is not set aside. Negative if it has shrunk.
    let mut left = Reserved::total(candidate.node);
    left.subtract(&candidate.usage.reserved);
    left.shortage(&group.reserved).map_or(Ok(()), |(of, needed, left)| {
        Err(Refusal::Resources { of: of.to_owned(), needed, left })
    })
}
