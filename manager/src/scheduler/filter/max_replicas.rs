//! The user can limit how many tasks of a service one node runs.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let max = group.revision.task.placement.as_ref().map_or(0, |placement| placement.max_replicas);
    let reached = usize::try_from(max).is_ok_and(|max| candidate.tasks_of(group) >= max);
    if max > 0 && reached { Err(Refusal::MaxReplicas(max)) } else { Ok(()) }
}
