//! `usage`: the node that is the least in use, by what its tasks have set aside and by what was measured there, whichever is more.
//!
//! What is measured lags behind: a task that has just been placed shows in it only after a while. So each task by which a node has more than it
//! had when it was measured counts like one of those that are placed, and one that sets nothing aside is taken to use a little: a hundred of
//! them would all go to one node otherwise.

use swarmlite_proto::load::NodeLoad;

use super::count;
use super::share::WHOLE;
use super::share::share;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::state::Reserved;

/// What a task is taken to use that sets no processor aside, in billionths of a core (Kubernetes `pkg/scheduler/util/pod_resources.go`).
const SOME_CPUS: i64 = 100_000_000;

/// The same for memory, in bytes.
const SOME_MEMORY: i64 = 200 << 20;

/// Nodes whose shares differ by less are in use alike, for a task that runs on one of them: a tenth of a machine's processors, say.
pub(in crate::scheduler) const NOISE: i64 = WHOLE / 10;

/// The shares of processor and memory that are in use with one more task of the group, together; then the tasks. Less is better.
pub(super) fn score(group: &Group, candidate: &Candidate<'_>) -> (i64, i64) {
    let [processor, memory] = shares(group, candidate, 1);
    (processor.saturating_add(memory), count(candidate.usage.tasks))
}

/// The shares of processor and memory that are in use with `more` tasks of the group.
pub(in crate::scheduler) fn shares(
    group: &Group,
    candidate: &Candidate<'_>,
    more: i64,
) -> [i64; 2] {
    let total = Reserved::total(candidate.node);
    let (needed, used) = (&group.reserved, &candidate.usage.reserved);
    let load = candidate.load.copied().unwrap_or_else(|| guess(candidate.usage.tasks));
    let tasks = count(candidate.usage.tasks).saturating_add(more);
    let new = tasks.saturating_mul(1000).saturating_sub(load.milli_tasks);
    let part = |used: i64, needed: i64, some: i64, measured: i64, total: i64| {
        let reserved = used.saturating_add(needed.saturating_mul(more));
        let each = if needed > 0 { needed } else { some };
        let expected = measured.saturating_add(thousandths(new, each));
        share(expected.max(reserved), total)
    };
    [
        part(used.nano_cpus, needed.nano_cpus, SOME_CPUS, load.nano_cpus, total.nano_cpus),
        part(
            used.memory_bytes,
            needed.memory_bytes,
            SOME_MEMORY,
            load.memory_bytes,
            total.memory_bytes,
        ),
    ]
}

/// What a node with so many tasks is taken to have to do that has not said so: it would look idle otherwise, and get everything.
fn guess(tasks: usize) -> NodeLoad {
    let tasks = count(tasks);
    NodeLoad {
        nano_cpus: tasks.saturating_mul(SOME_CPUS),
        memory_bytes: tasks.saturating_mul(SOME_MEMORY),
        milli_tasks: tasks.saturating_mul(1000),
    }
}

/// So many thousandths of something.
fn thousandths(count: i64, of: i64) -> i64 {
    i64::try_from(i128::from(count) * i128::from(of) / 1000).unwrap_or(i64::MAX / 4)
}
