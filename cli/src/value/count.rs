//! How many of something, as `--replicas 3`.

/// Reads a number that is not negative.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "must be a whole number that is not negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_from_zero_on() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("18446744073709551615"), Ok(u64::MAX));
        for text in ["-1", "", "1.5", "two", "18446744073709551616"] {
            parse(text).expect_err(text);
        }
    }
}
