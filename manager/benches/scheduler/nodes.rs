//! The second table: whether a task costs more when there are more nodes.
//!
//! The clusters run tasks already, as many on each node. The tasks that are placed are of a service each, so that every one of them is a decision of its own.

use std::time::Duration;

use swarmlite_manager::state::State;
use swarmlite_proto::id::NodeId;

use crate::cluster;
use crate::cluster::Load;
use crate::format;
use crate::work;

/// How many nodes there are.
const NODES: [usize; 4] = [100, 1000, 10_000, 100_000];
/// How many tasks run on each of them, and how many of these are of one service.
const RUNNING: usize = 10;
const REPLICAS: usize = 100;
/// How many are cost.
const TASKS: usize = 1000;

/// How wide the columns are.
const WIDTHS: [usize; 8] = [6, 9, 9, 11, 10, 10, 13, 11];

/// Measures and prints it.
pub(crate) fn print(_all: bool) {
    println!(
        "Nodes: {} tasks of a service each, on clusters that run {RUNNING} tasks on each node.",
        format::count(TASKS)
    );
    let above = ["", "", "", "processor", "time", "", "allocations", "allocated"];
    let below = ["nodes", "running", "time", "time", "a task", "ratio", "a task", "a task"];
    println!("{}", format::line(&WIDTHS, &above));
    println!("{}", format::line(&WIDTHS, &below));
    let mut first: Option<Duration> = None;
    for nodes in NODES {
        let mut state = running(nodes);
        let load = Load { name: "waiting", services: TASKS, replicas: 1 };
        load.add(&mut state, |_, _| {}, |_, _, task| cluster::wait(task));
        let (_, cost) = work::place(&state);
        let cells = [
            format::count(nodes),
            format::count(nodes * RUNNING),
            format::time(cost.time),
            format::time(cost.processor),
            format::time(work::share(cost.time, TASKS)),
            format::ratio(cost.time, *first.get_or_insert(cost.time)),
            (cost.allocated.count / TASKS).to_string(),
            format::bytes(cost.allocated.bytes / TASKS),
        ];
        println!("{}", format::line(&WIDTHS, &cells));
    }
    println!();
}

/// A cluster of so many nodes that runs tasks.
fn running(nodes: usize) -> State {
    let mut state = cluster::of(nodes);
    let ids: Vec<NodeId> = state.nodes().keys().cloned().collect();
    let services = nodes * RUNNING / REPLICAS;
    let load = Load { name: "running", services, replicas: REPLICAS };
    load.add(
        &mut state,
        |_, _| {},
        |of, number, task| cluster::run(task, &ids[(of * REPLICAS + number) % nodes]),
    );
    state
}
