//! The `swarmlite` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    swarmlite_cli::main(std::env::args_os().collect())
}
