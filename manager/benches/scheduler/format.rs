//! How figures are printed.

use std::time::Duration;

/// The cells of a line, each to the right of its column.
pub(crate) fn line<T: AsRef<str>>(widths: &[usize], cells: &[T]) -> String {
    let cells = widths.iter().zip(cells);
    cells.map(|(width, cell)| format!("{:>width$}", cell.as_ref())).collect()
}

/// A round number, as `10k`.
pub(crate) fn count(count: usize) -> String {
    match count {
        0..1000 => count.to_string(),
        1000..1_000_000 => format!("{}k", count / 1000),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// A time, with as many digits as are worth reading.
pub(crate) fn time(time: Duration) -> String {
    if time.is_zero() {
        return "-".to_owned();
    }
    let seconds = time.as_secs_f64();
    for (unit, factor) in [("s", 1.0), ("ms", 1e3), ("us", 1e6)] {
        if seconds * factor >= 1.0 {
            return digits(seconds * factor, unit);
        }
    }
    digits(seconds * 1e9, "ns")
}

/// A size of memory.
pub(crate) fn bytes(bytes: usize) -> String {
    let bytes = real(bytes);
    for (unit, size) in [("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)] {
        if bytes >= size {
            return digits(bytes / size, unit);
        }
    }
    digits(bytes, "B")
}

/// So many times `one` is `other`.
pub(crate) fn ratio(other: Duration, one: Duration) -> String {
    digits(other.as_secs_f64() / one.as_secs_f64(), "x")
}

/// A number with its unit, in three digits.
fn digits(number: f64, unit: &str) -> String {
    let space = if unit == "x" { "" } else { " " };
    match number {
        ..10.0 => format!("{number:.2}{space}{unit}"),
        10.0..100.0 => format!("{number:.1}{space}{unit}"),
        _ => format!("{number:.0}{space}{unit}"),
    }
}

/// Precise enough for what is printed.
fn real(number: usize) -> f64 {
    f64::from(u32::try_from(number / 1024).expect("less than 4 TiB")) * 1024.0
        + f64::from(u32::try_from(number % 1024).expect("small"))
}
