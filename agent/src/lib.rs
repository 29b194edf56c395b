//! The node: tasks through Docker, and the data plane. [`Agent::start`] runs it.
//!
//! ```text
//!  managers ──> session ──> ledger ──> worker ──> task controllers ──> Docker Engine
//!     ^            ^                └─> network (the data plane) ──> kernel
//!     └────────────┴──── reporter <──────────┘  statuses, generation programmed
//! ```
//!
//! - [`identity`]: how the machine becomes a node and stays one.
//! - [`session`]: the talk with the leader; [`assignment`] puts together what it says, [`ledger`] keeps it on disk.
//! - [`worker`]: one [`task::controller`] per task; what to do next is decided in [`task::step`]; the engine that it is done with is [`docker`].
//! - [`network`]: the data plane.
//! - [`attachments`]: standalone containers on networks of the cluster.
//! - [`logs`]: what containers write, for those who read it through the managers.
//! - [`reporter`]: statuses on their way to the managers.
//! - `start`: all of it put together; `handle`: as it runs; `leave`: as it goes.
//!
//! The agent carries out and reports; it never chooses a node, an address or a port. It needs no manager to keep things
//! running, and no container ends because the agent does.

pub mod assignment;
pub mod attachments;
pub mod config;
mod disk;
pub mod docker;
mod handle;
pub mod identity;
mod leave;
pub mod ledger;
pub mod logs;
pub mod network;
mod node;
mod parts;
mod plane;
mod renewal;
pub mod reporter;
pub mod session;
pub mod standing;
mod start;
pub mod task;
pub mod worker;

pub use self::config::AgentConfig;
pub use self::handle::AgentHandle;
pub use self::leave::LeaveError;
pub use self::parts::StartError;
pub use self::start::Agent;
