//! What placing tasks has to do with their volumes.

use swarmlite_proto::spec::Volumes;

/// Reads the name of a way. An empty one takes back what was asked for.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse::<Volumes>().map(|it| it.as_str().to_owned()).map_err(|why| why.to_string())
}
