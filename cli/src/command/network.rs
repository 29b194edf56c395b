//! `network ...`.

mod create;
mod inspect;
mod ls;
mod rm;

pub(super) use create::create;
pub(super) use inspect::inspect;
pub(super) use ls::ls;
pub(super) use rm::rm;
