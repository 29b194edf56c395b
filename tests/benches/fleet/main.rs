//! What a cluster costs its managers: agents that are only simulated, against real managers, over real TLS.
//!
//! ```text
//! cargo bench --locked --workspace --bench fleet                              a small cluster
//! cargo bench --locked --workspace --bench fleet -- 100:5000 1000:50000       these, as AGENTS:TASKS
//! cargo bench --locked --workspace --bench fleet -- --help                    and what else there is
//! ```
//!
//! The managers are the real thing, each in a process of its own, whose processor time and memory the kernel counts: raft with its log on a disk, the
//! loops, the dispatcher, the certificate authority and the API. Agents join with a token, hold sessions, and say that their containers run and that
//! their tables hold what they were told ([`agent`]). What is left out is what agents do: engines, kernels, disks of nodes.
//!
//! Nothing is asserted but that every task gets to run and is routed. All agents are in one process beside the managers: what takes long does so also
//! because the agents have work to do. Compare processor time and bytes; seconds only of the same machine. Bytes are those of messages,
//! before TLS.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints what it measures"
)]

mod agent;
mod child;
mod fleet;
#[path = "../../../manager/benches/scheduler/format.rs"]
#[expect(
    dead_code,
    clippy::expect_used,
    reason = "it is of a benchmark that prints more, and ends when it cannot"
)]
mod format;
mod manager;
mod message;
mod probe;
mod row;
mod standing;
mod table;
mod tally;
mod times;

use std::time::Duration;

use clap::Parser;
use clap::Subcommand;
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

use self::row::Options;
use self::row::Size;
use self::table::Table;

/// What a cluster costs its managers.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Measure clusters of these sizes
    #[arg(value_name = "AGENTS:TASKS", default_value = "100:5000")]
    sizes: Vec<Size>,
    /// Have so many managers
    #[arg(long, default_value_t = 1)]
    managers: usize,
    /// Give each service so many tasks
    #[arg(long, default_value_t = 100)]
    replicas: usize,
    /// Make each change so many times
    #[arg(long, default_value_t = 10)]
    changes: usize,
    /// Give up a size after so many minutes
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Measure; cargo says this
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a manager; the benchmark starts these by itself
    #[command(hide = true)]
    Manager(manager::Arguments),
}

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    if let Some(Command::Manager(manager)) = arguments.command {
        return manager::run(manager).await;
    }
    // `cargo test --benches` runs this program too.
    if !arguments.bench {
        println!("not measured: use cargo bench");
        return Ok(());
    }
    let Arguments { managers, replicas, changes, .. } = arguments;
    let limit = Duration::from_secs(60 * arguments.minutes);
    let mut table = Table(Vec::new());
    for size in arguments.sizes {
        let measured = row::measure(size, Options { managers, replicas, changes });
        match timeout(limit, measured).await {
            Ok(Ok(column)) => table.0.push(column),
            Ok(Err(error)) => eprintln!("{size:?}: {error:#}"),
            Err(_) => eprintln!("{size:?}: given up after {limit:?}"),
        }
    }
    println!("{table}");
    Ok(())
}
