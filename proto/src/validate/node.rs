//! What an operator decides about a node.

use crate::error::Error;
use crate::error::Result;
use crate::spec::Availability;

/// The availability that a node is to start with. Empty: active.
///
/// # Errors
///
/// When it is none that Docker knows.
pub fn availability(text: &str) -> Result<Availability> {
    [Availability::Active, Availability::Pause, Availability::Drain]
        .into_iter()
        .find(|one| one.as_str().eq_ignore_ascii_case(text))
        .or_else(|| text.is_empty().then_some(Availability::Active))
        .ok_or_else(|| Error::invalid(format!("invalid Availability: {text:?}")))
}
