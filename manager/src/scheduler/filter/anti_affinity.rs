//! Tasks of other services that must not be where the task is: because the service says so, or because one of these others does.

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
    let unmet = group.rules.apart.iter().filter(|rule| !candidate.is_apart(rule));
    unmet.map(|rule| Refusal::AntiAffinity(rule.told()))
}
