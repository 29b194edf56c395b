//! What a request asks for beyond an answer: a delay, a stream, a line in the log, all bounded. Pure.

use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;

/// The longest delay, and the longest pause between two lines of a stream.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The most lines of a stream.
const MAX_LINES: u32 = 100_000;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The reply, after a delay.
    Reply {
        /// How long to wait before.
        delay: Duration,
    },
    /// Whether the server is well.
    Health,
    /// Whether the server is ready for requests.
    Ready,
    /// From now on it says so, or not.
    TurnReady(bool),
    /// Numbered lines.
    Stream {
        /// How many.
        count: u32,
        /// The pause before each.
        interval: Duration,
    },
    /// The reply, and a line on an output of this program.
    Log {
        /// The line.
        line: String,
        /// Whether it goes to standard error.
        error: bool,
    },
}

/// Reads a request's target such as `/?delay=500ms`, `/stream?count=10&interval=100ms` or `/log?line=hello`.
///
/// # Errors
///
/// When a known parameter has a value that cannot be read or is over its bound. Other parameters are part of what is echoed.
pub(crate) fn parse(target: &str) -> anyhow::Result<Ask> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut delay = Duration::ZERO;
    let mut count = 10;
    let mut interval = Duration::from_millis(100);
    let mut line = "";
    let mut error = false;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "delay" => delay = duration(value)?,
            "interval" => interval = duration(value)?,
            "count" => count = value.parse().with_context(|| format!("count={value}"))?,
            "line" => line = value,
            "error" => error = value == "1",
            _ => {}
        }
    }
    ensure!(count <= MAX_LINES, "count={count}: at most {MAX_LINES}");
    Ok(match path {
        "/health" => Ask::Health,
        "/log" => Ask::Log { line: line.to_owned(), error },
        "/ready" => Ask::Ready,
        "/ready/on" => Ask::TurnReady(true),
        "/ready/off" => Ask::TurnReady(false),
        "/stream" => Ask::Stream { count, interval },
        _ => Ask::Reply { delay },
    })
}

/// Reads a time such as `500ms` or `2s`.
///
/// # Errors
///
/// When it has no unit, or is longer than a minute.
pub(crate) fn duration(text: &str) -> anyhow::Result<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
    let number: u64 = number.parse().with_context(|| format!("duration {text}"))?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => bail!("duration {text}: give it in ms or s"),
    };
    ensure!(duration <= MAX_PAUSE, "duration {text}: at most {}s", MAX_PAUSE.as_secs());
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_and_streams_are_read() {
        let delay = Duration::from_millis(500);
        assert_eq!(parse("/?delay=500ms").unwrap(), Ask::Reply { delay });
        assert_eq!(parse("/any/path").unwrap(), Ask::Reply { delay: Duration::ZERO });
        assert_eq!(parse("/health").unwrap(), Ask::Health);
        let interval = Duration::from_secs(1);
        assert_eq!(
            parse("/stream?count=3&interval=1s").unwrap(),
            Ask::Stream { count: 3, interval }
        );
    }

    #[test]
    fn lines_for_the_log_are_read() {
        let log = |line: &str, error| Ask::Log { line: line.to_owned(), error };
        assert_eq!(parse("/log?line=hello").unwrap(), log("hello", false));
        assert_eq!(parse("/log?line=no&error=1").unwrap(), log("no", true));
    }

    #[test]
    fn what_is_unbounded_or_unreadable_is_refused() {
        for target in ["/?delay=61s", "/?delay=5", "/?delay=ms", "/stream?count=100001"] {
            assert!(parse(target).is_err(), "{target}");
        }
    }
}
