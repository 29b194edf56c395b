//! What would become of the cluster.

use std::collections::BTreeMap;

use swarmlite_proto::api::SimulatedLoad;
use swarmlite_proto::api::SimulatedMove;
use swarmlite_proto::api::SimulatedNode;
use swarmlite_proto::api::SimulatedPlace;
use swarmlite_proto::api::Simulation;

use super::explanation;
use super::explanation::Canvas;
use super::natural_order;
use super::pretty::Page;
use super::pretty::bytes;
use super::table;

/// So many tasks are named; of more it is said how many.
const NAMED: usize = 20;

/// What would become of the cluster, on a page.
pub(crate) fn page(simulation: &Simulation, canvas: Canvas) -> String {
    let mut page = Page::default();
    for (heading, moves) in by_kind(&simulation.moves) {
        page.line(heading);
        page.line(table::align(&listed(&moves)).trim_end());
        page.line("");
    }
    if simulation.moves.is_empty() {
        page.line("No task would move.");
        page.line("");
    }
    page.line(loads(&simulation.nodes).trim_end());
    page.line("");
    for waiting in &simulation.waiting {
        page.line(explanation::page(waiting, canvas).trim_end());
        page.line("");
    }
    if !simulation.quorum {
        page.line(
            "Half of the managers or more would be gone: nothing would be replaced before one of them is back.",
        );
        page.line("");
    }
    page.line("This is a simulation: nothing was changed.");
    page.finish()
}

/// The moves under what they have in common, in the order in which that matters.
fn by_kind(moves: &[SimulatedMove]) -> Vec<(String, Vec<&SimulatedMove>)> {
    let mut kinds: BTreeMap<Kind, Vec<&SimulatedMove>> = BTreeMap::new();
    for it in moves {
        kinds.entry(Kind::of(it)).or_default().push(it);
    }
    let heading = |kind: Kind, count: usize| {
        let tasks = if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") };
        format!("{tasks} {}:", kind.words())
    };
    kinds.into_iter().map(|(kind, moves)| (heading(kind, moves.len()), moves)).collect()
}

/// What becomes of a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Waits,
    Moves,
    Ends,
    Begins,
}

impl Kind {
    /// Tasks that stand for their node, which have no number, come and go with it.
    const fn of(it: &SimulatedMove) -> Self {
        match (&it.from, &it.to, it.slot) {
            (Some(_), None, 0) => Self::Ends,
            (Some(_) | None, None, _) => Self::Waits,
            (Some(_), Some(_), _) => Self::Moves,
            (None, Some(_), _) => Self::Begins,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Waits => "would have no node",
            Self::Moves => "would move",
            Self::Ends => "would end with the node",
            Self::Begins => "would start",
        }
    }
}

fn listed(moves: &[&SimulatedMove]) -> String {
    let (named, more) = moves.split_at(moves.len().min(NAMED));
    let mut lines: Vec<String> = named.iter().map(|it| line(it)).collect();
    lines.extend((!more.is_empty()).then(|| format!("  and {} more", more.len())));
    lines.join("\n") + "\n"
}

fn line(it: &SimulatedMove) -> String {
    let name = match it.slot {
        0 => it.service_name.clone(),
        slot => format!("{}.{slot}", it.service_name),
    };
    let place = |place: &Option<SimulatedPlace>| {
        place.as_ref().map_or_else(|| "-".to_owned(), |place| place.hostname.clone())
    };
    match Kind::of(it) {
        Kind::Begins => format!("  {name}\t{}", place(&it.to)),
        Kind::Ends | Kind::Waits => format!("  {name}\t{}", place(&it.from)),
        Kind::Moves => format!("  {name}\t{} -> {}", place(&it.from), place(&it.to)),
    }
}

