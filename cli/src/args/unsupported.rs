//! What docker has and swarmlite does not have yet: refused by name, with the reason, instead of as a typing error.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::error::ErrorKind;

use super::Cli;

/// Commands of docker, their options that are not there yet, and why.
const OPTIONS: &[(&[&str], &[&str], &str)] =
    &[(SERVICE, &["credential-spec"], "it is for Windows containers only")];

const SERVICE: &[&str] = &["service create", "service update"];

/// What to say about an option that the parser does not know, if docker knows it.
pub(super) fn explain(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    match error.kind() {
        ErrorKind::UnknownArgument => explain_option(error, arguments),
        _ => None,
    }
}

fn explain_option(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = option.strip_prefix("--")?.split('=').next()?;
    let command = command_path(arguments);
    let (_, _, reason) = OPTIONS
        .iter()
        .find(|(commands, options, _)| commands.contains(&&*command) && options.contains(&name))?;
    Some(format!("--{name} of {command} is not supported yet: {reason}."))
}

/// The command among the arguments, as `service create`.
fn command_path(arguments: &[OsString]) -> String {
    let root = Cli::command();
    let mut command = &root;
    let mut path = Vec::new();
    for argument in arguments.iter().skip(1) {
        if let Some(next) = command.find_subcommand(argument) {
            path.push(next.get_name().to_owned());
            command = next;
        }
    }
    path.join(" ")
}
