//! A port that a task publishes on its node can be published there once.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    taken(group, candidate).next().map_or(Ok(()), Err)
}

/// Every port that is taken.
pub(in crate::scheduler) fn taken<'a>(
    group: &'a Group,
    candidate: &'a Candidate<'_>,
) -> impl Iterator<Item = Refusal> + 'a {
    let ports = group.host_ports.iter();
    let taken = ports.filter(|port| candidate.usage.host_ports.contains_key(*port));
    taken.map(|(_, port)| Refusal::HostPort(*port))
}
