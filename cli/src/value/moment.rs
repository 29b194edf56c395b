//! Moments as docker takes them: a time ago, a date, or seconds since 1970 (moby `api/types/time/timestamp.go`).

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use swarmlite_proto::time::Timestamp;

use super::duration;

/// Reads `10m`, `2024-05-01T12:00:00Z`, `2024-05-01T12:00`, `2024-05-01` or `1714564800.5`, and writes it as seconds since 1970. Dates without a
/// time zone are in that of this machine.
///
/// # Errors
///
/// When it is none of these.
pub(crate) fn to_unix(text: &str, now: Timestamp) -> Result<String, String> {
    if let Ok(ago) = duration::parse(text) {
        let (seconds, nanoseconds) = now.to_unix();
        let ago = ago.to_duration();
        let since = Duration::new(u64::try_from(seconds).unwrap_or(0), nanoseconds.unsigned_abs());
        return Ok(seconds_of(since.saturating_sub(ago)));
    }
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Ok(text.to_owned());
    }
    let wrong = |error: jiff::Error| format!("invalid value for \"since\": {error}");
    let moment = match text.parse::<jiff::Timestamp>() {
        Ok(moment) => moment,
        Err(_) => text
            .parse::<DateTime>()
            .and_then(|local| local.to_zoned(TimeZone::system()))
            .map_err(wrong)?
            .timestamp(),
    };
    Ok(format!("{}.{:09}", moment.as_second(), moment.subsec_nanosecond()))
}

fn seconds_of(since: Duration) -> String {
    format!("{}.{:09}", since.as_secs(), since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_becomes_seconds() {
        let now = Timestamp::from_unix(1_500_000_000, 5).expect("a moment");
        for (text, expected) in [
            ("10m", "1499999400.000000005"),
            ("1h30m", "1499994600.000000005"),
            ("1500000000", "1500000000"),
            ("1500000000.25", "1500000000.25"),
            ("2017-07-14T02:40:00Z", "1500000000.000000000"),
            ("2017-07-14T04:40:00.5+02:00", "1500000000.500000000"),
        ] {
            assert_eq!(to_unix(text, now).as_deref(), Ok(expected), "{text}");
        }
        for text in ["2017-07-14T02:40", "2017-07-14"] {
            let seconds = to_unix(text, now).expect("a moment in this machine's time zone");
            assert!(seconds.starts_with("1499") || seconds.starts_with("1500"), "{seconds}");
        }
        assert!(to_unix("yesterday", now).expect_err("none").starts_with("invalid value"));
    }
}
