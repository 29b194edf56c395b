//! What a machine has to do, measured: beside what its tasks have set aside.

use serde::Deserialize;
use serde::Serialize;

/// What a machine has to do. Each part is smoothed, and all alike: of a task that has just come, as much is missing in the number of tasks as
/// in what they use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLoad {
    /// How much of its processors is busy, whoever keeps them so, in billionths of a core.
    pub nano_cpus: i64,
    /// How much of its memory a new process could not have, in bytes.
    pub memory_bytes: i64,
    /// How many tasks it runs, in thousandths of a task.
    pub milli_tasks: i64,
}
