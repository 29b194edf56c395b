//! Lengths of time in Go's notation, as `1m30s`, and for people, as `3 seconds`.

use std::time::Duration;

use swarmlite_proto::time::Nanoseconds;
pub(crate) use swarmlite_proto::time::duration::parse;

/// Says roughly how long something took, in the words of docker/go-units `HumanDuration`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let minutes = seconds / 60;
    // Go rounds hours to the nearest.
    let hours = (seconds + 1800) / 3600;
    match () {
        () if seconds < 1 => "less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "about a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "about an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// Writes a duration in Go's notation, as `1m30s`.
pub(crate) fn go(Nanoseconds(nanoseconds): Nanoseconds) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let left = nanoseconds.unsigned_abs();
    match left {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{left}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(left, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(left, 1_000_000)),
        _ => {
            let seconds = format!("{}s", decimal(left % 60_000_000_000, 1_000_000_000));
            let minutes = left / 60_000_000_000;
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// `value / unit` with all its digits and no trailing zeros. `unit` is a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let digits = unit.to_string().len() - 1;
    let text = format!("{}.{:0digits$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_gos_notation() {
        for text in
            ["0s", "5s", "1m30s", "1h0m0s", "100ms", "1.5s", "3µs", "7ns", "-2s", "2160h0m0s"]
        {
            assert_eq!(go(parse(text).expect("a duration")), text);
        }
    }

    #[test]
    fn says_roughly_how_long() {
        for (seconds, text) in [
            (0, "less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "about a minute"),
            (150, "2 minutes"),
            (3600, "about an hour"),
            (3 * 3600, "3 hours"),
            (3 * 86400, "3 days"),
            (20 * 86400, "2 weeks"),
            (100 * 86400, "3 months"),
            (900 * 86400, "2 years"),
        ] {
            assert_eq!(human(Duration::from_secs(seconds)), text);
        }
    }
}
