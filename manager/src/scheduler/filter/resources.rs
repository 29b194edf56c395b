//! What a task sets aside must be left on its node.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::state::Reserved;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    if group.reserved == Reserved::default() {
        return Ok(());
    }
    let left = left(candidate);
    left.shortages(&group.reserved).next().map_or(Ok(()), |short| Err(refusal(short)))
}

/// Everything that is short.
pub(in crate::scheduler) fn short(group: &Group, candidate: &Candidate<'_>) -> Vec<Refusal> {
    left(candidate).shortages(&group.reserved).map(refusal).collect()
}

/// What the node has that is not set aside. Negative if it has shrunk.
fn left(candidate: &Candidate<'_>) -> Reserved {
    let mut left = Reserved::total(candidate.node);
    left.subtract(&candidate.usage.reserved);
    left
}

fn refusal((of, needed, left): (&str, i64, i64)) -> Refusal {
    Refusal::Resources { of: of.to_owned(), needed, left }
}
