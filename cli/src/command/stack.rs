//! `stack ...`.

mod config;
mod deploy;
mod documents;
mod load;
mod ls;
mod ps;
mod rm;
mod services;

pub(super) use config::config;
pub(super) use deploy::deploy;
pub(super) use ls::ls;
pub(super) use ps::ps;
pub(super) use rm::rm;
pub(super) use services::services;
use swarmlite_compose::LABEL_NAMESPACE;

use crate::error::Error;
use crate::error::Result;
use crate::value::filter::Filters;

/// What is of a stack.
fn of_stack(stack: &str) -> Filters {
    Filters::default().with("label", &format!("{LABEL_NAMESPACE}={stack}"))
}

/// Refuses names that are nothing but quotes and spaces, as docker does.
fn check_name(stack: &str) -> Result<()> {
    let is_nothing = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'');
    if stack.chars().all(is_nothing) {
        return Err(Error::refused(format!("invalid stack name: {stack:?}")));
    }
    Ok(())
}
