//! The output of tasks on its way from their containers to those who read it.
//!
//! ```text
//!  reader ── LogSubscription ──> leader ── LogOrder, over the session ──> agents of the nodes concerned
//!         <── LogEvent ─────────        <── LogReport, a stream of its own ──
//! ```
//!
//! The manager that serves the reader asks the leader, as only the leader is in session with the agents. Both streams are paced by
//! who receives them, so that a slow reader slows the reading of the containers' logs and nothing else.

use serde::Deserialize;
use serde::Serialize;

use crate::id::NodeId;
use crate::id::ServiceId;
use crate::id::TaskId;
use crate::time::Timestamp;

/// Whose logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogSelector {
    /// Those of all tasks of a service.
    Service(ServiceId),
    /// Those of one task.
    Task(TaskId),
}

/// Which part of the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOptions {
    /// What was written to standard output.
    pub stdout: bool,
    /// What was written to standard error.
    pub stderr: bool,
    /// Whether to go on with what is written from now on.
    pub follow: bool,
    /// Nothing older than this.
    pub since: Option<Timestamp>,
    /// At most so many lines of each task, the last ones.
    pub tail: Option<u64>,
}

/// Somebody wants to read logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSubscription {
    /// Whose.
    pub selector: LogSelector,
    /// Which part.
    pub options: LogOptions,
}

/// Names one stream from an agent to the leader. Drawn at random, so that an order of one leader means nothing to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicationId(pub u64);

/// An agent is to publish logs of tasks of its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOrder {
    /// What the agent says when it calls.
    pub id: PublicationId,
    /// The tasks.
    pub tasks: Vec<TaskId>,
    /// Which part. With [`LogOptions::follow`] the agent waits for containers that are not started yet.
    pub options: LogOptions,
}

/// Where a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogStream {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Where it was written to.
    pub stream: LogStream,
    /// When the engine has read it.
    #[serde(with = "unix")]
    pub timestamp: Timestamp,
    /// What was written, with the end of the line, if it has one: the engine cuts lines longer than 16 KiB into several.
    #[serde(with = "octets")]
    pub data: Vec<u8>,
}

/// From the agent to the leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogReport {
    /// Which order this is the answer to. Always the first message.
    Begin(PublicationId),
    /// Lines of one task, in the order in which they were written.
    Lines(TaskId, Vec<LogLine>),
    /// The logs of a task cannot be read, and why.
    Failed(TaskId, String),
    /// That was all. A stream that ends without it has broken off.
    Done,
}

/// From the leader to the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogEvent {
    /// Some lines.
    Lines(LogBatch),
    /// That was all. Each note says what is missing and why.
    End(Vec<String>),
}

/// Lines of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBatch {
    /// The node that the task is on.
    pub node_id: NodeId,
    /// The service of the task.
    pub service_id: ServiceId,
    /// The task.
    pub task_id: TaskId,
    /// In the order in which they were written.
    pub lines: Vec<LogLine>,
}

/// Times as numbers: there is one in every line, and as text it would be written and read again by each node on the way.
mod unix {
    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serialize;
    use serde::Serializer;
    use serde::de::Error;

    use crate::time::Timestamp;

    pub(super) fn serialize<S: Serializer>(
        timestamp: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        timestamp.to_unix().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let (seconds, nanoseconds) = Deserialize::deserialize(deserializer)?;
        Timestamp::from_unix(seconds, nanoseconds)
            .ok_or_else(|| D::Error::custom("there is no such moment"))
    }
}

/// Bytes as bytes: by default each would be written as a number, which takes up to two.
mod octets {
    use std::fmt;

    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error;
    use serde::de::Visitor;

    pub(super) fn serialize<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(data)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Octets)
    }

    struct Octets;

    impl Visitor<'_> for Octets {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, data: &[u8]) -> Result<Vec<u8>, E> {
            Ok(data.to_owned())
        }

        fn visit_byte_buf<E: Error>(self, data: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(data)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messagepack;

    #[test]
    fn a_line_takes_little_more_than_its_bytes_and_comes_back() {
        let line = LogLine {
            stream: LogStream::Stderr,
            timestamp: Timestamp::from_unix(1_500_000_000, 7).expect("a moment"),
            data: vec![0xff; 1000],
        };
        let bytes = messagepack::encode(&line).expect("encodes");
        assert!(bytes.len() < 1060, "{}", bytes.len());
        assert_eq!(messagepack::decode::<LogLine>(&bytes).expect("decodes"), line);
    }
}
