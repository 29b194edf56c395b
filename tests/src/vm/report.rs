//! What a test program said over the console, read as results of its tests.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The results of a run, by the name of the test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    outcomes: BTreeMap<String, Outcome>,
    console: String,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should: with what was said while it ran.
    Passed(String),
    /// Otherwise, or not at all: with what was said while it ran.
    Failed(String),
    /// It was left out.
    Ignored,
}

/// A line that the harness writes (`--format=json`).
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    #[serde(default)]
    name: String,
}

impl Report {
    /// Reads the console. A test that began and did not end has failed.
    #[must_use]
    pub fn read(console: &str) -> Self {
        let mut report = Self { outcomes: BTreeMap::new(), console: console.to_owned() };
        let mut running = None;
        let mut said = String::new();
        for text in console.lines() {
            let line = serde_json::from_str::<Line>(text).ok().filter(|line| line.kind == "test");
            match line {
                None => said.extend([text, "\n"]),
                Some(line) if line.event == "started" => {
                    said.clear();
                    running = Some(line.name);
                }
                Some(line) => {
                    let said = said.trim_end().to_owned();
                    let outcome = match line.event.as_str() {
                        "ok" => Outcome::Passed(said),
                        "ignored" => Outcome::Ignored,
                        _ => Outcome::Failed(said),
                    };
                    running = None;
                    report.outcomes.insert(line.name, outcome);
                }
            }
        }
        if let Some(name) = running {
            report.outcomes.insert(name, Outcome::Failed(said.trim_end().to_owned()));
        }
        report
    }

    /// How a test ended; `None` if the machine did not run it.
    #[must_use]
    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.outcomes.get(name)
    }

    /// All that came over the console.
    #[must_use]
    pub fn console(&self) -> &str {
        &self.console
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_what_was_said_while_the_test_ran() {
        let console = r#"
{ "type": "suite", "event": "started", "test_count": 4 }
{ "type": "test", "event": "started", "name": "a" }
{ "type": "test", "name": "a", "event": "ok" }
{ "type": "test", "event": "started", "name": "b" }
thread 'main' panicked at x.rs:1:
no answer
{ "type": "test", "name": "b", "event": "failed" }
{ "type": "test", "event": "started", "name": "c" }
{ "type": "test", "name": "c", "event": "ignored" }
{ "type": "test", "event": "started", "name": "d" }
Kernel panic"#;
        let report = Report::read(console);
        assert_eq!(report.outcome("a"), Some(&Outcome::Passed(String::new())));
        let said = "thread 'main' panicked at x.rs:1:\nno answer".to_owned();
        assert_eq!(report.outcome("b"), Some(&Outcome::Failed(said)));
        assert_eq!(report.outcome("c"), Some(&Outcome::Ignored));
        assert_eq!(report.outcome("d"), Some(&Outcome::Failed("Kernel panic".to_owned())));
        assert_eq!(report.outcome("e"), None);
    }
}
