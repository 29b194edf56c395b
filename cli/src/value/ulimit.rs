//! Resource limits of processes, as `nofile=1024:2048` (docker/go-units `ParseUlimit`).

use swarmlite_proto::spec::Ulimit;

/// The limits that setrlimit(2) knows.
const NAMES: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Reads `name=soft[:hard]`; -1 means no limit.
pub(crate) fn parse(text: &str) -> Result<Ulimit, String> {
    let (name, limits) =
        text.split_once('=').ok_or_else(|| format!("invalid ulimit argument: {text}"))?;
    if !NAMES.contains(&name) {
        return Err(format!("invalid ulimit type: {name}"));
    }
    let number =
        |text: &str| text.parse::<i64>().map_err(|_| format!("invalid ulimit value: {text}"));
    let (soft, hard) = match limits.split_once(':') {
        Some((soft, hard)) => (number(soft)?, number(hard)?),
        None => (number(limits)?, number(limits)?),
    };
    if hard != -1 && (soft == -1 || soft > hard) {
        return Err(format!(
            "ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        ));
    }
    Ok(Ulimit { name: name.to_owned(), hard, soft })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_defaults_to_the_soft_one() {
        for (text, soft, hard) in [
            ("nofile=1024", 1024, 1024),
            ("nofile=1:2", 1, 2),
            ("core=-1", -1, -1),
            ("core=0:-1", 0, -1),
        ] {
            let limit = parse(text).expect("a limit");
            assert_eq!((limit.soft, limit.hard), (soft, hard), "{text}");
        }
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in ["nofile", "files=1", "nofile=x", "nofile=2:1", "nofile=-1:5", "nofile=1:2:3"] {
            parse(text).expect_err(text);
        }
    }
}
