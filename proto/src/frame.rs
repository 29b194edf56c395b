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
    use proptest::prelude::*;
    use rand::RngExt;
    use serde_json::Value;

    use super::*;
    use crate::agent::AgentMessage;
    use crate::agent::AssignmentSet;
    use crate::agent::ManagerMessage;
    use crate::agent::TaskStatusUpdate;
    use crate::id::TaskId;
    use crate::object::TaskStatus;
    use crate::rpc::NotLeader;
    use crate::testing::cases;
    use crate::testing::spoil_bytes;
    use crate::testing::spoiled_messagepack;
    use crate::version::Generation;

    /// Messages of both directions, as they are sent.
    fn samples() -> Vec<Vec<u8>> {
        let task_id = TaskId::random(&mut rand::rng());
        let update = TaskStatusUpdate { task_id, status: TaskStatus::default() };
        let set = AssignmentSet { generation: Generation(7), ..AssignmentSet::default() };
        vec![
            encode(&AgentMessage::TaskStatuses { sequence: 3, statuses: vec![update] }),
            encode(&ManagerMessage::Assignments(set)),
            encode(&ManagerMessage::HeartbeatNow),
        ]
        .into_iter()
        .map(|sample| sample.expect("encodes"))
        .collect()
    }

    /// Reads all of `bytes`, until something is no message.
    fn read_as<T: DeserializeOwned>(bytes: &[u8]) {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        while let Ok(Some(_message)) = decoder.next_message::<T>() {}
    }

    #[test]
    fn no_bytes_break_anything() {
        let samples = samples();
        for mut case in cases(500) {
            let sample = &samples[case.random_range(0..samples.len())];
            let body = spoiled_messagepack(&mut case, &sample[4..]);
            let length = u32::try_from(body.len()).expect("is short").to_be_bytes();
            let mut bytes = [&length[..], &body, sample].concat();
            if case.random() {
                spoil_bytes(&mut case, &mut bytes);
            }
            read_as::<AgentMessage>(&bytes);
            read_as::<ManagerMessage>(&bytes);
            read_as::<Value>(&bytes);
        }
    }

    proptest! {
        #[test]
        fn however_deep_it_is_the_stack_is_enough(levels in 1..2_000_usize, kind in prop::sample::select(vec![0x91_u8, 0x81, 0xdc])) {
            // A member that nobody knows is skipped, however deep it is.
            let body = [&[0x81, 0xa1, b'x'][..], &vec![kind; levels]].concat();
            let length = u32::try_from(body.len()).expect("is short").to_be_bytes();
            read_as::<NotLeader>(&[&length[..], &body].concat());
            read_as::<Value>(&[&length[..], &body].concat());
        }
    }

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
