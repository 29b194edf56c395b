//! Lines as Docker writes them (moby `api/server/httputils/write_log_stream.go`, `pkg/stdcopy`). Pure.

use axum::body::Bytes;
use swarmlite_proto::logs::LogBatch;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogLine;
use swarmlite_proto::logs::LogStream;

/// The streams of a multiplexed answer, by the first byte of a frame's header.
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
/// What is wrong with the answer itself.
const SYSTEM_ERROR: u8 = 3;

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    /// Whether each is in a frame of its own that tells its stream. Without, for terminals, all is one stream.
    pub(super) multiplexed: bool,
    /// Whether each begins with its time.
    pub(super) timestamps: bool,
    /// Whether each then tells its node, service and task.
    pub(super) details: bool,
}

impl Format {
    /// What is sent for `event`; nothing for an end at which nothing is missing.
    pub(super) fn write(self, event: LogEvent) -> Bytes {
        let mut out = Vec::new();
        match event {
            LogEvent::Lines(batch) => {
                let details = if self.details { details(&batch) } else { String::new() };
                for line in &batch.lines {
                    self.line(&mut out, &details, line);
                }
            }
            LogEvent::End(notes) if notes.is_empty() => {}
            LogEvent::End(notes) => {
                let notes = notes.join(", ");
                // With the decoration that swarmkit's error gets on its way, as clients may look for it.
                let note = format!(
                    "Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be retrieved for the following reasons: {notes}\n"
                );
                self.frame(&mut out, SYSTEM_ERROR, &[note.as_bytes()]);
            }
        }
        out.into()
    }

    fn line(self, out: &mut Vec<u8>, details: &str, line: &LogLine) {
        let time = if self.timestamps { line.timestamp.to_fixed() + " " } else { String::new() };
        let stream = match line.stream {
            LogStream::Stdout => STDOUT,
            LogStream::Stderr => STDERR,
        };
        self.frame(out, stream, &[time.as_bytes(), details.as_bytes(), &line.data]);
    }

    /// Stream, three zero bytes, length as four bytes, big-endian; then so many bytes.
    fn frame(self, out: &mut Vec<u8>, stream: u8, parts: &[&[u8]]) {
        if self.multiplexed {
            let length: usize = parts.iter().map(|part| part.len()).sum();
            // A line is at most 16 KiB and a note some lines.
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            out.extend([stream, 0, 0, 0]);
            out.extend(length.to_be_bytes());
        }
        for part in parts {
            out.extend_from_slice(part);
        }
    }
}

/// Pairs in the order of their keys, then a space. Keys and ids need no escapes.
fn details(batch: &LogBatch) -> String {
    let LogBatch { node_id, service_id, task_id, .. } = batch;
    format!(
        "com.docker.swarm.node.id={node_id},com.docker.swarm.service.id={service_id},com.docker.swarm.task.id={task_id} "
    )
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::id::Id;
    use swarmlite_proto::id::Kind;
    use swarmlite_proto::time::Timestamp;

    use super::*;

    const ALL: Format = Format { multiplexed: true, timestamps: true, details: true };
    const NOTHING: Format = Format { multiplexed: true, timestamps: false, details: false };
    const TERMINAL: Format = Format { multiplexed: false, timestamps: false, details: false };

    fn id<K: Kind>(letter: &str) -> Id<K> {
        letter.repeat(25).parse().expect("an id")
    }

    fn lines() -> LogEvent {
        let timestamp = Timestamp::from_unix(1_500_000_000, 120_000_000).expect("a moment");
        let line = |stream, data: &[u8]| LogLine { stream, timestamp, data: data.to_vec() };
        LogEvent::Lines(LogBatch {
            node_id: id("n"),
            service_id: id("s"),
            task_id: id("t"),
            lines: vec![line(LogStream::Stdout, b"one\n"), line(LogStream::Stderr, b"t\xffo")],
        })
    }

    /// The bytes that Docker documents (`ContainerAttach` in its API): header, then payload.
    #[test]
    fn every_line_has_a_header_of_eight_bytes() {
        let expected = b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x03t\xffo";
        assert_eq!(&NOTHING.write(lines())[..], expected);
        assert_eq!(&TERMINAL.write(lines())[..], b"one\nt\xffo");
    }

    #[test]
    fn time_comes_before_details_and_both_before_the_line() {
        let text = format!(
            "2017-07-14T02:40:00.120000000Z com.docker.swarm.node.id={},com.docker.swarm.service.id={},com.docker.swarm.task.id={} one\n",
            "n".repeat(25),
            "s".repeat(25),
            "t".repeat(25)
        );
        let header = [1, 0, 0, 0, 0, 0, 0, u8::try_from(text.len()).expect("is short")];
        assert!(ALL.write(lines()).starts_with(&[&header[..], text.as_bytes()].concat()));
    }

    #[test]
    fn what_is_missing_is_said_at_the_end_and_nothing_if_nothing_is() {
        assert!(ALL.write(LogEvent::End(Vec::new())).is_empty());
        let notes = vec!["node a is not available".to_owned(), "node b is not".to_owned()];
        let written = ALL.write(LogEvent::End(notes));
        let text = b"Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be retrieved for the following reasons: node a is not available, node b is not\n";
        let length = u8::try_from(text.len()).expect("is short");
        assert_eq!(written[..8], [3, 0, 0, 0, 0, 0, 0, length]);
        assert_eq!(&written[8..], text);
    }
}
