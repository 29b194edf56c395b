//! Nodes that might be added, as `2x(4 cpu, 8 GiB, zone=b)`.

use swarmlite_proto::api::NodesToAdd;
use swarmlite_proto::value::bytes;
use swarmlite_proto::value::cpus;

/// Reads how many nodes, what each has, and its labels. Count and parentheses may be left out.
pub(crate) fn parse(text: &str) -> Result<NodesToAdd, String> {
    let (count, each) = count(text.trim())?;
    let mut nodes = NodesToAdd { count, ..NodesToAdd::default() };
    for part in each.split(',').map(str::trim) {
        let lower = part.to_ascii_lowercase();
        if let Some((key, value)) = part.split_once('=') {
            nodes.labels.insert(key.trim().to_owned(), value.trim().to_owned());
        } else if let Some(number) = ["cpus", "cpu"].iter().find_map(|it| lower.strip_suffix(it)) {
            nodes.nano_cpus = cpus::parse(number.trim())?;
        } else {
            let compact: String = part.split_whitespace().collect();
            nodes.memory_bytes = bytes::parse(&compact)?;
        }
    }
    if nodes.nano_cpus <= 0 || nodes.memory_bytes <= 0 {
        return Err(
            "must say how many processors and how much memory, as '4 cpu, 8 GiB'".to_owned()
        );
    }
    Ok(nodes)
}

/// How many, and what each has.
fn count(text: &str) -> Result<(u64, &str), String> {
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let (count, each) = match rest.strip_prefix(['x', 'X']) {
        Some(each) if !number.is_empty() => (number.parse().ok(), each.trim()),
        _ => (Some(1), text),
    };
    let count = count
        .filter(|count| *count > 0)
        .ok_or("must be of at least one node, and not of too many")?;
    let inner = each.strip_prefix('(').map(|it| it.strip_suffix(')').ok_or("')' is missing"));
    Ok((count, inner.transpose()?.unwrap_or(each)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: u64, cpus: i64, gib: i64, labels: &[(&str, &str)]) -> NodesToAdd {
        let label = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        NodesToAdd {
            count,
            nano_cpus: cpus * 1_000_000_000,
            memory_bytes: gib << 30,
            labels: labels.iter().map(label).collect(),
        }
    }

    #[test]
    fn nodes_are_written_as_people_would() {
        for text in ["2x(4 cpu, 8 GiB)", "2x4cpu,8g", " 2 x 4 CPUs , 8gb ", "2X(8GiB,4cpu)"] {
            assert_eq!(parse(text), Ok(nodes(2, 4, 8, &[])), "{text}");
        }
        let labels = [("disk", "ssd"), ("zone", "b")];
        assert_eq!(parse("4 cpu, 8 GiB, zone=b, disk=ssd"), Ok(nodes(1, 4, 8, &labels)));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        for text in [
            "4 cpu",
            "8 GiB",
            "",
            "0x(4 cpu, 8 GiB)",
            "2x(4 cpu, 8 GiB",
            "four cpu, 8g",
            "4 cpu, much",
        ] {
            parse(text).expect_err(text);
        }
    }
}
