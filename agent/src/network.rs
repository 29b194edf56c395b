//! The data plane of one node.

pub mod dns;
