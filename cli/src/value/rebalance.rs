//! When tasks are moved to nodes that have become better.

use swarmlite_proto::spec::Rebalance;

/// Reads the name of a mode. An empty one takes back what was asked for.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse::<Rebalance>().map(|it| it.as_str().to_owned()).map_err(|why| why.to_string())
}
