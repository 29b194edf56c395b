//! How long it takes, and how much memory, until every task that waits has a node.

use std::time::Duration;

use swarmlite_manager::state::State;
use swarmlite_manager::testing::Leader;
use swarmlite_proto::task_state::TaskState;
use tokio::time::Instant;

use crate::cluster;
use crate::memory::Allocated;

/// The same is done again until it has taken so long in all, and so often at most: the median counts.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
const OFTEN_ENOUGH: usize = 5;

/// What it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// How long.
    pub(crate) time: Duration,
    /// For how long of that it had a processor. Less means that the machine had other things to do.
    pub(crate) processor: Duration,
    /// What was asked of the allocator meanwhile.
    pub(crate) allocated: Allocated,
}

/// Has every task of `state` placed. Returns what there is then.
pub(crate) fn place(state: &State) -> (State, Cost) {
    let mut costs: Vec<Cost> = Vec::new();
    loop {
        let (placed, cost) = place_once(state.clone());
        costs.push(cost);
        let total: Duration = costs.iter().map(|cost| cost.time).sum();
        if costs.len() >= OFTEN_ENOUGH || total >= LONG_ENOUGH {
            costs.sort_by_key(|cost| cost.time);
            return (placed, costs.swap_remove(costs.len() / 2));
        }
    }
}

/// As the leader does it: the loop decides and what it decided is carried out, until it finds nothing to do. All of that counts.
fn place_once(mut state: State) -> (State, Cost) {
    let mut leader = Leader::new(&state, cluster::now());
    let (before, processor_before) = (Allocated::so_far(), processor());
    let began = Instant::now();
    loop {
        leader.observe(&state);
        let planned = leader.pass("scheduler").expect("there is a scheduler");
        if planned.is_empty() {
            break;
        }
        for transaction in planned {
            let index = state.applied() + 1;
            state.apply(index, transaction).expect("nothing has changed meanwhile");
        }
    }
    let time = began.elapsed();
    let allocated = Allocated::so_far() - before;
    let processor = processor().saturating_sub(processor_before);
    let all_placed = state
        .tasks()
        .values()
        .all(|task| task.node_id.is_some() && task.status.state >= TaskState::Assigned);
    assert!(all_placed, "there are tasks without a node");
    (state, Cost { time, processor, allocated })
}

/// For how long this thread, the only one, has had a processor. The kernel keeps count in its ticks of a few milliseconds.
fn processor() -> Duration {
    let figures = std::fs::read_to_string("/proc/self/schedstat").expect("the kernel tells");
    let nanoseconds = figures.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

/// What one of `count` has of `time`.
pub(crate) fn share(time: Duration, count: usize) -> Duration {
    time / u32::try_from(count).expect("not that many")
}

/// The median of what `work` takes.
pub(crate) fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = Vec::new();
    while times.len() < OFTEN_ENOUGH && times.iter().sum::<Duration>() < LONG_ENOUGH {
        let began = Instant::now();
        work();
        times.push(began.elapsed());
    }
    times.sort();
    times.swap_remove(times.len() / 2)
}
