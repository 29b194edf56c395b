//! The node: tasks through Docker, and the data plane.

mod disk;
pub mod identity;
pub mod network;
