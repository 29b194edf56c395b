//! The `swarmlite` program: client commands, and the daemon of one node.
//!
//! Everything a user types starts here and ends as an exit code: 0, 1 when the command failed or is none, 125 when one of its options
//! is wrong, as with docker. A library, so that tests can make another program of it.

mod args;
mod backup;
mod client;
mod command;
mod convergence;
mod daemon;
mod dashboard;
mod drain;
mod error;
#[cfg(test)]
mod fixtures;
mod output;
mod registry;
mod spec;
mod value;

pub use self::command::main;
