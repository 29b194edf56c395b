//! The `swarmlite` binary: client commands, and the daemon of one node.
//!
//! Everything a user types starts here and ends as an exit code: 0, 1 when the command failed or is none, 125 when one of its options
//! is wrong, as with docker.

mod args;
mod client;
mod command;
mod convergence;
mod daemon;
mod drain;
mod error;
#[cfg(test)]
mod fixtures;
mod output;
mod registry;
mod spec;
mod value;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main(std::env::args_os().collect())
}
