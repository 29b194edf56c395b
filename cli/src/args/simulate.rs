//! Options of `simulate`.

use clap::Args;
use swarmlite_proto::api::NodesToAdd;

use super::ExplainFormat;
use crate::value::new_nodes;

/// Options of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Node that is lost, by name or id. Can be given several times.
    #[arg(long, value_name = "NODE", required_unless_present_any = ["add", "rebalance"])]
    pub(crate) lose: Vec<String>,

    /// Workers that are added, such as '2x(4 cpu, 8 GiB)' or '4 cpu, 8 GiB, zone=b'. Can be given several times.
    #[arg(long, value_name = "NODES", value_parser = new_nodes::parse)]
    pub(crate) add: Vec<NodesToAdd>,

    /// Then rebalance all services.
    #[arg(long)]
    pub(crate) rebalance: bool,

    /// How it is printed.
    #[command(flatten)]
    pub(crate) output: ExplainFormat,
}
