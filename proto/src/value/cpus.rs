//! Processor time, as `0.5` cores (docker/cli `opts.ParseCPUs`).

/// Billionths in a whole.
const DIGITS: usize = 9;

/// Reads a number of cores as billionths of a core, without rounding.
pub fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("failed to parse {text} as a rational number");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let significant = fraction.trim_end_matches('0');
    if significant.len() > DIGITS {
        return Err("value is too precise".to_owned());
    }
    let digits = format!("{whole}{significant:0<DIGITS$}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    digits.parse().map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_become_billionths_exactly() {
        for (text, nanos) in [
            ("1", 1_000_000_000),
            ("0.1", 100_000_000),
            (".5", 500_000_000),
            ("2.50", 2_500_000_000),
            ("0.000000001", 1),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_cores_is_refused() {
        for text in ["", ".", "x", "1.x", "-1", "1,5", "1.2.3", "99999999999999"] {
            assert_eq!(parse(text), Err(format!("failed to parse {text} as a rational number")));
        }
        assert_eq!(parse("0.0000000001"), Err("value is too precise".to_owned()));
    }
}
