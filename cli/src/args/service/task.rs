//! Options about the tasks of a service: how many, where, and what they may use.

use clap::Args;
use clap::ValueEnum;
use swarmlite_proto::spec::EndpointMode;

use crate::value::bytes;
use crate::value::count;
use crate::value::cpus;
use crate::value::rebalance;
use crate::value::strategy;
use crate::value::volumes;

/// How tasks are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// So many tasks, anywhere.
    Replicated,
    /// One task on each node that fits.
    Global,
    /// So many tasks that run to completion.
    ReplicatedJob,
    /// One task on each node that fits, run to completion.
    GlobalJob,
}

/// How many tasks, and where.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Tasks")]
pub(crate) struct TaskFlags {
    /// Number of tasks [default: 1].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) replicas: Option<u64>,

    /// Maximum number of tasks per node; 0 stands for any number.
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) replicas_max_per_node: Option<u64>,

    /// Number of tasks of a job to run concurrently [default: --replicas].
    #[arg(long, value_name = "COUNT", value_parser = count::parse, allow_negative_numbers = true)]
    pub(crate) max_concurrent: Option<u64>,

    /// Strategy that chooses among the nodes that fit: spread, binpack, random or usage; an empty one stands for the swarm's [default: the swarm's].
    #[arg(long, value_name = "STRATEGY", value_parser = strategy::parse)]
    pub(crate) placement_strategy: Option<String>,

    /// Expression that has to hold on a node, such as "node.free.memory > 1e9"; an empty one takes it back.
    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub(crate) placement_filter: Option<String>,

    /// Expression that is a number, such as node.free.cpus: of the nodes that fit the one where it is greatest is chosen; an empty one takes it back.
    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub(crate) placement_score: Option<String>,

    /// Bring each replica back to the node where it was before, which has its volumes: stay; an empty one lets them go anywhere.
    #[arg(long, value_name = "MODE", value_parser = volumes::parse)]
    pub(crate) placement_volumes: Option<String>,

    /// Move replicas to nodes that have become better, without being told: auto; an empty one leaves them where they are.
    #[arg(long, value_name = "MODE", value_parser = rebalance::parse)]
    pub(crate) placement_rebalance: Option<String>,

    /// Endpoint mode, what the name of the service resolves to: one virtual address (vip) or the addresses of all tasks (dnsrr).
    #[arg(long, value_name = "MODE", value_parser = endpoint_mode)]
    pub(crate) endpoint_mode: Option<EndpointMode>,
}

fn endpoint_mode(text: &str) -> Result<EndpointMode, String> {
    match text.to_ascii_lowercase().as_str() {
        "vip" => Ok(EndpointMode::Vip),
        "dnsrr" => Ok(EndpointMode::DnsRr),
        _ => Err("must be vip or dnsrr".to_owned()),
    }
}

/// What a task may use, and what is set aside for it.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Resources")]
pub(crate) struct ResourceFlags {
    /// Limit CPUs, such as 0.5.
    #[arg(long, value_name = "CORES", value_parser = cpus::parse)]
    pub(crate) limit_cpu: Option<i64>,

    /// Limit memory, such as 512m.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    pub(crate) limit_memory: Option<i64>,

    /// Limit swap beside the memory, which has to be limited; -1 stands for any amount [default: as much as the memory].
    #[arg(long, value_name = "BYTES", value_parser = swap, allow_negative_numbers = true)]
    pub(crate) memory_swap: Option<i64>,

    /// Tune how readily the kernel swaps a task out, 0 to 100; -1 stands for the kernel's own setting.
    #[arg(long, value_name = "SWAPPINESS", allow_negative_numbers = true)]
    pub(crate) memory_swappiness: Option<i64>,

    /// Limit the number of processes; 0 stands for any number.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub(crate) limit_pids: Option<i64>,

    /// Reserve CPUs.
    #[arg(long, value_name = "CORES", value_parser = cpus::parse)]
    pub(crate) reserve_cpu: Option<i64>,

    /// Reserve memory.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    pub(crate) reserve_memory: Option<i64>,
}

fn swap(text: &str) -> Result<i64, String> {
    if text == "-1" { Ok(-1) } else { bytes::parse(text) }
}
