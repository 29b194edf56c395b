//! The node: tasks through Docker, and the data plane.

pub mod assignment;
mod disk;
pub mod identity;
pub mod ledger;
pub mod network;
pub mod reporter;
pub mod session;
pub mod task;
pub mod worker;
