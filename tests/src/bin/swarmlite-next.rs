//! The next version of the `swarmlite` program, for tests of upgrades.

use std::process::ExitCode;

use swarmlite_proto::next;

fn main() -> ExitCode {
    next::play();
    swarmlite_cli::main(std::env::args_os().collect())
}
