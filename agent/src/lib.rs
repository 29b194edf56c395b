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
//! - [`http`]: what the proxy of the node answers, on which ports, and how it reaches tasks.
//! - [`attachments`]: standalone containers on networks of the cluster.
//! - [`load`]: what the machine has to do, for the scheduler.
//! - [`logs`]: what containers write, for those who read it through the managers.
//! - [`reporter`]: statuses on their way to the managers.
//! - `metrics`: the numbers of the agent, for Prometheus; `examination`: what it measures for those who check the node.
//! - [`pick`]: what balances connections on the node, as its operator has it.
//! - `member`: what a node has also without an engine; `witness`: a node that has nothing else.
//! - `start`: all of it put together; `handle`: as it runs; `leave`: as it goes.
//!
//! The agent carries out and reports; it never chooses a node, an address or a port. It needs no manager to keep things
//! running, and no container ends because the agent does.

mod assignment;
mod attachments;
mod config;
mod disk;
mod docker;
mod examination;
mod handle;
mod http;
pub mod identity;
mod leave;
mod ledger;
mod load;
mod logs;
mod member;
mod metrics;
#[cfg_attr(
    not(feature = "testing"),
    expect(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "the feature `testing` lets tests reach into it, and count what is balanced"
    )
)]
mod network;
mod node;
mod parts;
mod plane;
mod renewal;
mod reporter;
mod session;
mod standing;
mod start;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod witness;
mod worker;

pub use self::attachments::Attaching;
pub use self::attachments::Desk;
pub use self::config::AgentConfig;
pub use self::examination::Peers;
pub use self::examination::Tables;
pub use self::handle::AgentHandle;
pub use self::leave::LeaveError;
pub use self::network::balancer::choice::Choice;
pub use self::network::balancer::choice::ChoiceError;
pub use self::network::balancer::choice::Picked;
pub use self::network::balancer::choice::pick;
pub use self::parts::StartError;
pub use self::standing::Known;
pub use self::standing::SessionState;
pub use self::start::Agent;
