//! Rules about where tasks of other services run.

use swarmlite_proto::validate::affinity::Affinity;

/// Reads a rule, and leaves it as it is.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    Affinity::parse(text).map(|_| text.to_owned()).map_err(|refused| refused.message)
}
