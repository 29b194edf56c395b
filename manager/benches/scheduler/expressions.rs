//! The third table: what a filter and a score of a service's own cost, and affinities.
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

const FILTER: &str = "has(node.labels.zone) || node.free.memory > 1e9 && node.role == 'worker'";
const SCORE: &str = "node.free.memory / node.memory + node.free.cpus / node.cpus";

/// What a row is called, and what its services say.
type Row = (&'static str, fn(&mut Placement));

/// Of the affinities each is to the first of the services.
const ROWS: [Row; 7] = [
    ("nothing", |_| {}),
    ("filter", |placement| placement.filter = Some(FILTER.to_owned())),
    ("score", |placement| placement.score = Some(SCORE.to_owned())),
    ("both", |placement| {
        placement.filter = Some(FILTER.to_owned());
        placement.score = Some(SCORE.to_owned());
    }),
    ("apart", |placement| placement.anti_affinity = only("service==waiting-0")),
    ("near", |placement| placement.affinity = only("soft:service==waiting-0")),
    ("by name", |placement| {
        placement.affinity = only("soft:service==waiting-0 over node.hostname");
    }),
];

fn only(rule: &str) -> Option<Vec<String>> {
    Some(vec![rule.to_owned()])
}

/// How wide the columns are.
const WIDTHS: [usize; 7] = [9, 10, 9, 11, 10, 13, 11];

/// Measures and prints it.
pub(crate) fn print(_all: bool) {
    println!("Expressions and affinities: {TASKS} tasks on {} nodes.", format::count(NODES));
    let above = ["", "", "", "processor", "time", "allocations", "allocated"];
    let below = ["own", "services", "time", "time", "a task", "a task", "a task"];
    println!("{}", format::line(&WIDTHS, &above));
    println!("{}", format::line(&WIDTHS, &below));
    let cluster = cluster::of(NODES);
    for services in [1, TASKS] {
        for (name, say) in ROWS {
            println!("{}", format::line(&WIDTHS, &measure(&cluster, services, name, say)));
        }
    }
    println!();
}

fn measure(cluster: &State, services: usize, name: &str, say: fn(&mut Placement)) -> [String; 7] {
    let mut state = cluster.clone();
    let load = Load { name: "waiting", services, replicas: TASKS / services };
    let mut placement = Placement::default();
    say(&mut placement);
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
