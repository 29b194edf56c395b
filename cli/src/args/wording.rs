//! Docker's sentences for values and combinations that the parser refuses.

use std::error::Error as _;

use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::error::ErrorKind;

/// What to say instead of the parser's own words, if Docker has a sentence for it.
pub(super) fn explain(error: &clap::Error) -> Option<String> {
    match error.kind() {
        ErrorKind::ValueValidation => invalid_value(error),
        ErrorKind::ArgumentConflict if argument(error)?.starts_with("--rollback") => {
            Some("other flags may not be combined with --rollback".to_owned())
        }
        _ => None,
    }
}

/// A value that its parser refused, as pflag says it. Values without a name in front speak for themselves.
fn invalid_value(error: &clap::Error) -> Option<String> {
    let reason = error.source()?;
    let argument = argument(error)?;
    if !argument.starts_with('-') {
        return Some(reason.to_string());
    }
    let flag = argument.split(' ').next()?;
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    Some(format!("invalid argument {value:?} for \"{flag}\" flag: {reason}"))
}

/// Whether a value was written at all.
pub(super) fn has_value(error: &clap::Error) -> bool {
    matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if !value.is_empty())
}

/// The argument that the error is about, as `--replicas <COUNT>`.
pub(super) fn argument(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(argument) => Some(argument),
        _ => None,
    }
}