/// The nodes with what they would have.
fn loads(nodes: &[SimulatedNode]) -> String {
    let mut nodes: Vec<&SimulatedNode> = nodes.iter().collect();
    nodes.sort_by(|one, other| natural_order(&one.hostname, &other.hostname));
    let mut page = Page::default();
    page.line("NODE\tTASKS\tCPU RESERVED\tMEMORY RESERVED");
    for node in nodes {
        let mark = match (node.lost, node.new) {
            (true, _) => " (lost)",
            (_, true) => " (new)",
            _ => "",
        };
        let SimulatedNode { before, after, .. } = node;
        let tasks = change(before.tasks.to_string(), after.tasks.to_string());
        let cpus = |load: &SimulatedLoad| cores(load.nano_cpus);
        let cpu = format!("{} of {}", change(cpus(before), cpus(after)), cores(node.nano_cpus));
        let memory = |load: &SimulatedLoad| bytes(load.memory_bytes);
        let memory =
            format!("{} of {}", change(memory(before), memory(after)), bytes(node.memory_bytes));
        page.line(format_args!("{}{mark}\t{tasks}\t{cpu}\t{memory}", node.hostname));
    }
    page.aligned()
}

fn change(before: String, after: String) -> String {
    if before == after { before } else { format!("{before} -> {after}") }
}

/// Processors, from billionths of one.
fn cores(nano: i64) -> String {
    let (whole, thousandths) = (nano / 1_000_000_000, nano % 1_000_000_000 / 1_000_000);
    if thousandths == 0 {
        return whole.to_string();
    }
    format!("{whole}.{thousandths:03}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::explanation;

    const PLAIN: Canvas = Canvas { width: 100, color: false };

    fn place(at: usize) -> SimulatedPlace {
        let node = &explanation().nodes[at];
        SimulatedPlace { node_id: node.node_id.clone(), hostname: node.hostname.clone() }
    }

    fn moved(name: &str, slot: u64, from: Option<usize>, to: Option<usize>) -> SimulatedMove {
        SimulatedMove {
            service_id: explanation().service_id,
            service_name: name.to_owned(),
            slot,
            from: from.map(place),
            to: to.map(place),
        }
    }

    fn node(at: usize, tasks: (u64, u64)) -> SimulatedNode {
        let load = |tasks: u64| SimulatedLoad {
            tasks,
            nano_cpus: tasks.cast_signed() * 250_000_000,
            memory_bytes: tasks.cast_signed() << 29,
        };
        let SimulatedPlace { node_id, hostname } = place(at);
        SimulatedNode {
            node_id,
            hostname,
            lost: tasks.1 == 0,
            new: tasks.0 == 0,
            nano_cpus: 4_000_000_000,
            memory_bytes: 8 << 30,
            before: load(tasks.0),
            after: load(tasks.1),
        }
    }

    #[test]
    fn what_moves_stands_above_what_nodes_have() {
        let simulation = Simulation {
            moves: vec![
                moved("web", 2, Some(0), Some(1)),
                moved("agent", 0, Some(0), None),
                moved("db", 1, Some(0), None),
                moved("cache", 1, None, Some(2)),
            ],
            waiting: Vec::new(),
            nodes: vec![node(0, (3, 0)), node(1, (1, 2)), node(2, (0, 1))],
            quorum: false,
        };
        insta::assert_snapshot!(page(&simulation, PLAIN), @r"
        1 task would have no node:
          db.1    node2

        1 task would move:
          web.2   node2 -> node1

        1 task would end with the node:
          agent   node2

        1 task would start:
          cache.1   node3

        NODE           TASKS     CPU RESERVED       MEMORY RESERVED
        node1          1 -> 2    0.25 -> 0.5 of 4   512MiB -> 1GiB of 8GiB
        node2 (lost)   3 -> 0    0.75 -> 0 of 4     1.5GiB -> 0B of 8GiB
        node3 (new)    0 -> 1    0 -> 0.25 of 4     0B -> 512MiB of 8GiB

        Half of the managers or more would be gone: nothing would be replaced before one of them is back.

        This is a simulation: nothing was changed.
        ");
    }

    #[test]
    fn what_would_wait_is_explained() {
        let simulation = Simulation {
            moves: Vec::new(),
            waiting: vec![explanation()],
            nodes: vec![node(1, (1, 1))],
            quorum: true,
        };
        let page = page(&simulation, PLAIN);
        assert!(page.starts_with("No task would move.\n\n"), "{page}");
        assert!(page.contains("\nTo place it: "), "{page}");
        assert!(page.ends_with("\n\nThis is a simulation: nothing was changed.\n"), "{page}");
    }
}
