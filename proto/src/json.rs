//! Reads the JSON of clients as Docker does, which is to say as Go's `encoding/json` does: the names of members match whatever
//! their case, and `null` is the same as absent.
//!
//! Unlike Docker, a member that means nothing here is refused by its path unless it is empty: a setting that is silently
//! dropped is worse than one that is refused. Keys of maps, such as labels, are data and stay as they are.

mod de;

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde_json::Value;

use self::de::Decoder;
use self::de::Failure;
use crate::error::Error;
use crate::error::Result;

/// Reads `body` as one `T`.
///
/// # Errors
///
/// [`crate::error::ErrorKind::InvalidArgument`] for what is not JSON, is not a `T`, has something after it, or has a member that
/// `T` has not and that is not empty. The message has the path of what is wrong.
pub fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let (value, unknown) = decode(&parse(body)?)?;
    match unknown.as_slice() {
        [] => Ok(value),
        [one] => Err(Error::invalid(format!("unsupported field: {one}"))),
        several => Err(Error::invalid(format!("unsupported fields: {}", several.join(", ")))),
    }
}

/// Reads those members of `body` that `T` has, whatever else is in it. For a first look at a request that somebody else carries out.
///
/// # Errors
///
/// As [`from_slice`], but for members that `T` has not.
pub fn peek<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    decode(&parse(body)?).map(|(value, _)| value)
}

fn parse(body: &[u8]) -> Result<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::invalid("invalid JSON: got EOF while reading request body"));
    }
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) => return Err(Error::invalid(format!("invalid JSON: {error}"))),
        None => return Err(Error::invalid("invalid JSON: got EOF while reading request body")),
    };
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Error::invalid("unexpected content after JSON")),
    }
}

/// The value, and the paths of the members that it has no place for.
fn decode<T: DeserializeOwned>(json: &Value) -> Result<(T, Vec<String>)> {
    let unknown = RefCell::default();
    let value = T::deserialize(Decoder::new(json, &unknown)).map_err(Failure::into_error)?;
    let mut unknown = unknown.into_inner();
    unknown.sort();
    Ok((value, unknown))
}

/// Whether a member says nothing: Go's zero value of whatever type it may have.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
    }
}

#[cfg(test)]
mod tests;
