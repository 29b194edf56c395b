//! Messages in a byte stream: four bytes of length, big-endian, then the message as MessagePack.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::messagepack;

/// The longest message taken, in bytes. A complete set of assignments for a node with thousands of tasks fits; a peer that
/// claims more is broken or hostile.
pub const MAX_FRAME: usize = 64 * 1024 * 1024;

/// The stream does not hold what it should.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A message longer than [`MAX_FRAME`].
    #[error("message of {0} bytes is longer than the limit of {MAX_FRAME}")]
    TooLong(usize),
    /// A message that cannot be written.
    #[error("cannot encode message")]
    Encode(#[from] rmp_serde::encode::Error),
    /// A message that cannot be read.
    #[error("cannot decode message")]
    Decode(#[from] rmp_serde::decode::Error),
}

/// `message` as bytes for the stream.
///
/// # Errors
///
/// When the message is longer than [`MAX_FRAME`] or cannot be encoded.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let body = messagepack::encode(message)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= MAX_FRAME)
        .ok_or(FrameError::TooLong(body.len()))?;
    Ok([length.to_be_bytes().as_slice(), &body].concat())
}

/// Collects bytes and gives messages back.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Adds what came in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, if there is one.
    ///
    /// # Errors
    ///
    /// When the stream is broken. Nothing after that can be trusted.
    pub fn next_message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some((prefix, rest)) = self.buffer.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let message = messagepack::decode(body)?;
        self.buffer.drain(..prefix.len() + length);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_cut_of_the_stream() {
        let sent = ["", "one", "a somewhat longer message"];
        let stream: Vec<u8> =
            sent.iter().flat_map(|message| encode(message).expect("encodes")).collect();
        for size in 1..stream.len() {
            let mut decoder = Decoder::default();
            let mut got: Vec<String> = Vec::new();
            for chunk in stream.chunks(size) {
                decoder.feed(chunk);
                while let Some(message) = decoder.next_message().expect("a sound stream") {
                    got.push(message);
                }
            }
            assert_eq!(got, sent);
        }
    }

    #[test]
    fn a_claim_of_too_much_is_refused_at_once() {
        let mut decoder = Decoder::default();
        decoder.feed(&u32::MAX.to_be_bytes());
        assert!(matches!(decoder.next_message::<String>(), Err(FrameError::TooLong(_))));
    }
}
