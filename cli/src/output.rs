//! What the user sees: tables, templates, JSON, progress. Pure renderers from values to text; the [`Console`] carries the text out.

pub(crate) mod diagnosis;
pub(crate) mod explanation;
pub(crate) mod failure;
pub(crate) mod format;
pub(crate) mod inspect;
pub(crate) mod plan;
pub(crate) mod pretty;
pub(crate) mod progress;
pub(crate) mod simulation;
pub(crate) mod table;
pub(crate) mod template;

use std::cmp::Ordering;
use std::io::Write;

use crate::error::Result;

/// Ids in tables are cut to this many characters.
const SHORT_ID: usize = 12;

/// An id as tables show it.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

/// The order in which a person sorts names: numbers in them by their value, so that `web.2` comes before `web.10`.
pub(crate) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    loop {
        let (Some(first), Some(second)) = (a_rest.chars().next(), b_rest.chars().next()) else {
            return a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b));
        };
        let order = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, rest) = leading_number(a_rest);
            let (other, other_rest) = leading_number(b_rest);
            (a_rest, b_rest) = (rest, other_rest);
            number.len().cmp(&other.len()).then_with(|| number.cmp(other))
        } else {
            (a_rest, b_rest) = (&a_rest[first.len_utf8()..], &b_rest[second.len_utf8()..]);
            first.cmp(&second)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits that a text starts with, without leading zeros, and what follows them.
fn leading_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}

/// Where a command writes.
pub(crate) struct Console<'a> {
    /// Standard output.
    pub(crate) out: &'a mut (dyn Write + Send),
    /// Standard error.
    pub(crate) err: &'a mut (dyn Write + Send),
    /// Whether standard output is a terminal, so that lines can be rewritten.
    pub(crate) interactive: bool,
}

impl Console<'_> {
    /// Writes text as it is.
    pub(crate) fn print(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.print(&format!("{text}\n"))
    }

    /// Writes one line to standard error.
    pub(crate) fn warn(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(self.err, "{text}")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_their_value() {
        let mut names = ["web.10", "web.2", "web.02", "a", "web", "web.2.x", "b1"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["a", "b1", "web", "web.02", "web.2", "web.2.x", "web.10"]);
    }
}
