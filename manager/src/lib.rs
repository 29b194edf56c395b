//! The control plane of swarmlite.
//!
//! - [`state`]: what the cluster is, replicated; the only bus between all that follows.
//! - [`ca`]: the certificate authority, and how machines become nodes.
//! - [`server`]: what managers answer to other nodes, and who may ask.
//! - [`members`]: who the managers are.
//! - [`raft`]: keeps that state the same on every manager.
//! - [`store`]: how the rest reads that state and proposes changes to it.
//!
//! A manager never touches Docker or the kernel; that is the agents' part.

pub mod ca;
pub mod members;
pub mod raft;
pub mod server;
pub mod state;
pub mod store;
