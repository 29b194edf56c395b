//! Lengths of time in Go's notation, as `1m30s` (Go `time.ParseDuration`).

use super::Nanoseconds;

/// Reads a duration: numbers with units from `ns` to `h`, perhaps with fractions and a sign.
///
/// # Errors
///
/// What is wrong with it, in Go's words.
pub fn parse(text: &str) -> Result<Nanoseconds, String> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Nanoseconds(0));
    }
    if rest.is_empty() {
        return Err(format!("invalid duration \"{text}\""));
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let (nanoseconds, after) = component(rest).map_err(|why| format!("{why} \"{text}\""))?;
        total += nanoseconds;
        rest = after;
    }
    if total > 9.2e18 {
        return Err(format!("invalid duration \"{text}\""));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "in range, and parts of a nanosecond do not exist"
    )]
    let total = total.round() as i64;
    Ok(Nanoseconds(if negative { -total } else { total }))
}

/// Reads one number with its unit. Returns nanoseconds and the text after it.
fn component(text: &str) -> Result<(f64, &str), &'static str> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let number: f64 = number.parse().map_err(|_| "invalid duration")?;
    let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let scale = match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        "" => return Err("missing unit in duration"),
        _ => return Err("unknown unit in duration"),
    };
    Ok((number * scale, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_gos_notation() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("100ms", 100_000_000),
            ("3us", 3_000),
            ("7ns", 7),
            ("-2s", -2_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(Nanoseconds(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_duration() {
        for (text, message) in [
            ("", "invalid duration \"\""),
            ("s", "invalid duration \"s\""),
            ("5", "missing unit in duration \"5\""),
            ("5d", "unknown unit in duration \"5d\""),
            ("1.2.3s", "invalid duration \"1.2.3s\""),
            ("99999999h", "invalid duration \"99999999h\""),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }
}
