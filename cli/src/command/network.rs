//! `network ...`.

mod connect;
mod create;
mod inspect;
mod ls;
mod prune;
mod rm;

pub(super) use connect::connect;
pub(super) use connect::disconnect;
pub(super) use create::create;
pub(super) use inspect::inspect;
pub(super) use ls::ls;
pub(super) use prune::prune;
pub(super) use rm::rm;
