//! The front door for agents.

pub mod assignment;
