//! The control plane of swarmlite.
//!
//! - [`state`]: what the cluster is, replicated; the only bus between all that follows.
//! - [`store`]: how the rest reads that state and proposes changes to it.
//!
//! A manager never touches Docker or the kernel; that is the agents' part.

pub mod state;
pub mod store;
