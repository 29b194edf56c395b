//! A task that is to stay with its volumes goes where the one before it in its slot has left them.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let is_elsewhere = group.home.as_ref().is_some_and(|home| home != candidate.id());
    if is_elsewhere { Err(Refusal::Volumes) } else { Ok(()) }
}
