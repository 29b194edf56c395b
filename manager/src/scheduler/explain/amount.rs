//! Amounts of what nodes have, for people. What has to be freed is rounded up and what may be asked for is rounded down, so that who
//! follows the advice to the letter gets what was promised.

use crate::state::CPU;
use crate::state::MEMORY;

/// Billionths of a core in a core.
const CORE: i64 = 1_000_000_000;

/// Which way an amount is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    Up,
    Down,
}

/// So much without its name, as `512 MiB`, `1.5` or `2`.
pub(super) fn number(of: &str, amount: i64, round: Round) -> String {
    match of {
        CPU => hundredths(amount, CORE, round),
        MEMORY => {
            const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
            let fits = |power: &usize| amount >= 1 << (10 * power);
            let power = (1..UNITS.len()).rev().find(fits).unwrap_or(0);
            format!("{} {}", hundredths(amount, 1 << (10 * power), round), UNITS[power])
        }
        _ => amount.to_string(),
    }
}

/// So much with its name, as `300 MiB of memory`, `1.5 CPUs` or `2 GPU`.
pub(super) fn amount(of: &str, amount: i64, round: Round) -> String {
    let number = number(of, amount, round);
    match of {
        CPU if amount == CORE => format!("{number} CPU"),
        CPU => format!("{number} CPUs"),
        MEMORY => format!("{number} of memory"),
        kind => format!("{number} {kind}"),
    }
}

/// A fraction with up to two digits behind the point.
fn hundredths(amount: i64, unit: i64, round: Round) -> String {
    let scaled = i128::from(amount) * 100;
    let unit = i128::from(unit);
    let down = scaled.div_euclid(unit);
    let is_exact = scaled.rem_euclid(unit) == 0;
    let value = down + i128::from(round == Round::Up && !is_exact);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, rest) = (value.abs() / 100, value.abs() % 100);
    let text = format!("{sign}{whole}.{rest:02}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_freed_is_enough_and_what_is_asked_for_is_left() {
        for (of, value, up, down) in [
            (MEMORY, 300 << 20, "300 MiB of memory", "300 MiB of memory"),
            (MEMORY, (300 << 20) + 1, "300.01 MiB of memory", "300 MiB of memory"),
            (MEMORY, (1 << 40) + (1 << 39), "1.5 TiB of memory", "1.5 TiB of memory"),
            (MEMORY, 1023, "1023 B of memory", "1023 B of memory"),
            (MEMORY, 0, "0 B of memory", "0 B of memory"),
            (CPU, 1_000_000_000, "1 CPU", "1 CPU"),
            (CPU, 1_234_567_890, "1.24 CPUs", "1.23 CPUs"),
            (CPU, -500_000_000, "-0.5 CPUs", "-0.5 CPUs"),
            ("GPU", 2, "2 GPU", "2 GPU"),
        ] {
            assert_eq!(amount(of, value, Round::Up), up);
            assert_eq!(amount(of, value, Round::Down), down);
        }
        assert_eq!(number(MEMORY, -(1 << 20), Round::Down), "-1048576 B");
    }
}
