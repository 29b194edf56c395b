//! What nodes send each other, and what they keep, as bytes: MessagePack whose members are named, so that a newer reader understands an
//! older writer.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How deep what is read may be nested. What clients may have kept is at most 128 deep, as that is what is read of JSON; whoever sends something
/// deeper wants the stack of its reader to overflow.
const MAX_DEPTH: usize = 256;

/// `value` as bytes.
///
/// # Errors
///
/// When `value` has a shape that MessagePack cannot hold.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(value)
}

/// Reads what [`encode`] has written.
///
/// # Errors
///
/// When `bytes` is not what it makes of a `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer)
}
