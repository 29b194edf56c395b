//! The lines of a service that is being waited for: rewritten in place on a terminal, one below the other elsewhere.

use std::borrow::Cow;
use std::collections::BTreeMap;

use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use super::Console;
use crate::convergence::Line;
use crate::error::Result;

/// Characters between the brackets of a full bar.
const BAR_WIDTH: u64 = 50;

/// Longer text is cut on a terminal, so that it does not overflow a narrow one.
const MAX_TEXT: usize = 75;

/// Where progress is shown.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nowhere.
    Quiet,
    /// Where lines can be rewritten.
    Terminal { display: MultiProgress, lines: BTreeMap<String, ProgressBar> },
    /// Where they cannot: in files and pipes. Remembers what each line said, so that only changes are written.
    Plain(BTreeMap<String, String>),
}

impl Progress {
    /// The display that suits where standard output goes.
    pub(crate) fn new(quiet: bool, interactive: bool) -> Self {
        match (quiet, interactive) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Terminal {
                display: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
                lines: BTreeMap::new(),
            },
            (false, false) => Self::Plain(BTreeMap::new()),
        }
    }

    /// Shows lines.
    pub(crate) fn show(&mut self, lines: &[Line], console: &mut Console<'_>) -> Result<()> {
        for line in lines {
            match self {
                Self::Quiet => {}
                Self::Terminal { display, lines } => {
                    let shown = lines.entry(line.id.clone()).or_insert_with(|| {
                        display.add(ProgressBar::new_spinner().with_style(message_only()))
                    });
                    shown.set_message(on_terminal(line));
                    shown.tick();
                }
                Self::Plain(said) => {
                    // Bars are for terminals, as in docker; the overall line tells the rest.
                    if line.bar.is_none() && said.get(&line.id) != Some(&line.text) {
                        console.line(&plain(line))?;
                        said.insert(line.id.clone(), line.text.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells something at length, above the lines that are rewritten.
    pub(crate) fn tell(&self, text: &str, console: &mut Console<'_>) -> Result<()> {
        match self {
            Self::Quiet => Ok(()),
            Self::Terminal { display, .. } => display.suspend(|| console.print(text)),
            Self::Plain(_) => console.print(text),
        }
    }

    /// Leaves the last state of the lines on the screen.
    pub(crate) fn finish(self) {
        if let Self::Terminal { lines, .. } = self {
            for line in lines.values() {
                line.abandon();
            }
        }
    }
}

/// A line without a bar of the library's own.
fn message_only() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A line without a bar.
fn plain(line: &Line) -> String {
    if line.id.is_empty() { line.text.clone() } else { format!("{}: {} ", line.id, line.text) }
}

/// A line as a terminal shows it, as `1/2: running   [====>    ]`.
fn on_terminal(line: &Line) -> String {
    let Some((done, steps)) = line.bar else {
        return plain(&Line { text: shorten(&line.text).into_owned(), ..line.clone() });
    };
    // Docker's arithmetic, rounding included: percent first, then half of it.
    let filled = (done * 100 / steps.max(1) / 2).min(BAR_WIDTH);
    let bar: String =
        (0..filled).map(|_| '=').chain(['>']).chain((filled..BAR_WIDTH).map(|_| ' ')).collect();
    format!("{}: {} [{bar}] ", line.id, line.text)
}

fn shorten(text: &str) -> Cow<'_, str> {
    if text.chars().count() <= MAX_TEXT {
        return text.into();
    }
    text.chars().take(MAX_TEXT - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, bar: Option<(u64, u64)>) -> Line {
        Line { id: "1/2".to_owned(), text: text.to_owned(), bar }
    }

    #[test]
    fn bars_are_dockers() {
        insta::assert_snapshot!(
            [
                line("new      ", Some((2, 9))),
                line("preparing", Some((6, 9))),
                line("running  ", Some((9, 9))),
                line("no such image", None),
            ]
            .iter()
            .map(|line| on_terminal(line) + "|\n")
            .collect::<String>(),
            @r"
        1/2: new       [===========>                                       ] |
        1/2: preparing [=================================>                 ] |
        1/2: running   [==================================================>] |
        1/2: no such image |
        "
        );
    }

    #[test]
    fn long_text_is_cut() {
        let long = "x".repeat(76);
        assert_eq!(on_terminal(&line(&long, None)), format!("1/2: {}… ", &long[..74]));
        assert_eq!(on_terminal(&line(&long[..75], None)), format!("1/2: {} ", &long[..75]));
    }

    #[test]
    fn elsewhere_only_changes_are_written_and_no_bars() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console { out: &mut out, err: &mut err, interactive: false };
        let mut progress = Progress::new(false, false);
        for text in ["a", "a", "b"] {
            progress
                .show(&[line(text, None), line("x", Some((1, 9)))], &mut console)
                .expect("writes");
        }
        progress.finish();
        assert_eq!(String::from_utf8(out).expect("text"), "1/2: a \n1/2: b \n");
    }
}
