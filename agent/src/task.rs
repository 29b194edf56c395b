//! Tasks on this node: what to do next ([`step`]), what to do about an end ([`restart`]), whether it gets requests ([`readiness`]), doing it ([`controller`]), the engine that it is done with ([`runtime`]),
//! the secrets and configs that it has as files ([`files`]), and the data plane ([`attach`]).

pub(crate) mod attach;
pub(crate) mod controller;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod files;
pub(crate) mod networks;
pub(crate) mod prober;
pub(crate) mod readiness;
pub(crate) mod restart;
pub(crate) mod runtime;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod step;
pub(crate) mod template;
pub(crate) mod translate;
