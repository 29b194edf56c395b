//! From options to the spec of a service. Pure: names of networks are resolved before, and `service create` is an update of an
//! empty spec, so that both commands mean the same by an option.

mod capability;
mod container;
mod extension;
mod list;
mod mode;
mod policy;
mod readiness;
mod service;

pub(crate) use list::Lists;
pub(crate) use service::create;
pub(crate) use service::update;
