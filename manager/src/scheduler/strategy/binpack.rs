//! `binpack`: the fullest node first, so that others stay free for what is large.

use super::count;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::state::Reserved;

/// A whole of which shares are taken: finer than a megabyte of a terabyte.
pub(in crate::scheduler) const WHOLE: i64 = 1_000_000_000;

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
        share(used.nano_cpus, more.nano_cpus, total.nano_cpus),
        share(used.memory_bytes, more.memory_bytes, total.memory_bytes),
    ]
}

/// Which share of `total` is gone with `needed`. A node that has nothing, as one that has not said yet what it has, has nothing to give away either.
fn share(used: i64, needed: i64, total: i64) -> i64 {
    if total <= 0 {
        return 0;
    }
    let taken = i128::from(used) + i128::from(needed);
    i64::try_from(taken * i128::from(WHOLE) / i128::from(total)).unwrap_or(i64::MAX / 4)
}
