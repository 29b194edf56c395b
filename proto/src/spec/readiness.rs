//! Readiness: whether a task that runs is to get requests. Docker does not have it; the members are those of its health check.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::is_default;
use crate::time::Nanoseconds;

/// How the agent finds out whether a running task is to get requests. A task that is not ready is left out of every routing table and
/// is otherwise left alone: restarting is what the health check is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReadinessConfig {
    /// What is tried: `["CMD", program, ...]`, `["CMD-SHELL", command]`, `["HTTP", "port/path"]` or `["TCP", "port"]`. In an update
    /// `["NONE"]` takes the check back, and its absence leaves it as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Time between checks; 0 means 5 s.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub interval: Nanoseconds,
    /// Time a check may take; 0 means 5 s.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub timeout: Nanoseconds,
    /// Time from the start in which failures do not count. A task that has not passed once is not ready, however long this is.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub start_period: Nanoseconds,
    /// Failures in a row that make a ready task not ready; 0 means 3.
    #[serde(skip_serializing_if = "is_default")]
    pub retries: i64,
}

impl ReadinessConfig {
    /// The time between checks when none is given. Shorter than that of health checks (30 s): it is how long requests fail.
    const DEFAULT_INTERVAL: Nanoseconds = Nanoseconds::from_secs(5);
    /// The time a check may take when none is given.
    const DEFAULT_TIMEOUT: Nanoseconds = Nanoseconds::from_secs(5);
    /// The failures in a row when none are given (those of health checks, moby `daemon/health.go`).
    const DEFAULT_RETRIES: i64 = 3;

    /// The time between checks.
    #[must_use]
    pub fn interval(&self) -> Nanoseconds {
        self.interval.or(Self::DEFAULT_INTERVAL)
    }

    /// The time a check may take.
    #[must_use]
    pub fn timeout(&self) -> Nanoseconds {
        self.timeout.or(Self::DEFAULT_TIMEOUT)
    }

    /// The failures in a row that make a ready task not ready.
    #[must_use]
    pub fn retries(&self) -> i64 {
        if self.retries == 0 { Self::DEFAULT_RETRIES } else { self.retries }
    }

    /// What is tried.
    ///
    /// # Errors
    ///
    /// When the test is none that there is.
    pub fn probe(&self) -> Result<Probe<'_>, UnknownProbe> {
        match self.test.as_slice() {
            [kind, command @ ..] if kind == "CMD" && !command.is_empty() => {
                Ok(Probe::Command(command))
            }
            [kind, command] if kind == "CMD-SHELL" && !command.is_empty() => {
                Ok(Probe::Shell(command))
            }
            [kind, port] if kind == "TCP" => port_number(port).map(Probe::Tcp).ok_or(UnknownProbe),
            [kind, at] if kind == "HTTP" => {
                let (number, path) = at.split_once('/').unwrap_or((at, ""));
                // It goes into a request line as it is.
                let plain = path.bytes().all(|byte| byte.is_ascii_graphic());
                let port = port_number(number).filter(|_| plain).ok_or(UnknownProbe)?;
                Ok(Probe::Http { port, path })
            }
            _ => Err(UnknownProbe),
        }
    }
}

/// One way to find out whether a task is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe<'a> {
    /// `["CMD", program, argument...]`, run in the container, ends with 0.
    Command(&'a [String]),
    /// `["CMD-SHELL", command]`, run by a shell in the container, ends with 0.
    Shell(&'a str),
    /// `["HTTP", "port/path"]`: a GET request, made inside the container's network, is answered with a status from 200 to 399.
    Http {
        /// The container's port.
        port: u16,
        /// The path without the first slash, and the query.
        path: &'a str,
    },
    /// `["TCP", "port"]`: a connection, made inside the container's network, is accepted.
    Tcp(u16),
}

/// A test that is none of [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be [\"CMD\", program, ...], [\"CMD-SHELL\", command], [\"HTTP\", \"port/path\"] or [\"TCP\", \"port\"]"
)]
pub struct UnknownProbe;

fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(test: &[&str]) -> Result<String, UnknownProbe> {
        let test = test.iter().map(|&word| word.to_owned()).collect();
        let config = ReadinessConfig { test, ..ReadinessConfig::default() };
        config.probe().map(|probe| format!("{probe:?}"))
    }

    #[test]
    fn every_way_is_understood_and_nothing_else() {
        for (test, understood) in [
            (&["CMD", "check", "-a"][..], r#"Command(["check", "-a"])"#),
            (&["CMD-SHELL", "test -e /ready"], r#"Shell("test -e /ready")"#),
            (&["HTTP", "8080/a/b?c=d"], r#"Http { port: 8080, path: "a/b?c=d" }"#),
            (&["HTTP", "80"], r#"Http { port: 80, path: "" }"#),
            (&["TCP", "5432"], "Tcp(5432)"),
        ] {
            assert_eq!(probe(test).as_deref(), Ok(understood), "{test:?}");
        }
        for test in [
            &[][..],
            &["NONE"],
            &["CMD"],
            &["CMD-SHELL"],
            &["CMD-SHELL", "a", "b"],
            &["TCP", "0"],
            &["TCP", "+80"],
            &["TCP", "80/"],
            &["HTTP", "/path"],
            &["HTTP", "80/a b"],
            &["HTTP", "80/a\r\nHost: x"],
        ] {
            assert_eq!(probe(test), Err(UnknownProbe), "{test:?}");
        }
    }
}
