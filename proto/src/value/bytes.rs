//! Sizes, as `512m` (docker/go-units `RAMInBytes`).

/// Reads a size in bytes: a number, perhaps with a fraction, and a binary unit from `b` to `p`.
///
/// # Errors
///
/// When it is no size.
pub fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("invalid size: '{text}'");
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &lower[number.len()..];
    let exponent = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" if unit.len() <= 1 => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(invalid()),
    };
    let number = number.trim_end();
    let in_number = |c: char| c.is_ascii_digit() || c == '.';
    if number.starts_with('.') || !number.chars().all(in_number) {
        return Err(invalid());
    }
    let value: f64 = number.parse().map_err(|_| invalid())?;
    let bytes = value * 1024_f64.powi(exponent);
    if bytes > 9.0e18 {
        return Err(invalid());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "in range, and fractions of a byte are dropped as Docker does"
    )]
    Ok(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_and_fractions_are_fine() {
        for (text, bytes) in [
            ("0", 0),
            ("32", 32),
            ("32b", 32),
            ("32k", 32 << 10),
            ("32KB", 32 << 10),
            ("32KiB", 32 << 10),
            ("32 mb", 32 << 20),
            ("1.5g", 3 << 29),
            ("2T", 2 << 40),
            ("1p", 1 << 50),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "m", "-1", "1x", "1kk", "1bb", "1ib", "32.3.4m", "1e3", "nan", "99999p"] {
            assert_eq!(parse(text), Err(format!("invalid size: '{text}'")), "{text}");
        }
    }
}
