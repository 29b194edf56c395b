//! Placement strategies.

use swarmlite_proto::spec::Strategy;

/// Reads the name of a strategy. An empty one takes back what was asked for.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse::<Strategy>().map(|strategy| strategy.to_string()).map_err(|why| why.to_string())
}
