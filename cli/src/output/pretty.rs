//! Objects for people, line by line. (The `--pretty` templates of docker/cli, tabs included.)

use std::fmt;

use super::table;

/// Text that grows line by line.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// Adds a line.
    pub(crate) fn line(&mut self, line: impl fmt::Display) {
        use fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// Adds a name with its value.
    pub(crate) fn entry(&mut self, name: &str, value: impl fmt::Display) {
        self.line(format_args!("{name}{value}"));
    }

    /// Adds a name with its value, if it has one.
    pub(crate) fn entry_unless_empty(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.entry(name, value);
        }
    }

    /// Adds a title and lines below it, if there are any.
    pub(crate) fn section<L: fmt::Display>(
        &mut self,
        title: &str,
        lines: impl IntoIterator<Item = L>,
    ) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_some() {
            self.line(title);
            lines.for_each(|line| self.line(line));
        }
    }

    /// The text as it is.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// The text, what follows tabs aligned.
    pub(crate) fn aligned(self) -> String {
        table::align(&self.0)
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

    #[test]
    fn a_section_without_lines_is_left_out() {
        let mut page = Page::default();
        page.section("Labels:", [] as [&str; 0]);
        page.section("Ports:", ["a", "b"]);
        page.entry_unless_empty("Name:\t", "");
        assert_eq!(page.finish(), "Ports:\na\nb\n");
    }
}
