//! Switches with a value, as in `--detach=false`, which docker takes for every switch (Go's `pflag`) and scripts write.
//!
//! The parser has no such switches. They are options with a value that need not be written; as `--help` would print them so, they are
//! that only for a command line that uses it.

use std::ffi::OsString;

use clap::ArgAction;
use clap::Command;
use clap::CommandFactory;
use clap::FromArgMatches;

use super::Cli;

/// Reads a command line in which switches have values.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = with_values(Cli::command());
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

fn with_values(command: Command) -> Command {
    let with_value = |argument: clap::Arg| {
        if !matches!(argument.get_action(), ArgAction::SetTrue) {
            return argument;
        }
        argument
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_value("false")
            .default_missing_value("true")
            .value_parser(truth)
    };
    command.mut_args(with_value).mut_subcommands(with_values)
}

/// Go's `ParseBool`.
fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}
