//! What a task sets aside must be left on its node.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::state::Reserved;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    if group.reserved == Reserved::default() {
        return Ok(());
    }
    let left = candidate.left();
    left.shortages(&group.reserved).next().map_or(Ok(()), |short| Err(refusal(short)))
}

/// Everything that is short.
pub(in crate::scheduler) fn short(group: &Group, candidate: &Candidate<'_>) -> Vec<Refusal> {
    candidate.left().shortages(&group.reserved).map(refusal).collect()
}

fn refusal((of, needed, left): (&str, i64, i64)) -> Refusal {
    Refusal::Resources { of: of.to_owned(), needed, left }
}
