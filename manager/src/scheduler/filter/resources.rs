//! What a task sets aside must be left on its node.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    candidate.available.shortage(&group.reserved).map_or(Ok(()), |(of, needed, left)| {
        Err(Refusal::Resources { of: of.to_owned(), needed, left })
    })
}
