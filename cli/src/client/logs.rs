//! `/services/{id}/logs` and `/tasks/{id}/logs`.

use reqwest::Method;
use reqwest::Response;
use swarmlite_proto::id::TaskId;

use super::Client;
use super::segment;
use super::transport;
use crate::error::Error;
use crate::error::Result;
use crate::value::endpoint::Endpoint;

/// What one line of the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogSource {
    /// The task's standard output.
    Stdout,
    /// The task's standard error.
    Stderr,
    /// The daemon: something is missing.
    Daemon,
}

/// Which part of the logs, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogQuery {
    /// Whether to go on with what is written from now on.
    pub(crate) follow: bool,
    /// Nothing older than this: seconds since 1970.
    pub(crate) since: Option<String>,
    /// How many of the last lines of each task: a number, or all.
    pub(crate) tail: Option<String>,
    /// Whether each line begins with its time.
    pub(crate) timestamps: bool,
    /// Whether each line tells its node, service and task.
    pub(crate) details: bool,
}

impl LogQuery {
    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = vec![("stdout", "1"), ("stderr", "1")];
        let switches =
            [("follow", self.follow), ("timestamps", self.timestamps), ("details", self.details)];
        pairs.extend(switches.iter().filter(|(_, on)| *on).map(|(name, _)| (*name, "1")));
        pairs.extend(self.since.as_deref().map(|since| ("since", since)));
        pairs.extend(self.tail.as_deref().map(|tail| ("tail", tail)));
        pairs
    }
}

impl Client {
    /// The logs of all tasks of a service, by its name or id.
    pub(crate) async fn service_logs(
        &self,
        reference: &str,
        query: &LogQuery,
    ) -> Result<LogFrames> {
        self.logs(&format!("/services/{}/logs", segment(reference)), query).await
    }

    /// The logs of a task, by its id.
    pub(crate) async fn task_log_frames(
        &self,
        reference: &str,
        query: &LogQuery,
    ) -> Result<LogFrames> {
        self.logs(&format!("/tasks/{}/logs", segment(reference)), query).await
    }

    /// The last lines that a task wrote, standard output and standard error, to say why it has failed. What cannot be read is left out. Of
    /// use only for tasks without a terminal.
    pub(crate) async fn task_logs(&self, task_id: &TaskId, tail: usize) -> Result<Vec<String>> {
        // Times, so that the lines of both streams come in order.
        let query =
            LogQuery { tail: Some(tail.to_string()), timestamps: true, ..LogQuery::default() };
        let mut frames = self.task_log_frames(task_id.as_str(), &query).await?;
        let mut lines = Vec::new();
        while let Some((source, data)) = frames.next().await? {
            let text = String::from_utf8_lossy(&data);
            if let Some((time, line)) = text.split_once(' ')
                && source != LogSource::Daemon
            {
                lines.push((time.to_owned(), line.trim_end().to_owned()));
            }
        }
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    async fn logs(&self, path: &str, query: &LogQuery) -> Result<LogFrames> {
        let request = self.request(Method::GET, path).query(&query.pairs());
        let response = self.send(request).await?;
        Ok(LogFrames { response, host: self.host.clone(), buffer: Vec::new() })
    }
}

/// The answer to a request for logs.
#[derive(Debug)]
pub(crate) struct LogFrames {
    response: Response,
    host: Endpoint,
    buffer: Vec<u8>,
}

impl LogFrames {
    /// The next frame, which is a line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<(LogSource, Vec<u8>)>> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            match self.raw().await? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Error::refused("The logs end in the middle of a line.")),
            }
        }
    }

    /// The next bytes as they come: for logs of tasks with a terminal, which have no frames.
    pub(crate) async fn raw(&mut self) -> Result<Option<Vec<u8>>> {
        let chunk = self.response.chunk().await.map_err(|error| transport(&self.host, error))?;
        Ok(chunk.map(Into::into))
    }
}

/// Takes the first whole frame out of `buffer`: stream, three zero bytes, length as four bytes, big-endian; then so many bytes (moby
/// `pkg/stdcopy`).
fn take_frame(buffer: &mut Vec<u8>) -> Result<Option<(LogSource, Vec<u8>)>> {
    let Some((header, rest)) = buffer.split_first_chunk::<8>() else { return Ok(None) };
    let [stream, _, _, _, length @ ..] = *header;
    let source = match stream {
        0 | 1 => LogSource::Stdout,
        2 => LogSource::Stderr,
        3 => LogSource::Daemon,
        other => return Err(Error::refused(format!("Unrecognized input header: {other}"))),
    };
    let Some(data) = rest.get(..u32::from_be_bytes(length) as usize) else { return Ok(None) };
    let data = data.to_vec();
    buffer.drain(..header.len() + data.len());
    Ok(Some((source, data)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cut_of_the_stream() {
        let stream = b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x00\x03\0\0\0\0\0\0\x02\xff\n";
        let expected = vec![
            (LogSource::Stdout, b"one\n".to_vec()),
            (LogSource::Stderr, Vec::new()),
            (LogSource::Daemon, b"\xff\n".to_vec()),
        ];
        for size in 1..stream.len() {
            let (mut buffer, mut got) = (Vec::new(), Vec::new());
            for chunk in stream.chunks(size) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = take_frame(&mut buffer).expect("sound") {
                    got.push(frame);
                }
            }
            assert_eq!((got, buffer), (expected.clone(), Vec::new()), "{size}");
        }
        assert!(take_frame(&mut b"hello, terminal".to_vec()).is_err());
    }

    #[test]
    fn only_what_was_asked_for_is_in_the_query() {
        assert_eq!(LogQuery::default().pairs(), [("stdout", "1"), ("stderr", "1")]);
        let query = LogQuery {
            follow: true,
            since: Some("7".to_owned()),
            tail: Some("all".to_owned()),
            ..LogQuery::default()
        };
        assert_eq!(query.pairs()[2..], [("follow", "1"), ("since", "7"), ("tail", "all")]);
    }
}
