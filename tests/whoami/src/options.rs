//! What was typed. Pure.

use std::time::Duration;

use anyhow::Context;
use anyhow::bail;

use crate::request;

/// Where the server listens unless told otherwise.
const DEFAULT_PORT: u16 = 8000;

/// How to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Serve {
    /// The port of HTTP and UDP.
    pub(crate) port: u16,
    /// The port on which each line over TCP is answered by a line.
    pub(crate) echo: Option<u16>,
    /// What to be called in answers.
    pub(crate) name: String,
    /// How long to wait before listening.
    pub(crate) start_after: Duration,
    /// When to fail.
    pub(crate) exit_after: Option<Duration>,
    /// Whether `/health` says that something is wrong.
    pub(crate) unhealthy: bool,
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            port: DEFAULT_PORT,
            echo: None,
            name: "whoami".to_owned(),
            start_after: Duration::ZERO,
            exit_after: None,
            unhealthy: false,
        }
    }
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Print the usage.
    Help,
    /// Answer.
    Serve(Serve),
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
    /// Show a file.
    File {
        /// Its path.
        path: String,
    },
}

/// Reads the arguments after the program's name; `port_variable` is the value of `PORT` in the environment.
pub(crate) fn parse(
    args: impl Iterator<Item = String>,
    port_variable: Option<String>,
) -> anyhow::Result<Mode> {
    let mut words = Vec::new();
    let mut serve = Serve::default();
    let mut count = 1;
    if let Some(text) = port_variable {
        serve.port = number("PORT", &text)?;
    }
    let mut args = args;
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "-h" | "--help" => return Ok(Mode::Help),
            "--port" => serve.port = number(&arg, &value()?)?,
            "--echo" => serve.echo = Some(number(&arg, &value()?)?),
            "--name" => serve.name = value()?,
            "--start-after" => serve.start_after = request::duration(&value()?)?,
            "--exit-after" => serve.exit_after = Some(request::duration(&value()?)?),
            "--unhealthy" => serve.unhealthy = true,
            "-n" => count = number(&arg, &value()?)?,
            option if option.starts_with('-') => bail!("unknown option {option}"),
            _ => words.push(arg),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(match words[..] {
        [] | ["serve"] => Mode::Serve(serve),
        ["get", url] => Mode::Get { url: url.to_owned(), count },
        ["udp", target] => Mode::Udp { target: target.to_owned(), count },
        ["lookup", name] => Mode::Lookup { name: name.to_owned() },
        ["file", path] => Mode::File { path: path.to_owned() },
        _ => bail!("cannot read the arguments"),
    })
}

fn number<T: std::str::FromStr>(what: &str, text: &str) -> anyhow::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().with_context(|| format!("{what} {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, port: Option<&str>) -> anyhow::Result<Mode> {
        parse(line.split_whitespace().map(str::to_owned), port.map(str::to_owned))
    }

    #[test]
    fn an_option_wins_over_the_environment_and_that_over_the_default() {
        let serve = |port| Mode::Serve(Serve { port, ..Serve::default() });
        assert_eq!(parsed("", None).unwrap(), serve(8000));
        assert_eq!(parsed("", Some("81")).unwrap(), serve(81));
        assert_eq!(parsed("serve --port 82", Some("81")).unwrap(), serve(82));
    }

    #[test]
    fn a_server_can_be_told_to_behave_badly() {
        let line = "serve --echo 9 --name web --start-after 2s --exit-after 500ms --unhealthy";
        let expected = Serve {
            port: 8000,
            echo: Some(9),
            name: "web".into(),
            start_after: Duration::from_secs(2),
            exit_after: Some(Duration::from_millis(500)),
            unhealthy: true,
        };
        assert_eq!(parsed(line, None).unwrap(), Mode::Serve(expected));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for line in [
            "serve --port x",
            "--prot 1",
            "--exit-after 5",
            "get",
            "get a b",
            "get a -n",
            "fetch a",
        ] {
            assert!(parsed(line, None).is_err(), "{line}");
        }
    }

    #[test]
    fn clients_ask_once_unless_told() {
        assert_eq!(parsed("get u", None).unwrap(), Mode::Get { url: "u".into(), count: 1 });
        assert_eq!(parsed("udp u -n 3", None).unwrap(), Mode::Udp { target: "u".into(), count: 3 });
    }
}
