//! What placing tasks costs, and what one change costs the loops of the leader.
//!
//! ```text
//! cargo bench --locked --workspace --bench scheduler                      every table
//! cargo bench --locked --workspace --bench scheduler -- --all             and the rows that take long
//! cargo bench --locked --workspace --bench scheduler -- placing change    these tables only
//! ```
//!
//! - `placing`: the shapes of swarmkit's own benchmark (`manager/scheduler/scheduler_test.go`, `benchScheduler`), and larger ones.
//! - `nodes`: whether a task costs more when there are more nodes.
//! - `expressions`: what filters and scores of the services' own cost, and affinities.
//! - `change`: whether a change costs more when there are more tasks.
//!
//! Everything is the real thing: the state that managers replicate, and the loops that decide from it. Raft, disk and network are left out, as
//! they are in swarmkit's benchmark. Nothing is asserted but that every task is placed, and that the loops have nothing to do before the change.
//!
//! Seconds are those of the machine it runs on. Every allocation is counted, which takes time too. What is said of memory is what was asked of the
//! allocator.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot measure says why and ends, and prints what it measured"
)]

mod change;
mod cluster;
mod expressions;
mod format;
mod memory;
mod nodes;
mod placing;
mod work;

/// Measures and prints a table, with or without what takes long.
type Print = fn(bool);

/// The tables, by the names that they are asked for by.
const TABLES: [(&str, Print); 4] = [
    ("placing", placing::print),
    ("nodes", nodes::print),
    ("expressions", expressions::print),
    ("change", change::print),
];

fn main() -> Result<(), String> {
    let (own, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    // Only `cargo bench` says so; `cargo test --benches` runs this program too.
    if !own.iter().any(|argument| argument == "--bench") {
        println!("not measured: use cargo bench");
        return Ok(());
    }
    if let Some(unknown) = own.iter().find(|it| !["--bench", "--all"].contains(&it.as_str())) {
        return Err(format!("unknown option {unknown}: there is --all"));
    }
    if let Some(unknown) = names.iter().find(|name| TABLES.iter().all(|(it, _)| it != name)) {
        let known = TABLES.map(|(name, _)| name).join(", ");
        return Err(format!("unknown table {unknown}: there are {known}"));
    }
    let all = own.iter().any(|argument| argument == "--all");
    for (name, print) in TABLES {
        if names.is_empty() || names.iter().any(|it| it == name) {
            print(all);
        }
    }
    println!("This process has had at most {} of memory.", format::bytes(memory::peak()));
    Ok(())
}
