//! The user's own filter.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::facts::Seen;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let Some(filter) = &group.own.filter else { return Ok(()) };
    let holds = match filter {
        Ok(filter) => filter.holds(&Seen { group, candidate }),
        Err(fault) => Err(fault.to_string()),
    };
    match holds {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::Expression(None)),
        Err(why) => Err(Refusal::Expression(Some(why))),
    }
}
