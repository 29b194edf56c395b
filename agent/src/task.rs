//! Tasks on this node: what to do next ([`step`]), what to do about an end ([`restart`]), whether it gets requests ([`readiness`]), doing it ([`controller`]), the engine that it is done with ([`runtime`]),
//! the secrets and configs that it has as files ([`files`]), and the data plane ([`attach`]).

pub mod attach;
pub mod controller;
#[cfg(test)]
pub(crate) mod fake;
pub mod files;
pub mod networks;
pub mod prober;
pub mod readiness;
pub mod restart;
pub mod runtime;
#[cfg(test)]
pub(crate) mod samples;
pub mod step;
pub mod template;
pub mod translate;
