//! What is wrong with a text, and where.

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub(crate) struct Fault {
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
    why: String,
}

impl Fault {
    /// At a line and a column as the parser counts them.
    pub(super) fn at(position: (isize, isize), why: impl Into<String>) -> Self {
        // An end that lies before the first line is the parser's word for nowhere.
        let [line, column] =
            [position.0, position.1].map(|it| usize::try_from(it).unwrap_or(1).max(1));
        Self { line, column, why: why.into() }
    }

    /// At a byte of the text.
    pub(super) fn in_text(text: &str, byte: usize, why: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|one| *one != '\n').count() + 1;
        Self { line, column, why: why.into() }
    }
}
