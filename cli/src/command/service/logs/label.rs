//! Whose line it is: `web.1.0123456789ab@node1    | `.

use std::collections::BTreeMap;

use swarmlite_proto::engine::NODE_ID_LABEL;
use swarmlite_proto::engine::TASK_ID_LABEL;

use crate::args::ServiceLogsArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::short_id;

/// The keys of what every line tells.
const NODE: &str = NODE_ID_LABEL;
const SERVICE: &str = "com.docker.swarm.service.id";
const TASK: &str = TASK_ID_LABEL;

/// A line with its details taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) time: Option<&'a [u8]>,
    node: &'a str,
    service: &'a str,
    pub(super) task: &'a str,
    /// What else the log driver was asked to add, by the order of the keys.
    details: BTreeMap<&'a str, &'a str>,
    text: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes a line apart: its time, if there is one, its details, and what was written.
    pub(super) fn parse(data: &'a [u8], timestamps: bool) -> Result<Self> {
        let broken = || {
            let text = String::from_utf8_lossy(data).into_owned();
            Error::refused(format!("invalid context in log message: {text}"))
        };
        let mut parts = data.splitn(if timestamps { 3 } else { 2 }, |byte| *byte == b' ');
        let time = if timestamps { Some(parts.next().ok_or_else(broken)?) } else { None };
        let (Some(details), Some(text)) = (parts.next(), parts.next()) else {
            return Err(broken());
        };
        let details = std::str::from_utf8(details).map_err(|_| broken())?;
        let pairs = details.split(',').map(|pair| pair.split_once('=').ok_or_else(broken));
        let mut details: BTreeMap<_, _> = pairs.collect::<Result<_>>()?;
        let mut take = |key| {
            details
                .remove(key)
                .ok_or_else(|| Error::refused(format!("missing {} id in details", key_word(key))))
        };
        let (node, service, task) = (take(NODE)?, take(SERVICE)?, take(TASK)?);
        Ok(Self { time, node, service, task, details, text })
    }

    /// The line as it is printed.
    pub(super) fn print(&self, label: &str, details: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(label.len() + self.text.len() + 8);
        if let Some(time) = self.time {
            out.extend_from_slice(time);
            out.push(b' ');
        }
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"    | ");
        if details {
            let pairs: Vec<_> =
                self.details.iter().map(|(key, value)| format!("{key}={value}")).collect();
            out.extend_from_slice(pairs.join(",").as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(self.text);
        out
    }
}

/// The word between the last two dots of a key.
fn key_word(key: &str) -> &str {
    key.rsplit('.').nth(1).unwrap_or(key)
}

/// The labels of tasks, each asked for once.
#[derive(Debug)]
pub(super) struct Labels {
    resolve: bool,
    task_ids: bool,
    truncate: bool,
    width: usize,
    known: BTreeMap<String, String>,
}

impl Labels {
    /// Labels as `args` ask for them, for slots of at most `width` digits.
    pub(super) const fn new(args: &ServiceLogsArgs, width: usize) -> Self {
        Self {
            resolve: !args.no_resolve,
            task_ids: !args.no_task_ids,
            truncate: !args.no_trunc,
            width,
            known: BTreeMap::new(),
        }
    }

    /// The label of the task that wrote `line`.
    pub(super) async fn of(&mut self, line: &Line<'_>, client: &Client) -> Result<String> {
        if let Some(label) = self.known.get(line.task) {
            return Ok(label.clone());
        }
        // One that is removed meanwhile has still written its lines.
        let slot = match client.task(line.task).await {
            Ok(task) => task.slot,
            Err(error) if error.is_not_found() => 0,
            Err(error) => return Err(error),
        };
        let (service, node) = if self.resolve {
            (
                client.service_name(line.service).await?.unwrap_or_else(|| line.service.to_owned()),
                client.node_name(line.node).await?.unwrap_or_else(|| line.node.to_owned()),
            )
        } else {
            (line.service.to_owned(), line.node.to_owned())
        };
        let label = self.label(&service, slot, line.task, &node);
        self.known.insert(line.task.to_owned(), label.clone());
        Ok(label)
    }

    /// `service.slot.task@node`, filled up to the width of the widest slot.
    fn label(&self, service: &str, slot: u64, task: &str, node: &str) -> String {
        let id = match (self.task_ids, self.truncate) {
            (false, _) => String::new(),
            (true, true) => format!(".{}", short_id(task)),
            (true, false) => format!(".{task}"),
        };
        let slot = slot.to_string();
        let padding = " ".repeat(self.width.saturating_sub(slot.len()));
        format!("{service}.{slot}{id}@{node}{padding}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK_ID: &str = "0123456789abcdef012345678";
    const DATA: &[u8] = b"com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t,a=b hello world\n";

    #[test]
    fn a_line_is_printed_as_docker_prints_it() {
        let line = Line::parse(DATA, false).expect("sound");
        assert_eq!((line.node, line.service, line.task), ("n", "s", "t"));
        assert_eq!(line.print("web.1@node1", false), b"web.1@node1    | hello world\n");
        assert_eq!(line.print("web.1@node1", true), b"web.1@node1    | a=b hello world\n");
        let timed = [b"2017-07-14T02:40:00.000000000Z ", DATA].concat();
        let line = Line::parse(&timed, true).expect("sound");
        assert_eq!(
            line.print("web.1@node1", false),
            b"2017-07-14T02:40:00.000000000Z web.1@node1    | hello world\n"
        );
    }

    #[test]
    fn a_line_that_does_not_tell_whose_it_is_is_refused() {
        let error = |data: &[u8]| Line::parse(data, false).expect_err("refused").to_string();
        assert_eq!(error(b"hello\n"), "invalid context in log message: hello\n");
        assert_eq!(error(b"a=b hello\n"), "missing node id in details");
    }

    #[test]
    fn labels_are_as_wide_as_the_widest_slot() {
        let labels = |task_ids, truncate, width| Labels {
            resolve: true,
            task_ids,
            truncate,
            width,
            known: BTreeMap::new(),
        };
        let label = |labels: Labels| labels.label("web", 7, TASK_ID, "node1");
        assert_eq!(label(labels(true, true, 1)), "web.7.0123456789ab@node1");
        assert_eq!(label(labels(true, false, 0)), format!("web.7.{TASK_ID}@node1"));
        assert_eq!(label(labels(false, true, 3)), "web.7@node1  ");
    }
}
