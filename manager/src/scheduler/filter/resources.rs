//! What a task sets aside must be left on its node.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let (reserved, available) = (&group.reserved, &candidate.available);
    let basic = [
        ("CPU", reserved.nano_cpus, available.nano_cpus),
        ("memory", reserved.memory_bytes, available.memory_bytes),
    ];
    let generic = reserved.generic.iter().map(|(kind, needed)| {
        (kind.as_str(), *needed, available.generic.get(kind).copied().unwrap_or(0))
    });
    // What is not asked for cannot be short, even on a node that has less than its tasks have set aside.
    let short =
        basic.into_iter().chain(generic).find(|(_, needed, left)| *needed > 0 && needed > left);
    short.map_or(Ok(()), |(of, needed, left)| {
        Err(Refusal::Resources { of: of.to_owned(), needed, left })
    })
}
