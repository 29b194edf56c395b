//! Only nodes that are alive and active get tasks.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::state::gets_tasks;

pub(super) fn check(_: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    if gets_tasks(candidate.node) { Ok(()) } else { Err(Refusal::NotAvailable) }
}
