//! The third table: what a filter and a score of a service's own cost.
//!
//! One service, or as many as tasks. What reads an expression counts for each service, what computes it for each node that is looked at.

use swarmlite_manager::state::State;
use swarmlite_proto::spec::Placement;

use crate::cluster;
use crate::cluster::Load;
use crate::format;
use crate::work;

const NODES: usize = 10_000;
const TASKS: usize = 100;

/// What the services say, with what the row is called.
const ROWS: [(&str, Option<&str>, Option<&str>); 4] = [
    ("nothing", None, None),
    (
        "filter",
        Some("has(node.labels.zone) || node.free.memory > 1e9 && node.role == 'worker'"),
        None,
    ),
    ("score", None, Some("node.free.memory / node.memory + node.free.cpus / node.cpus")),
    (
        "both",
        Some("has(node.labels.zone) || node.free.memory > 1e9 && node.role == 'worker'"),
        Some("node.free.memory / node.memory + node.free.cpus / node.cpus"),
    ),
];

/// How wide the columns are.
const WIDTHS: [usize; 7] = [9, 10, 9, 11, 10, 13, 11];

/// Measures and prints it.
pub(crate) fn print(_all: bool) {
    println!("Expressions: {TASKS} tasks on {} nodes.", format::count(NODES));
    let above = ["", "", "", "processor", "time", "allocations", "allocated"];
    let below = ["own", "services", "time", "time", "a task", "a task", "a task"];
    println!("{}", format::line(&WIDTHS, &above));
    println!("{}", format::line(&WIDTHS, &below));
    let cluster = cluster::of(NODES);
    for services in [1, TASKS] {
        for (name, filter, score) in ROWS {
            println!(
                "{}",
                format::line(&WIDTHS, &measure(&cluster, services, name, filter, score))
            );
        }
    }
    println!();
}

fn measure(
    cluster: &State,
    services: usize,
    name: &str,
    filter: Option<&str>,
    score: Option<&str>,
) -> [String; 7] {
    let mut state = cluster.clone();
    let load = Load { name: "waiting", services, replicas: TASKS / services };
    let [filter, score] = [filter, score].map(|text| text.map(str::to_owned));
    let placement = Placement { filter, score, ..Placement::default() };
    load.add(
        &mut state,
        |_, service| service.spec.task_template.placement = Some(placement.clone()),
        |_, _, task| cluster::wait(task),
    );
    let (_, cost) = work::place(&state);
    [
        name.to_owned(),
        services.to_string(),
        format::time(cost.time),
        format::time(cost.processor),
        format::time(work::share(cost.time, TASKS)),
        (cost.allocated.count / TASKS).to_string(),
        format::bytes(cost.allocated.bytes / TASKS),
    ]
}
