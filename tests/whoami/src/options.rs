//! What was typed. Pure.

use anyhow::Context;
use anyhow::bail;

/// Where the server listens unless told otherwise.
const DEFAULT_PORT: u16 = 8000;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Print the usage.
    Help,
    /// Answer on HTTP and UDP.
    Serve {
        /// The port of both.
        port: u16,
    },
    /// Ask over HTTP.
    Get {
        /// `http://HOST[:PORT][/PATH]`.
        url: String,
        /// How often.
        count: u32,
    },
    /// Ask over UDP.
    Udp {
        /// `HOST:PORT`.
        target: String,
        /// How often.
        count: u32,
    },
    /// Look a name up.
    Lookup {
        /// The name.
        name: String,
    },
}

/// Reads the arguments after the program's name; `port_variable` is the value of `PORT` in the environment.
pub(crate) fn parse(
    args: impl Iterator<Item = String>,
    port_variable: Option<String>,
) -> anyhow::Result<Mode> {
    let mut words = Vec::new();
    let mut port = port_variable;
    let mut count = None;
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-h" | "--help" => return Ok(Mode::Help),
            "--port" => port = Some(args.next().context("--port needs a value")?),
            "-n" => count = Some(args.next().context("-n needs a value")?),
            option if option.starts_with('-') => bail!("unknown option {option}"),
            _ => words.push(arg),
        }
    }
    let count = match count {
        Some(text) => text.parse().with_context(|| format!("-n {text}"))?,
        None => 1,
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(match words[..] {
        [] | ["serve"] => Mode::Serve {
            port: match port {
                Some(text) => text.parse().with_context(|| format!("port {text}"))?,
                None => DEFAULT_PORT,
            },
        },
        ["get", url] => Mode::Get { url: url.to_owned(), count },
        ["udp", target] => Mode::Udp { target: target.to_owned(), count },
        ["lookup", name] => Mode::Lookup { name: name.to_owned() },
        _ => bail!("cannot read the arguments"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, port: Option<&str>) -> anyhow::Result<Mode> {
        parse(line.split_whitespace().map(str::to_owned), port.map(str::to_owned))
    }

    #[test]
    fn an_option_wins_over_the_environment_and_that_over_the_default() {
        assert_eq!(parsed("", None).unwrap(), Mode::Serve { port: 8000 });
        assert_eq!(parsed("", Some("81")).unwrap(), Mode::Serve { port: 81 });
        assert_eq!(parsed("serve --port 82", Some("81")).unwrap(), Mode::Serve { port: 82 });
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for line in ["serve --port x", "--prot 1", "get", "get a b", "get a -n", "fetch a"] {
            assert!(parsed(line, None).is_err(), "{line}");
        }
    }

    #[test]
    fn clients_ask_once_unless_told() {
        assert_eq!(parsed("get u", None).unwrap(), Mode::Get { url: "u".into(), count: 1 });
        assert_eq!(parsed("udp u -n 3", None).unwrap(), Mode::Udp { target: "u".into(), count: 3 });
    }
}
