//! The lab: several real nodes on one machine.
//!
//! ```text
//!   namespace "switch"            namespaces of node1 (network, mounts, processes, host name)
//!  ┌────────────────────┐        ┌──────────────────────────────────────────────┐
//!  │ br0 ── port node1 ─┼────────┼─ eth0 10.213.L.11   dockerd  swarmlite daemon │
//!  │     ── port node2 ─┼── ...  └──────────────────────────────────────────────┘
//!  │     ── port client ┼────────── namespace "client": 10.213.L.254, the outside world
//!  │     ── port host ──┼────────── 10.213.L.1 on this machine, when asked for
//!  └────────────────────┘
//! ```
//!
//! - [`Lab`]: all of it as a value: made, opened by another process, removed.
//! - [`Node`]: one machine of the lab: its engine, its daemon, its kernel.
//! - [`Namespace`]: where a command runs.
//! - [`eventually`]: awaiting a condition; there is no other way to wait.
//! - [`Answer`]: what the workload said.
//! - [`run_as_root`]: the harness of tests that need root.
//! - [`run_in_machine`]: a program in a virtual machine, with another kernel.
//! - [`load`]: clients that never stop asking, and the table of what failed.
//! - [`http`]: requests on a Unix socket, byte for byte.
//!
//! Nothing of the lab lives in the namespaces of the machine itself (but the one link that the demo asks for), so that the machine's own
//! Docker, firewall and routes are neither used nor changed, and all of a lab is gone when its processes are. The lab knows the command
//! line and the HTTP interface of swarmlite and must never reach into its crates: it sees what a user sees.

mod answer;
mod cgroup;
mod command;
mod harness;
pub mod http;
mod image;
mod lab;
pub mod load;
mod namespace;
mod node;
mod subnet;
mod vm;
mod wait;

pub use crate::answer::Answer;
pub use crate::command::run;
pub use crate::harness::run_as_root;
pub use crate::lab::Lab;
pub use crate::lab::Options;
pub use crate::lab::environment;
pub use crate::namespace::Namespace;
pub use crate::node::Node;
pub use crate::node::Service;
pub use crate::vm::Outcome;
pub use crate::vm::Report;
pub use crate::vm::run_in_machine;
pub use crate::wait::eventually;
