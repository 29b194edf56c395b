//! The exit codes of command lines that cannot be read: those of the docker CLI, which scripts look at.

use clap::error::ErrorKind;

use super::wording;

/// An option is unknown, lacks its value, or has one that cannot be read.
const OPTION: u8 = 125;

/// Anything else is wrong: the command, the number of its arguments, options that exclude each other.
const COMMAND: u8 = 1;

/// Options whose values Docker takes for any text as it reads the command line, and refuses later, as it refuses a wrong command.
const TEXTS: [&str; 17] = [
    "--availability",
    "--aux-address",
    "--endpoint-mode",
    "--gateway",
    "--host <URL>",
    "--ip",
    "--ip-range",
    "--ip6",
    "--mode",
    "--resolve-image",
    "--restart-condition",
    "--role",
    "--rollback-failure-action",
    "--rollback-order",
    "--subnet",
    "--update-failure-action",
    "--update-order",
];

/// The exit code for a command line that the parser answers by itself. Asking for help is no mistake, nor is naming a group of commands.
pub(crate) fn exit_code(error: &clap::Error) -> u8 {
    let argument = wording::argument(error).unwrap_or_default();
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion => 0,
        ErrorKind::ValueValidation if is_text(argument) => COMMAND,
        ErrorKind::InvalidValue if is_text(argument) && wording::has_value(error) => COMMAND,
        ErrorKind::UnknownArgument
        | ErrorKind::InvalidValue
        | ErrorKind::ValueValidation
        | ErrorKind::TooManyValues
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues
        | ErrorKind::NoEquals
            if argument.starts_with('-') =>
        {
            OPTION
        }
        _ => COMMAND,
    }
}

/// Whether `argument`, as `--role <ROLE>`, is one of [`TEXTS`].
fn is_text(argument: &str) -> bool {
    let name = argument.split(' ').next().unwrap_or_default();
    TEXTS.contains(&name) || TEXTS.contains(&argument)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::super::parse;
    use super::*;

    /// As observed on docker 28.2.
    const CODES: [(&str, u8); 34] = [
        ("", 0),
        ("--help", 0),
        ("service", 0),
        ("service create --help", 0),
        ("nope", 1),
        ("service nope", 1),
        ("service create", 1),
        ("service create --user y", 1),
        ("service update", 1),
        ("service inspect", 1),
        ("service ls extra", 1),
        ("service scale web=-1", 1),
        ("service update --rollback --image x web", 1),
        ("secret create", 1),
        ("stack deploy x", 1),
        ("node promote", 1),
        ("node update --role boss node1", 1),
        ("node update --availability gone node1", 1),
        ("swarm join", 1),
        ("swarm join-token boss", 1),
        ("service create --mode weird image", 1),
        ("service create --update-order sideways image", 1),
        ("service create --endpoint-mode x image", 1),
        ("network create --subnet x net", 1),
        ("-H foo://x service ls", 1),
        ("--nope", 125),
        ("service --nope", 125),
        ("service create --nope image", 125),
        ("service create -Z image", 125),
        ("service create --name", 125),
        ("service create --update-order", 125),
        ("service create --replicas x image", 125),
        ("service create --host x image", 125),
        ("service ls --quiet=2", 125),
    ];

    #[test]
    fn the_exit_codes_are_dockers() {
        for (line, code) in CODES {
            let arguments: Vec<OsString> =
                ["swarmlite"].into_iter().chain(line.split_whitespace()).map(Into::into).collect();
            let error = parse(&arguments).expect_err(line);
            assert_eq!(exit_code(&error), code, "{line}: {error}");
        }
    }
}
