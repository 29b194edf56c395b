//! From a text to an expression, within the limits.

use std::sync::Arc;
use std::sync::LazyLock;
use std::thread;

use cel::Env;
use cel::ParseErrors;

use super::Expression;
use super::Fault;
use super::Kind;
use super::check::Checker;

/// The longest text, in bytes.
pub(super) const MAX_LENGTH: usize = 1024;

/// So many brackets may be opened. Each takes up to 180 KiB of the stack if they are nested. Whether they are is not asked: a text that
/// has brackets in quotes would have to be read for that.
pub(super) const MAX_BRACKETS: usize = 64;

/// So many levels an expression may have. Each takes up to 38 KiB of the stack of whoever computes it.
const MAX_LEVELS: usize = 24;

/// The stack of the thread that reads a text: what the limits above allow, and as much again.
const STACK: usize = 32 << 20;

/// The functions that there are, and how expressions are read. Every name that is not known here is refused before ([`mod@super::check`]).
pub(super) static LANGUAGE: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// Reads an expression that comes to `wanted`.
pub(super) fn expression(text: &str, wanted: &Kind) -> Result<Expression, Fault> {
    limit(text)?;
    let read = thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK);
        reader.spawn_scoped(scope, || read(text, wanted)).map(thread::ScopedJoinHandle::join)
    });
    match read {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => Err(Fault::in_text(text, 0, "it cannot be read")),
        Err(error) => Err(Fault::in_text(text, 0, format!("it cannot be read now: {error}"))),
    }
}

/// What keeps the reader's stack from being used up.
fn limit(text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(Fault::in_text(text, 0, "there is no expression"));
    }
    if text.len() > MAX_LENGTH {
        let why =
            format!("an expression has at most {MAX_LENGTH} bytes, and this one {}", text.len());
        let end = (0..=MAX_LENGTH).rev().find(|byte| text.is_char_boundary(*byte));
        return Err(Fault::in_text(text, end.unwrap_or(0), why));
    }
    match text.match_indices(['(', '[', '{']).nth(MAX_BRACKETS) {
        Some((byte, _)) => {
            let why = format!("an expression has at most {MAX_BRACKETS} opening brackets");
            Err(Fault::in_text(text, byte, why))
        }
        None => Ok(()),
    }
}

fn read(text: &str, wanted: &Kind) -> Result<Expression, Fault> {
    let parsed = LANGUAGE.parser().parse_with_source_info(text);
    let (mut root, source) = parsed.map_err(|errors| first(&errors))?;
    let mut checker = Checker::new(&source);
    let levels = checker.result(&mut root, wanted)?;
    if levels > MAX_LEVELS {
        let why = format!("an expression has at most {MAX_LEVELS} levels, and this one {levels}");
        return Err(Fault::in_text(text, 0, why));
    }
    Ok(Expression { root, uses: checker.uses() })
}

/// The first thing that the parser does not understand, without the long list of what it would have understood.
fn first(errors: &ParseErrors) -> Fault {
    let Some(error) = errors.errors.first() else { return Fault::at((1, 1), "it cannot be read") };
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let message = message.split(" expecting ").next().unwrap_or(message);
    // What went wrong before anything was understood has no place and no name.
    if message == "UNKNOWN" {
        return Fault::at((1, 1), "too much of it is nested");
    }
    Fault::at(error.pos, message.replace('\n', " "))
}
