//! A port that a task publishes on its node can be published there once.

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let mut ports = group.host_ports.iter();
    let taken = ports.find(|port| candidate.usage.host_ports.contains_key(*port));
    taken.map_or(Ok(()), |(_, port)| Err(Refusal::HostPort(*port)))
}
