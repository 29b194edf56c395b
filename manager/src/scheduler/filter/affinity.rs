//! Tasks of other services that have to be where the task is.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    unmet(group, candidate).next().map_or(Ok(()), Err)
}

/// Every rule that the node does not meet.
pub(in crate::scheduler) fn unmet<'a>(
    group: &'a Group,
    candidate: &'a Candidate<'_>,
) -> impl Iterator<Item = Refusal> + 'a {
    let unmet = group.rules.near.iter().filter(|rule| !candidate.is_near(rule));
    unmet.map(|rule| Refusal::Affinity(rule.told()))
}
