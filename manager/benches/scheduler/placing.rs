//! The first table: tasks that wait are placed, on a cluster on which nothing runs.
//!
//! Each task of its own service, as in swarmkit's benchmark; and one service, or few, of many tasks.

use std::time::Duration;

use swarmlite_manager::state::State;

use crate::cluster;
use crate::cluster::Load;
use crate::format;
use crate::memory;
use crate::work;

/// One row.
#[derive(Clone, Copy, Debug)]
struct Shape {
    tasks: usize,
    services: usize,
    /// What swarmkit's benchmark of the same shape took, on two cores of a virtual machine.
    swarmkit: Option<Duration>,
    /// Whether it is measured only when asked for.
    takes_long: bool,
}

impl Shape {
    const fn new(tasks: usize, services: usize) -> Self {
        Self { tasks, services, swarmkit: None, takes_long: false }
    }

    const fn swarmkit(mut self, milliseconds: u64) -> Self {
        self.swarmkit = Some(Duration::from_millis(milliseconds));
        self
    }

    const fn takes_long(mut self) -> Self {
        self.takes_long = true;
        self
    }
}

const THOUSAND: [Shape; 4] = [
    Shape::new(1000, 1000).swarmkit(162),
    Shape::new(10_000, 10_000).swarmkit(1230),
    Shape::new(100_000, 100_000).swarmkit(16_300),
    Shape::new(100_000, 1),
];
const TEN_THOUSAND: [Shape; 4] = [
    Shape::new(1000, 1000),
    Shape::new(100_000, 100_000),
    Shape::new(1_000_000, 1),
    Shape::new(1_000_000, 1000).takes_long(),
];

/// How wide the columns are.
const WIDTHS: [usize; 12] = [5, 7, 10, 9, 11, 10, 10, 8, 13, 11, 10, 10];

/// Measures and prints it.
pub(crate) fn print(all: bool) {
    println!(
        "Placing: from \"nodes and waiting tasks are in the state\" to \"every task has its node\"."
    );
    println!("A task of the state is counted with its share of the service.");
    let above = [
        "",
        "",
        "",
        "",
        "processor",
        "time",
        "swarm-",
        "",
        "allocations",
        "allocated",
        "state",
        "state",
    ];
    let below = [
        "nodes", "tasks", "services", "time", "time", "a task", "kit", "ratio", "a task", "a task",
        "a task", "a node",
    ];
    println!("{}", format::line(&WIDTHS, &above));
    println!("{}", format::line(&WIDTHS, &below));
    for (nodes, shapes) in [(1000, THOUSAND), (10_000, TEN_THOUSAND)] {
        let before = memory::held();
        let cluster = cluster::of(nodes);
        let of_node = (memory::held() - before) / nodes;
        for shape in shapes.into_iter().filter(|shape| all || !shape.takes_long) {
            let mut cells = vec![format::count(nodes)];
            cells.extend(measure(&cluster, shape));
            cells.push(format::bytes(of_node));
            println!("{}", format::line(&WIDTHS, &cells));
        }
    }
    println!();
}

/// The cells of one row that are not about the nodes.
fn measure(cluster: &State, shape: Shape) -> [String; 10] {
    let Shape { tasks, services, swarmkit, .. } = shape;
    let before = memory::held();
    let mut state = cluster.clone();
    let load = Load { name: "waiting", services, replicas: tasks / services };
    load.add(&mut state, |_, _| {}, |_, _, task| cluster::wait(task));
    let (placed, cost) = work::place(&state);
    drop(state);
    // What is left of it is in what has come of it.
    let of_task = (memory::held() - before) / tasks;
    drop(placed);
    [
        format::count(tasks),
        format::count(services),
        format::time(cost.time),
        format::time(cost.processor),
        format::time(work::share(cost.time, tasks)),
        swarmkit.map(format::time).unwrap_or_default(),
        swarmkit.map(|other| format::ratio(cost.time, other)).unwrap_or_default(),
        (cost.allocated.count / tasks).to_string(),
        format::bytes(cost.allocated.bytes / tasks),
        format::bytes(of_task),
    ]
}
