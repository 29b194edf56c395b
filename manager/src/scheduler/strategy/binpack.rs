//! `binpack`: the fullest node first, so that others stay free for what is large.

use super::count;
use super::share::share;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::state::Reserved;

/// The shares of processor and memory that are set aside with one more task of the group, together: of two nodes with nothing on them the
/// smaller is the fuller one. Then the tasks, which also order those that set nothing aside. More is better, and less is first.
pub(super) fn score(group: &Group, candidate: &Candidate<'_>) -> (i64, i64) {
    let [processor, memory] = shares(candidate, &group.reserved);
    (-(processor + memory), -count(candidate.usage.tasks))
}

/// The shares of processor and memory that are set aside with `more`.
pub(in crate::scheduler) fn shares(candidate: &Candidate<'_>, more: &Reserved) -> [i64; 2] {
    let total = Reserved::total(candidate.node);
    let used = &candidate.usage.reserved;
    [
        share(used.nano_cpus.saturating_add(more.nano_cpus), total.nano_cpus),
        share(used.memory_bytes.saturating_add(more.memory_bytes), total.memory_bytes),
    ]
}
