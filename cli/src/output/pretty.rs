//! Objects for people: names and values below each other, in sections. (The `--pretty` templates of docker/cli.)

use std::fmt;
use std::fmt::Write as _;

use swarmlite_proto::spec::Labels;

use super::table;

/// Text that grows entry by entry.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    indented: bool,
}

impl Page {
    /// Starts a section; entries belong to it until [`Self::top`] or the next.
    pub(crate) fn section(&mut self, title: &str) {
        self.write(format_args!("{title}:\n"));
        self.indented = true;
    }

    /// Ends a section.
    pub(crate) fn top(&mut self) {
        self.indented = false;
    }

    /// Adds a name with its value.
    pub(crate) fn entry(&mut self, name: &str, value: &str) {
        let indent = if self.indented { " " } else { "" };
        self.write(format_args!("{indent}{name}:\t{value}\n"));
    }

    /// Adds a name with its value, if it has one.
    pub(crate) fn entry_unless_empty(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.entry(name, value);
        }
    }

    /// Adds labels as a section of their own, if there are any.
    pub(crate) fn labels(&mut self, title: &str, labels: &Labels) {
        if !labels.is_empty() {
            self.section(title);
            for (key, value) in labels {
                let equals = if value.is_empty() { "" } else { "=" };
                self.write(format_args!(" - {key}{equals}{value}\n"));
            }
            self.top();
        }
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(text);
    }

    /// The text, values aligned.
    pub(crate) fn finish(self) -> String {
        table::align(&self.text)
    }
}

/// A size with a binary unit and up to four digits, as `7.611GiB` (docker/go-units `BytesSize`).
pub(crate) fn bytes(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    #[expect(clippy::cast_precision_loss, reason = "four digits are printed")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let whole_digits = format!("{value:.0}").len();
    let text = format!("{value:.*}", 4_usize.saturating_sub(whole_digits));
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_four_digits() {
        for (size, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1KiB"),
            (536_870_912, "512MiB"),
            (8_171_720_704, "7.611GiB"),
            (1 << 41, "2TiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }
}
