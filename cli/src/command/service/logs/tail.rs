//! The last lines of a whole service. The API, as Docker's, gives the last lines of each of its tasks.

use std::collections::BTreeMap;
use std::vec::IntoIter;

use super::label::Line;
use crate::client::Client;
use crate::client::LogFrames;
use crate::client::LogQuery;
use crate::client::LogSource;
use crate::error::Result;

/// A line, and what it is.
type Frame = (LogSource, Vec<u8>);

/// The newest line of each task that is not to be printed, by its time.
type Cut = BTreeMap<String, Vec<u8>>;

/// The lines that are to be printed, in the form that was asked for.
#[derive(Debug)]
pub(super) struct Lines {
    query: LogQuery,
    /// The last lines of all tasks, by time.
    last: IntoIter<Frame>,
    /// What comes from the API, in the order in which it comes.
    stream: Option<Stream>,
}

#[derive(Debug)]
enum Stream {
    /// All of it is to be printed, as it is.
    Whole(LogFrames),
    /// It has times and details.
    After(Cut, LogFrames),
}

impl Lines {
    /// What `query` asks for of the service with this id, but that `tail` counts the lines of all tasks together.
    pub(super) async fn of_service(id: &str, query: LogQuery, client: &Client) -> Result<Self> {
        // What is no number is for the API to judge.
        let Some(count) = query.tail.as_deref().and_then(|tail| tail.parse().ok()) else {
            return Ok(Self::whole(client.service_logs(id, &query).await?, query));
        };
        let wide = LogQuery { timestamps: true, details: true, ..query.clone() };
        let once = LogQuery { follow: false, ..wide.clone() };
        let mut frames = client.service_logs(id, &once).await?;
        let mut known = Vec::new();
        while let Some(frame) = frames.next().await? {
            known.push(frame);
        }
        let (last, cut) = newest(known, count)?;
        if !query.follow {
            return Ok(Self { query, last: last.into_iter(), stream: None });
        }
        // From its beginning on, so that nothing is lost between the two answers.
        let frames = client.service_logs(id, &wide).await?;
        Ok(Self { query, last: IntoIter::default(), stream: Some(Stream::After(cut, frames)) })
    }

    /// All of `frames`, which are the answer to `query`.
    pub(super) fn whole(frames: LogFrames, query: LogQuery) -> Self {
        Self { query, last: IntoIter::default(), stream: Some(Stream::Whole(frames)) }
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>> {
        if let Some(frame) = self.last.next() {
            return Ok(Some(narrow(frame, &self.query)));
        }
        match &mut self.stream {
            None => Ok(None),
            Some(Stream::Whole(frames)) => frames.next().await,
            Some(Stream::After(cut, frames)) => {
                while let Some(frame) = frames.next().await? {
                    if !is_cut(&frame, cut)? {
                        return Ok(Some(narrow(frame, &self.query)));
                    }
                }
                Ok(None)
            }
        }
    }
}

/// The last `count` of `frames` by time, and where that cuts the lines of each task. What the daemon says comes last and does not count.
fn newest(frames: Vec<Frame>, count: usize) -> Result<(Vec<Frame>, Cut)> {
    let (notes, lines): (Vec<_>, Vec<_>) =
        frames.into_iter().partition(|(source, _)| *source == LogSource::Daemon);
    let mut timed = Vec::with_capacity(lines.len());
    for frame in lines {
        let line = Line::parse(&frame.1, true)?;
        timed.push((line.time.unwrap_or_default().to_owned(), line.task.to_owned(), frame));
    }
    timed.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let kept = timed.split_off(timed.len().saturating_sub(count));
    // The later one of a task takes the place of the earlier.
    let cut = timed.into_iter().map(|(time, task, _)| (task, time)).collect();
    Ok((kept.into_iter().map(|(.., frame)| frame).chain(notes).collect(), cut))
}

fn is_cut((source, data): &Frame, cut: &Cut) -> Result<bool> {
    if *source == LogSource::Daemon {
        return Ok(false);
    }
    let line = Line::parse(data, true)?;
    Ok(cut.get(line.task).is_some_and(|newest| line.time <= Some(newest)))
}

/// A line with time and details without those that `query` does not ask for.
fn narrow((source, mut data): Frame, query: &LogQuery) -> Frame {
    if source == LogSource::Daemon {
        return (source, data);
    }
    let mut from = 0;
    for wanted in [query.timestamps, query.details] {
        let next = data[from..].iter().position(|byte| *byte == b' ').map(|at| from + at + 1);
        match next {
            Some(next) if wanted => from = next,
            Some(next) => drop(data.drain(from..next)),
            None => break,
        }
    }
    (source, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `task` wrote in a second.
    fn line(task: &str, second: u8) -> Frame {
        let ids =
            "com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id";
        let text =
            format!("2026-01-01T00:00:{second:02}.000000000Z {ids}={task} hello from {second}\n");
        (LogSource::Stdout, text.into_bytes())
    }

    fn note() -> Frame {
        (LogSource::Daemon, b"warning: incomplete log stream".to_vec())
    }

    #[test]
    fn the_last_lines_of_all_tasks_are_chosen_by_time() {
        let frames =
            || vec![line("a", 1), line("a", 5), note(), line("b", 2), line("b", 3), line("b", 4)];
        let (kept, cut) = newest(frames(), 3).expect("sound");
        assert_eq!(kept, [line("b", 3), line("b", 4), line("a", 5), note()]);
        let passes = |frame: &Frame| !is_cut(frame, &cut).expect("sound");
        let followed: Vec<_> = frames().into_iter().filter(passes).collect();
        assert_eq!(followed, [line("a", 5), note(), line("b", 3), line("b", 4)]);
        assert!(passes(&line("c", 0)), "a new task may have a clock that is slow");
        assert_eq!(newest(frames(), 0).expect("sound").0, [note()]);
        let (all, cut) = newest(frames(), 6).expect("sound");
        assert_eq!((all.len(), cut), (6, Cut::new()));
    }

    #[test]
    fn lines_are_printed_as_they_were_asked_for() {
        let narrowed = |timestamps, details| {
            let query = LogQuery { timestamps, details, ..LogQuery::default() };
            String::from_utf8(narrow(line("a", 7), &query).1).expect("text")
        };
        assert_eq!(narrowed(false, false), "hello from 7\n");
        assert_eq!(narrowed(true, false), "2026-01-01T00:00:07.000000000Z hello from 7\n");
        assert!(narrowed(false, true).starts_with("com.docker.swarm.node.id=n,"));
        assert!(narrowed(false, true).ends_with("=a hello from 7\n"));
        assert_eq!(narrowed(true, true).into_bytes(), line("a", 7).1);
    }
}
