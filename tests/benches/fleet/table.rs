//! The table: a column for each size, a line for each figure.

use std::fmt;

use crate::fleet::Usage;
use crate::format;
use crate::row::bytes;

/// Where the figures begin.
const NAMES: usize = 38;

/// How wide a column is.
const WIDTH: usize = 22;

/// The figures of one size.
#[derive(Debug)]
pub(crate) struct Column {
    title: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    title: &'static str,
    figures: Vec<(&'static str, String)>,
}

/// All sizes.
#[derive(Debug)]
pub(crate) struct Table(pub(crate) Vec<Column>);

impl Column {
    /// No figures yet.
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), parts: Vec::new() }
    }

    /// What is told from now on is of something else.
    pub(crate) fn part(&mut self, title: &'static str) {
        self.parts.push(Part { title, figures: Vec::new() });
    }

    /// Tells a figure.
    pub(crate) fn tell(&mut self, name: &'static str, figure: String) {
        if let Some(part) = self.parts.last_mut() {
            part.figures.push((name, figure));
        }
    }

    /// Tells what the leader has used.
    pub(crate) fn used(&mut self, usage: &Usage) {
        self.tell("CPU of the leader", format::time(usage.cpu));
        self.tell("to agents", bytes(usage.heard));
        self.tell("from agents", bytes(usage.said));
        self.tell("sets of assignments", usage.sets.to_string());
        self.tell("states applied", usage.states.to_string());
    }

    fn find(&self, part: &str, name: &str) -> &str {
        let part = self.parts.iter().find(|it| it.title == part);
        let figure = part.and_then(|part| part.figures.iter().find(|(it, _)| *it == name));
        figure.map_or("-", |(_, figure)| figure)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<NAMES$}", "agents:tasks")?;
        for column in &self.0 {
            write!(f, "{:>WIDTH$}", column.title)?;
        }
        writeln!(f)?;
        let widest = self.0.iter().max_by_key(|column| column.parts.len());
        for part in widest.into_iter().flat_map(|column| &column.parts) {
            writeln!(f, "{}", part.title)?;
            for (name, _) in &part.figures {
                write!(f, "  {name:<width$}", width = NAMES - 2)?;
                for column in &self.0 {
                    write!(f, "{:>WIDTH$}", column.find(part.title, name))?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
