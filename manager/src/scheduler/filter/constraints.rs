//! The constraints that the user sets.

use super::Refusal;
use crate::placement::constraint;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let Some(constraints) = &group.constraints else {
        return Err(Refusal::Constraint("that cannot be read".to_owned()));
    };
    let violated = constraints.iter().position(|one| !constraint::matches(one, candidate.node));
    violated.map_or(Ok(()), |position| {
        let placement = group.revision.task.placement.as_ref();
        let text = placement.and_then(|placement| placement.constraints.get(position));
        Err(Refusal::Constraint(text.cloned().unwrap_or_default()))
    })
}
