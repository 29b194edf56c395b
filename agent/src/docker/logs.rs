//! The logs of containers, as the engine keeps them.

use std::collections::HashMap;
use std::str;

use bollard::container::LogOutput;
use bollard::query_parameters::ListContainersOptionsBuilder;
use bollard::query_parameters::LogsOptions;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::future;
use futures_util::stream;
use futures_util::stream::BoxStream;
use swarmlite_proto::engine::TASK_ID_LABEL;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::logs::LogLine;
use swarmlite_proto::logs::LogOptions;
use swarmlite_proto::logs::LogStream;
use swarmlite_proto::time::Timestamp;

use super::answer::failure;
use super::engine::DockerRuntime;
use crate::logs::ContainerLogs;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;

/// The states of a container that has been started at least once (moby `container/state.go`).
const STARTED: [&str; 6] = ["running", "paused", "restarting", "removing", "exited", "dead"];

impl ContainerLogs for DockerRuntime {
    fn lines(
        &self,
        task: &TaskId,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<LogLine, RuntimeError>> {
        let (runtime, task, options) = (self.clone(), task.clone(), *options);
        let lines = async move {
            let container = if options.follow {
                runtime.when_started(&task).await?
            } else {
                runtime.started(&task).await?
            };
            Ok(container.map_or_else(
                || stream::empty().boxed(),
                |container| runtime.read(&container, &options),
            ))
        };
        stream::once(lines).try_flatten().boxed()
    }
}

impl DockerRuntime {
    fn read(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<LogLine, RuntimeError>> {
        let since = options.since;
        let recent = move |line: &LogLine| since.is_none_or(|since| line.timestamp >= since);
        self.docker
            .logs(container, Some(query(options)))
            .map_ok(line)
            .map_err(failure)
            .try_filter(move |line| future::ready(recent(line)))
            .boxed()
    }

    /// The container of `task`, if it was ever started.
    async fn started(&self, task: &TaskId) -> Result<Option<String>, RuntimeError> {
        let filters = HashMap::from([
            ("label", vec![format!("{TASK_ID_LABEL}={task}")]),
            ("status", STARTED.map(str::to_owned).to_vec()),
        ]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.docker.list_containers(Some(options)).await.map_err(failure)?;
        Ok(found.into_iter().find_map(|container| container.id))
    }

    /// The container of `task`, once it was started. The engine gives no logs of one that was not, and follows nothing then.
    async fn when_started(&self, task: &TaskId) -> Result<Option<String>, RuntimeError> {
        // Asks for events from now on, so that a start between the look and the wait is not missed.
        let mut events = self.events();
        loop {
            if let Some(container) = self.started(task).await? {
                return Ok(Some(container));
            }
            loop {
                match events.next().await.transpose()? {
                    Some(changed) if changed == *task => break,
                    Some(_other) => {}
                    None => return Ok(None),
                }
            }
        }
    }
}

fn query(options: &LogOptions) -> LogsOptions {
    let mut builder = LogsOptionsBuilder::default()
        .stdout(options.stdout)
        .stderr(options.stderr)
        .follow(options.follow)
        .timestamps(true);
    if let Some(tail) = options.tail {
        builder = builder.tail(&tail.to_string());
    }
    if let Some(since) = options.since {
        // The engine is asked for whole seconds; what is then too old is left out afterwards.
        builder = builder.since(i32::try_from(since.to_unix().0).unwrap_or(i32::MAX));
    }
    builder.build()
}

/// What the engine wrote, which has the time in front.
fn line(output: LogOutput) -> LogLine {
    let stream = match output {
        LogOutput::StdErr { .. } => LogStream::Stderr,
        LogOutput::StdOut { .. } | LogOutput::StdIn { .. } | LogOutput::Console { .. } => {
            LogStream::Stdout
        }
    };
    let bytes = output.into_bytes();
    let (timestamp, data) = split(&bytes).unwrap_or((Timestamp::ZERO, &bytes));
    LogLine { stream, timestamp, data: data.to_vec() }
}

/// Takes the time off a line. There is none in what follows the first 16 KiB of a line on a terminal.
fn split(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let timestamp = str::from_utf8(&line[..space]).ok()?.parse().ok()?;
    Some((timestamp, &line[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_taken_off_a_line() {
        let message = b"2017-07-14T02:40:00.000001200Z \xff and the rest\n".as_slice().into();
        let read = line(LogOutput::StdErr { message });
        let at = Timestamp::from_unix(1_500_000_000, 1_200).expect("a moment");
        let data = b"\xff and the rest\n".to_vec();
        assert_eq!(read, LogLine { stream: LogStream::Stderr, timestamp: at, data });
        let message = b"the end of a long line\n".as_slice().into();
        let read = line(LogOutput::Console { message });
        assert_eq!((read.stream, read.timestamp), (LogStream::Stdout, Timestamp::ZERO));
        assert_eq!(read.data, b"the end of a long line\n");
    }

    #[test]
    fn the_engine_is_asked_for_what_the_reader_wants() {
        let all = LogOptions { stdout: true, stderr: false, follow: true, since: None, tail: None };
        let asked = query(&all);
        assert!(asked.stdout && !asked.stderr && asked.follow && asked.timestamps);
        assert_eq!((asked.since, asked.tail.as_str()), (0, "all"));
        let since = Timestamp::from_unix(1_500_000_000, 999_999_999);
        let asked = query(&LogOptions { since, tail: Some(0), ..all });
        assert_eq!((asked.since, asked.tail.as_str()), (1_500_000_000, "0"));
    }
}
