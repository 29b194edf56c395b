//! Columns, as Docker spaces them (Go `text/tabwriter` with a minimum width of 10 and a padding of 3).

use std::io::Write;

use tabwriter::TabWriter;

/// Docker's columns are at least this wide, the padding included.
const MIN_WIDTH: usize = 10;
const PADDING: usize = 3;

/// Aligns lines whose cells are separated by tabs.
pub(crate) fn align(text: &str) -> String {
    // This writer counts the padding apart from the minimum width.
    let mut writer = TabWriter::new(Vec::new()).minwidth(MIN_WIDTH - PADDING).padding(PADDING);
    // Writing to memory cannot fail.
    let _ = writer.write_all(text.as_bytes());
    writer
        .into_inner()
        .map_or_else(|_| text.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_ten_wide_or_as_wide_as_their_longest_cell_and_three() {
        assert_eq!(align("ID\tNAME\na\tb\n"), "ID        NAME\na         b\n");
        assert_eq!(align("ID\tNAME\nlong-enough\tb\n"), "ID            NAME\nlong-enough   b\n");
    }
}
