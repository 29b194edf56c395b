//! Options of `rebalance`.

use clap::Args;

/// Options of `rebalance`.
#[derive(Debug, Args)]
pub(crate) struct RebalanceArgs {
    /// Service whose tasks may move, by name or id. All services if none is given.
    pub(crate) services: Vec<String>,

    /// Print what would move, and change nothing.
    #[arg(long)]
    pub(crate) plan: bool,

    /// Move at most this many tasks [default: 200].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=200))]
    pub(crate) max_moves: Option<u64>,

    /// Exit at once instead of waiting until all have moved.
    #[arg(short, long)]
    pub(crate) detach: bool,
}
