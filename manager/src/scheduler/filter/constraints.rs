//! The constraints that the user sets.

use super::Refusal;
use crate::placement::constraint;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    violated(group, candidate).next().map_or(Ok(()), Err)
}

/// Every constraint that the node does not meet.
pub(in crate::scheduler) fn violated<'a>(
    group: &'a Group,
    candidate: &'a Candidate<'_>,
) -> impl Iterator<Item = Refusal> + 'a {
    let unreadable = group.constraints.is_none();
    let unreadable = unreadable.then(|| Refusal::Constraint("that cannot be read".to_owned()));
    let placement = group.revision.task.placement.as_ref();
    let texts = placement.into_iter().flat_map(|placement| &placement.constraints);
    let constraints = group.constraints.iter().flatten().zip(texts);
    let violated = constraints.filter(|(one, _)| !constraint::matches(one, candidate.node));
    unreadable.into_iter().chain(violated.map(|(_, text)| Refusal::Constraint(text.clone())))
}
